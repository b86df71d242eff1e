"""What a release would run on a side: workloads with their new images and the configuration they read."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from flipgate.core.spec.application import Application
from flipgate.core.spec.images import Image, parse_image
from flipgate.core.values.errors import BadInput, Refused
from flipgate.core.values.nearest import hint
from flipgate.core.values.reasons import Why
from flipgate.core.workloads.containers import released, untold
from flipgate.core.workloads.kinds import KINDS
from flipgate.core.workloads.view import AGAIN, DATABASES, SideState

RESTARTED: Final = frozenset(
    {"kubectl.kubernetes.io/restartedAt", "openshift.openshift.io/restartedAt", "cattle.io/timestamp", AGAIN, DATABASES}
)
"""Annotations that a restart writes on a pod template, with its time: `kubectl rollout restart` and all that do as it
does, the OpenShift console, Rancher's redeploy; and our own, by which a reference was released again, and pods are
started for another database."""


GENERATED: Final = re.compile(r"(?P<base>.+)-[2456789bcdfghkmt]{10}")
"""A name that kustomize's configMapGenerator made: the hash of its content at the end, in the letters that
sigs.k8s.io/kustomize/api/hasher writes hex in."""


def images_of(application: Application, side: SideState) -> dict[str, str]:
    """Returns each declared service's image as it stands in the side's workloads."""
    found = {s.name: side.workloads[s.name].image_of(s.container) for s in application.spec.services}
    return {name: image for name, image in sorted(found.items()) if image}


def wanted_images(application: Application, base: SideState, given: Mapping[str, str]) -> dict[str, str]:
    """Returns the whole environment's images: those of `base` (the active side; for a first release ever the dark side
    itself, as its workloads were installed), overlaid with those that were built."""
    return dict(sorted({**images_of(application, base), **given}.items()))


def config_maps(template: Mapping[str, Any]) -> set[str]:
    """Returns the names of the ConfigMaps that a pod template reads, by environment or by volume."""
    volumes = template.get("spec", {}).get("volumes", [])
    sources = [*volumes, *(source for v in volumes for source in v.get("projected", {}).get("sources", []))]
    names = {source.get("configMap", {}).get("name") for source in sources}
    return {name for name in names if name} | environment_config_maps(template)


def environment_config_maps(template: Mapping[str, Any]) -> set[str]:
    """Returns the ConfigMaps that a pod template reads as environment, by name: when a container starts."""
    spec = template.get("spec", {})
    containers = [*spec.get("containers", []), *spec.get("initContainers", [])]
    names = {ref.get("configMapRef", {}).get("name") for c in containers for ref in c.get("envFrom", [])}
    names |= {
        e.get("valueFrom", {}).get("configMapKeyRef", {}).get("name") for c in containers for e in c.get("env", [])
    }
    return {name for name in names if name}


def configuration_hash(configuration: Mapping[str, Any]) -> str:
    """Returns the hash of ConfigMaps by name, as 16 hex digits; one that does not exist is None, and counts too."""
    canonical = json.dumps(configuration, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def render(
    application: Application, side: SideState, images: Mapping[str, str], configuration: Mapping[str, Any]
) -> dict[str, Any]:
    """Renders the side, with its own name and namespace taken out, so that blue's and green's compare.

    `configuration` maps ConfigMap name to its data. Secrets are named by the templates and never read.
    Raises Refused when the side lacks a declared workload or container, when nothing tells which container is a
    service's, and when a service's image is not known.
    """
    if side.missing:
        raise _cannot(side, f"lacks {side.lacks}", Why.WORKLOAD_MISSING)
    if unknown := sorted(service.name for service in application.spec.services if service.name not in images):
        fact = f"no image is known for {', '.join(unknown)}: the live side has none, and none was given"
        raise _cannot(side, fact, Why.IMAGE_UNKNOWN)
    services = {}
    for service in application.spec.services:
        workload = side.workloads[service.name]
        template = meant(workload.template)
        template.get("metadata", {}).pop("creationTimestamp", None)
        if service.container and service.container not in workload.images:
            fact = f"{workload.kind} {service.name} has no container {service.container}"
            raise _cannot(side, fact, Why.CONTAINER_MISSING)
        if not_told := untold(workload, service, images[service.name]):
            raise _cannot(side, f"{workload.kind} {service.name} {not_told}", Why.CONTAINER_MISSING)
        for each in released(workload, service):
            template["spec"][each.list][each.index]["image"] = images[service.name]
        kind = {"kind": workload.kind} if KINDS[workload.kind].in_release_id else {}
        services[service.name] = template | kind | ({"schedule": workload.schedule} if workload.schedule else {})
    own = {str(side.side): "<side>", side.namespace: "<namespace>"}
    own |= _generated(configuration, own)
    by_name = {own.get(name, name): data for name, data in configuration.items()}
    neutral: dict[str, Any] = _neutral({"services": services, "configuration": by_name}, own)
    return neutral


def _generated(configuration: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, str]:
    """Returns what generated ConfigMaps are called in what is compared: by the content that both sides would agree on,
    since the name's own hash has the side's name and namespace in it. A generated Secret keeps its name, which is the
    digest of a content that nobody reads here."""
    found = {name: match for name in configuration if (match := GENERATED.fullmatch(name))}
    return {
        name: f"{match['base']}-{configuration_hash({'': _neutral(configuration[name], own)})}"
        for name, match in found.items()
    }


def meant(template: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy of a pod template as somebody meant it: without the mark of a restart, which only has the same
    pods started anew."""
    copy: dict[str, Any] = json.loads(json.dumps(template))
    meta = copy.get("metadata") or {}
    annotations = meta.get("annotations") or {}
    if marks := RESTARTED & annotations.keys():
        meta["annotations"] = {key: value for key, value in annotations.items() if key not in marks}
        if not meta["annotations"]:
            del meta["annotations"]
    return copy


