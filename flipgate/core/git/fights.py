"""Fields that both Git and flipgate would write: each would take the other's back, at each look of whoever applies the
repository. Found before it begins, with the lines that end it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flipgate.core.git.rendered import Rendered, workload_in
from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.values.place import Place
from flipgate.core.workloads.containers import behind
from flipgate.core.workloads.scaled_objects import PAUSED, PAUSED_AT, SCALED_OBJECT
from flipgate.core.workloads.view import SideState

OURS: Final = "flipgate.dev/"
"""What flipgate's own annotations and labels begin with."""


def fights(application: Application, place: Place, rendered: Rendered) -> Iterator[str]:
    """Yields what a side's overlay says that flipgate sets, too: a sentence each, with what to write instead."""
    yield from _counted(application, place, rendered)
    for service in application.spec.services:
        what = f"{service.kind} {place.namespace}/{place.workload_of(service)}"
        if obj := rendered.get(what):
            yield from _own(what, obj.get("metadata") or {})
        yield from _consuming(service, place, rendered)
    yield from _pointed(application, place, rendered)
    for name, obj in rendered.items():
        annotations = (obj.get("metadata") or {}).get("annotations") or {}
        if name.startswith(f"{SCALED_OBJECT} ") and (keys := sorted({PAUSED, PAUSED_AT} & annotations.keys())):
            yield f"{name}: Git says {', '.join(keys)}, by which flipgate pauses it on a dark side: leave it out of Git"


def runs_otherwise(application: Application, side: SideState, rendered: Rendered) -> Iterator[str]:
    """Yields what a side runs that its overlay says otherwise: whoever applies the repository next changes its pods,
    the live side's too."""
    for service in application.spec.services:
        said, runs = workload_in(rendered, service, side.place), side.workloads[service.name]
        if said is None:
            yield f"{runs} is not in the overlay of {side.side}: no release can set its image there"
            continue
        image = said.image_of(service.container)
        if image and runs.found and behind(runs, service, image):
            yield f"{runs} runs {runs.image_of(service.container)}, and its overlay says {image}"


def _counted(application: Application, place: Place, rendered: Rendered) -> Iterator[str]:
    """Yields a sentence for each kind of workload whose counts Git says, with one patch that takes all of them out."""
    found: dict[str, dict[str, Any]] = {}
    for service in application.spec.services:
        obj = rendered.get(f"{service.kind} {place.namespace}/{place.workload_of(service)}") or {}
        spec = obj.get("spec") or {}
        if (key := "suspend" if service.kind == "CronJob" else "replicas") in spec:
            found.setdefault(service.kind, {})[obj["metadata"]["name"]] = spec[key]
    for kind, said in found.items():
        key = "suspend" if kind == "CronJob" else "replicas"
        named = ", ".join(f"{name} `{key}: {json.dumps(value)}`" for name, value in said.items())
        # A target's name is a pattern of the whole name (kustomize); its patch fails where there is nothing to remove.
        names = "|".join(said)
        target = f"{{kind: {kind}, name: {f'({names})' if len(said) > 1 else names}}}"
        patch = json.dumps(
            [{"op": "remove", "path": f"/spec/{key}"}]
        )  # kustomize takes a list on one line as JSON alone
        lines = f"`patches: [{{target: {target}, patch: '{patch}'}}]`"
        yield (
            f"{kind}s of {place.namespace}: Git says of {named}, which flipgate sets, too: whoever applies the "
            f"repository would take each change back. Leave it out of the base, or write in the overlay {lines}; "
            "first see docs/gitops.md, What Git leaves out: what leaves Git is set to its default"
        )


def _consuming(service: Service, place: Place, rendered: Rendered) -> Iterator[str]:
    if service.consume is None:
        return
    name, key = f"ConfigMap {place.namespace}/{service.consume.config_map}", service.consume.key
    if key in ((rendered.get(name) or {}).get("data") or {}):
        yield f"{name}: Git says `{key}`, by which flipgate tells pods whether to consume: leave that key out of Git"


def _pointed(application: Application, place: Place, rendered: Rendered) -> Iterator[str]:
    for clone in (each.clone for each in application.cloned()):
        name = f"ConfigMap {place.namespace}/{clone.config_map}" if clone else ""
        if clone and clone.key in ((rendered.get(name) or {}).get("data") or {}):
            yield f"{name}: Git says `{clone.key}`, by which flipgate tells pods their database: leave it out of Git"


def _own(what: str, meta: Mapping[str, Any]) -> Iterator[str]:
    for part in ("annotations", "labels"):
        keys = sorted(key for key in meta.get(part) or {} if key.startswith(OURS))
        if keys:
            yield f"{what}: Git says the {part[:-1]} {', '.join(keys)}, which only flipgate writes: leave it out of Git"
