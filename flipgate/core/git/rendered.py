"""What overlays render to: the images that a side would get, and whatever a change of ours would change beside them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from flipgate.core.git import edits
from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.values.place import Place
from flipgate.core.workloads.containers import released
from flipgate.core.workloads.kinds import KINDS
from flipgate.core.workloads.view import Workload, read_workload

Rendered = Mapping[str, Mapping[str, Any]]
"""Objects by what they are called: `Deployment production-green/api`."""


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
    """Returns which objects would be changed in anything but the images of what is released: their names."""
    expected = dict(before)
    for service in application.spec.services:
        name = f"{service.kind} {place.namespace}/{place.workload_of(service)}"
        if (workload := workload_in(before, service, place)) and name in before:
            expected[name] = _with(before[name], service, workload, images[service.name])
    return tuple(sorted(name for name in expected.keys() | after.keys() if expected.get(name) != after.get(name)))


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
