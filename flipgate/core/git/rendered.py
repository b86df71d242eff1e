"""What overlays render to: the images that a side would get, and whatever a change of ours would change beside them."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flipgate.core.git import edits
from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.values.place import Place, side_at
from flipgate.core.workloads.containers import LISTS, released
from flipgate.core.workloads.kinds import KINDS
from flipgate.core.workloads.view import Workload, read_workload, repository_of

FORCE: Final = "kustomize.toolkit.fluxcd.io/force"
"""Annotation by which kustomize-controller makes an object anew that cannot be changed (fluxcd.io/flux/components)."""
IMMUTABLE: Final = (
    f". A Job that is there cannot get another image: Flux applies nothing of the overlay then, unless the Job has the "
    f"annotation {FORCE}: enabled, or is gone by then (ttlSecondsAfterFinished)"
)
_AWAY: Final = re.compile(
    r"dial tcp|no such host|could not resolve host|connection (refused|reset|timed out)|failed to connect|i/o timeout"
    r"|handshake timeout|network is unreachable|no route to host|(returned error:|status code) (429|5\d\d)"
    r"|hit \S+ timeout running|early eof|hung up",
    re.I,
)
"""Go's, git's and kustomize's words for a server that does not answer (kustomize 5, its api/internal/git and loader).
"""
Rendered = Mapping[str, Mapping[str, Any]]
"""Objects by what they are called: `Deployment production-green/api`."""


def lacks_a_remote(said: str) -> bool:
    """Whether kustomize could not render for a server of a remote base that does not answer: that says nothing of what
    the repository has."""
    return bool(_AWAY.search(said))


def read_rendered(text: str, source: str) -> Rendered:
    """Reads what a kustomization renders to. Raises BadInput for what is not YAML."""
    found = [each for each in edits.read_values(text, source) if isinstance(each, Mapping)]
    return {_called(obj): obj for obj in found}


def workload_in(rendered: Rendered, service: Service, place: Place) -> Workload | None:
    """Returns a service's workload as a side's overlay has it; None where it has none."""
    name = place.workload_of(service)
    obj = rendered.get(f"{service.kind} {place.namespace}/{name}")
    return read_workload(name, place.namespace, obj, service.kind, service.image) if obj else None


def not_set(application: Application, place: Place, rendered: Rendered, images: Mapping[str, str]) -> tuple[str, ...]:
    """Returns what would not get its image, a sentence each: the overlay does not have it, or says another image."""
    found = []
    for service in application.spec.services:
        workload = workload_in(rendered, service, place)
        if workload is None:
            found.append(f"{service.kind} {service.name} is not in it")
            continue
        wanted = images[service.name]
        others = [each for each in released(workload, service) if each.image != wanted]
        found += [f"{service.name}: container {each.name} gets {each.image}, not {wanted}" for each in others]
    return tuple(found)


def also_changed(
    application: Application, place: Place, before: Rendered, after: Rendered, images: Mapping[str, str]
) -> tuple[str, ...]:
    """Returns which objects would be changed in anything that a release does not set: their names.

    A release sets the images of the declared services. What is not declared (a migration's Job) and runs an image of
    the same repository gets the release's, for an overlay has one entry a repository: that is what its team means. Not
    on the other side, and not a declared service that should keep its own.
    """
    declared = _declared(application, place)
    refs = {repository_of(ref): ref for ref in images.values()}
    expected: dict[str, Any] = {}
    for name, obj in before.items():
        if service := declared.get(name):
            workload = workload_in(before, service, place)
            expected[name] = _with(obj, service, workload, images[service.name]) if workload else obj
        else:
            expected[name] = obj if _elsewhere(application, place, obj) else _retagged(obj, refs)
    return tuple(sorted(name for name in expected.keys() | after.keys() if expected.get(name) != after.get(name)))


def also_set(
    application: Application, place: Place, before: Rendered, after: Rendered
) -> dict[str, tuple[tuple[str, str], ...]]:
    """Returns the objects that are not declared and whose images differ: what each had, and gets."""
    declared, found = _declared(application, place), {}
    for name in sorted(before.keys() & after.keys() - declared.keys()):
        pairs = zip(_images_in(before[name]), _images_in(after[name]), strict=False)
        if changed := tuple(dict.fromkeys((was, now) for was, now in pairs if was != now)):
            found[name] = changed
    return found


def also_released(application: Application, place: Place, rendered: Rendered, images: Mapping[str, str]) -> list[str]:
    """Returns a sentence for each object of an overlay that is not declared and runs what a release sets."""
    repositories = {repository_of(ref) for ref in images.values()}
    said = []
    for name in sorted(rendered.keys() - _declared(application, place).keys()):
        obj = rendered[name]
        if found := [each for each in dict.fromkeys(_images_in(obj)) if repository_of(each) in repositories]:
            fact = f"{name}: not declared, and the commit of each release sets its image, too ({', '.join(found)})"
            forced = str(((obj.get("metadata") or {}).get("annotations") or {}).get(FORCE, "")).lower() == "enabled"
            said.append(f"{fact}{IMMUTABLE if obj.get('kind') == 'Job' and not forced else ''}")
    return said


def _declared(application: Application, place: Place) -> dict[str, Service]:
    return {f"{each.kind} {place.namespace}/{place.workload_of(each)}": each for each in application.spec.services}


def _elsewhere(application: Application, place: Place, obj: Mapping[str, Any]) -> bool:
    """Whether it stands on the other side."""
    return side_at(application.places, str((obj.get("metadata") or {}).get("namespace", ""))) is place.side.other


def _retagged(value: Any, refs: Mapping[str, str]) -> Any:
    """The value with these images, by repository, in each list of containers, wherever kustomize looks for one: at any
    depth of any kind (its api/filters/imagetag)."""
    if isinstance(value, list):
        return [_retagged(each, refs) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: [_of_release(each, refs) for each in found]
        if key in LISTS and isinstance(found, list)
        else _retagged(found, refs)
        for key, found in value.items()
    }


def _of_release(container: Any, refs: Mapping[str, str]) -> Any:
    image = container.get("image") if isinstance(container, Mapping) else None
    ref = refs.get(repository_of(image)) if isinstance(image, str) else None
    return {**container, "image": ref} if ref else container


def _images_in(value: Any) -> Iterator[str]:
    """The images in all lists of containers, in their order."""
    if isinstance(value, list):
        for each in value:
            yield from _images_in(each)
    elif isinstance(value, Mapping):
        for key, found in value.items():
            listed = found if key in LISTS and isinstance(found, list) else []
            yield from (each["image"] for each in listed if isinstance(each, Mapping) and each.get("image"))
            yield from _images_in(found if not listed else None)


def _with(obj: Mapping[str, Any], service: Service, workload: Workload, image: str) -> Mapping[str, Any]:
    """The object with this image wherever it is released."""
    changed: dict[str, Any] = json.loads(json.dumps(obj, default=str))
    template = changed
    for step in KINDS[service.kind].template:
        template = template[step]
    for spot in released(workload, service):
        template["spec"][spot.list][spot.index]["image"] = image
    return changed


def _called(obj: Mapping[str, Any]) -> str:
    meta = obj.get("metadata") or {}
    return f"{obj.get('kind', '')} {meta.get('namespace', '')}/{meta.get('name', '')}"


def first_difference(before: str, after: str, lines: int = 6) -> str:
    """Returns the first lines in which two texts differ, as diff writes them."""
    changed = [
        line
        for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
    return "; ".join(each.strip() for each in changed[:lines])