def _cannot(side: SideState, fact: str, reason: Why) -> Refused:
    return Refused(
        fact,
        obj=f"side {side.side} (namespace {side.namespace})",
        reason=reason,
        untouched="both sides",
        next_command=f"kubectl -n {side.namespace} get {side.resources} -o wide",
    )


def _neutral(value: Any, own: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _neutral(each, own) for key, each in value.items()}
    if isinstance(value, list):
        return [_neutral(each, own) for each in value]
    return own.get(value, value) if isinstance(value, str) else value


def image_refs(refs: Mapping[str, str], app: Application) -> dict[str, str]:
    """Returns these images as text again, once each can be meant. Raises as `parse_images`."""
    return {name: str(image) for name, image in parse_images(refs, app).items()}


def parse_images(refs: Mapping[str, str], app: Application) -> dict[str, Image]:
    """Reads the images of a release, by service name, in the application's order.

    Raises BadInput for a service that the application does not have (with the nearest known), no image at all, an image
    of another repository than the declared one, and any reference that `parse_image` refuses; all in one message.
    """
    known = [service.name for service in app.spec.services]
    problems = [f'unknown service "{name}"; {hint(name, known)}' for name in refs if name not in known]
    images: dict[str, Image] = {}
    for name in (name for name in known if name in refs):
        try:
            images[name] = parse_image(refs[name])
        except BadInput as error:
            problems.append(f"{name}: {error.obj} {error.fact}")
            continue
        declared = app.service(name).image
        if declared and images[name].repository != declared:
            problems.append(f"{name}: {refs[name]} is not of {declared}, the repository declared for it")
    if not refs:
        problems.append(f"no image given; name at least one as NAME=REPOSITORY:TAG, for example {known[0]}=...")
    if problems:
        raise BadInput("; ".join(problems), obj=f"images for {app.name}", untouched="both sides")
    return images
