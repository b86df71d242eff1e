"""Which containers of a pod get a release's image, init containers too, and which of them is the service's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flipgate.core.spec.service import Service
from flipgate.core.values.frozen import dataclass
from flipgate.core.workloads.view import AGAIN, DATABASES, Workload, main_of, repository_of

LISTS: Final = ("containers", "initContainers")


@dataclass(frozen=True)
class Spot:
    """One container of a pod template: its list, its place in it, its name and its image."""

    list: str
    index: int
    name: str
    image: str

    @property
    def pointer(self) -> str:
        """Its JSON pointer within the pod template."""
        return f"/spec/{self.list}/{self.index}"


def spots(template: Mapping[str, Any]) -> tuple[Spot, ...]:
    """Returns the containers of a pod template, init containers last."""
    spec = template.get("spec", {})
    listed = [(each, *found) for each in LISTS for found in enumerate(spec.get(each) or [])]
    return tuple(Spot(each, index, found["name"], found.get("image", "")) for each, index, found in listed)


def released(workload: Workload, service: Service) -> tuple[Spot, ...]:
    """Returns the containers that get the release's image: the service's own, and those of the declared repository.
    Where none is declared, those that have the very image that the service's own has: they are of one build."""
    main = workload.container_of(service.container)
    own = workload.images.get(main)
    return tuple(
        each
        for each in spots(workload.template)
        if (each.list == LISTS[0] and each.name == main)
        or (repository_of(each.image) == service.image if service.image else each.image == own)
    )


def behind(workload: Workload, service: Service, image: str) -> tuple[Spot, ...]:
    """Returns those of them that do not have this image."""
    return tuple(each for each in released(workload, service) if each.image != image)


def left_out(workload: Workload, service: Service) -> tuple[Spot, ...]:
    """Returns the containers of the same repository as the service's own that keep what they have: it is not declared,
    and their image is another, which may be meant."""
    own, gets_it = repository_of(workload.image_of(service.container) or ""), released(workload, service)
    return tuple(each for each in spots(workload.template) if each not in gets_it and repository_of(each.image) == own)


def untold(workload: Workload, service: Service, image: str = "") -> str:
    """Why nothing tells which container is the service's: a sentence's end, with what to declare. Empty where something
    does. With an image that is to be set, only what speaks against the first container is said."""
    if service.container or len(workload.images) < 2:
        return ""
    names = ", ".join(f"{name} ({ref})" for name, ref in workload.images.items())
    ask = f"declare `container:` for {service.name}"
    if service.image:
        none = not main_of(workload.images, service.image)
        return f"has no container of {service.image}, the declared repository, among {names}: {ask}" if none else ""
    others = [ref for ref in workload.images.values() if image and repository_of(ref) == repository_of(image)]
    first = next(iter(workload.images.values()))
    if image and (not others or first in others):
        return ""
    which = f"the first is not of {repository_of(image)}" if image else "nothing says which is the service's"
    return f"has several containers, {names}, and {which}: {ask}, or `image:`, its repository"


def of_another_repository(workload: Workload, service: Service) -> str:
    """Says that the one container of a workload is not of the declared repository, as a sentence's end: builds of what
    it runs are refused. Empty where it is, or none is declared; a new registry is meant."""
    if not service.image or len(workload.images) != 1:
        return ""
    (image,) = workload.images.values()
    if repository_of(image) == service.image:
        return ""
    return (
        f"runs {image}, which is not of {service.image}, the repository that the file declares: a build of another is "
        "refused"
    )


@dataclass(frozen=True)
class Marks:
    """What a pod template is marked with so that its pods are made anew: that its reference is released `again`, and
    the `databases` that they are started for. Empty: as it stands."""

    again: str = ""
    databases: str = ""


UNMARKED: Final = Marks()


def changes(
    workload: Workload, service: Service, image: str, wanted: int, marks: Marks = UNMARKED
) -> list[dict[str, Any]]:
    """Returns the operations of a JSON patch that set this image wherever it is missing, and so many pods (a CronJob:
    suspended); with marks that it does not bear, pods that are made anew. None where all is as wanted."""
    operations = [*setting(workload, service, image), *marking(workload, marks)]
    if workload.up if workload.kind == "CronJob" else workload.replicas != wanted:
        operations.append(workload.asking(wanted))
    return operations


def setting(workload: Workload, service: Service, image: str) -> list[dict[str, Any]]:
    """Returns the operations that set this image wherever it is missing, and change nothing beside."""
    operations: list[dict[str, Any]] = []
    for each in behind(workload, service, image):
        pointer = f"{workload.template_pointer}{each.pointer}"
        operations.append({"op": "test", "path": f"{pointer}/name", "value": each.name})
        operations.append({"op": "add", "path": f"{pointer}/image", "value": image})
    return operations


def rolls(workload: Workload, service: Service, image: str, marks: Marks = UNMARKED) -> bool:
    """Whether setting this image, or these marks, has its pods made anew."""
    return bool(behind(workload, service, image) or marking(workload, marks))


def marking(workload: Workload, marks: Marks) -> list[dict[str, Any]]:
    """Returns the operations that put these marks on the pod template; none where they stand there, or there are none.
    Of a parent that is to be made it is tested that nobody else has made it since."""
    pointer, there = f"{workload.template_pointer}/metadata", workload.template.get("metadata")
    wanted = {AGAIN: (marks.again, workload.again), DATABASES: (marks.databases, workload.databases)}
    new = {name: value for name, (value, stands) in wanted.items() if value not in ("", stands)}
    annotations = (there or {}).get("annotations")
    if not new:
        return []
    if there is None:
        return [{"op": "add", "path": pointer, "value": {"annotations": new}}]
    if annotations is None:
        absent = {"op": "test", "path": f"{pointer}/annotations", "value": None}
        return [absent, {"op": "add", "path": f"{pointer}/annotations", "value": new}]
    paths = {f"{pointer}/annotations/{name.replace('/', '~1')}": value for name, value in new.items()}
    return [{"op": "add", "path": path, "value": value} for path, value in paths.items()]
