"""A Job made of a workload's own pod template: its container, its configuration and its accounts, with another command.

Its pod must never be counted as one of the service's, nor get traffic. So it bears none of the template's labels: which
of them a Service selects by is the cluster's to know. What admission reads is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

KEPT_OF_POD: Final = (
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostNetwork",
    "hostUsers",
    "imagePullSecrets",
    "nodeSelector",
    "os",
    "preemptionPolicy",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "terminationGracePeriodSeconds",
    "tolerations",
    "volumes",
)
"""Where it runs, as whom, and with what: not which containers stand beside it, nor who has to be near it."""
TAKEN_AWAY: Final = frozenset(
    {
        "args",
        "command",
        "lifecycle",
        "livenessProbe",
        "ports",
        "readinessProbe",
        "resizePolicy",
        "restartPolicy",
        "startupProbe",
        "stdin",
        "stdinOnce",
        "tty",
    }
)
"""Of the container: what is for a service."""
KEPT_LABELS: Final = ("azure.workload.identity/use", "sidecar.istio.io/inject")
"""Read when a pod is admitted: without them it would get no identity, or another network."""
TASK: Final = "flipgate.dev/task"
"""A label of its own, by which a NetworkPolicy can let it through."""
SCRAPED: Final = "prometheus.io/"
"""Annotations by which a pod is measured."""


def own_job(template: Mapping[str, Any], container: str, image: str, run: Sequence[str], task: str) -> dict[str, Any]:
    """Returns the spec of a Job of this task that runs a command in the container of this name, with this image, once.
    Volumes that only a StatefulSet's own claims give are left out with their mounts; so are init containers. Raises
    KeyError where the template has no such container."""
    pod = template.get("spec") or {}
    found = next((each for each in pod.get("containers") or [] if each["name"] == container), None)
    if found is None:
        raise KeyError(container)
    volumes = {volume["name"] for volume in pod.get("volumes") or []}
    kept = {key: value for key, value in found.items() if key not in TAKEN_AWAY}
    for key in ("volumeMounts", "volumeDevices"):
        if key in kept:
            kept[key] = [mount for mount in kept[key] if mount["name"] in volumes]
    spec = {key: pod[key] for key in KEPT_OF_POD if key in pod}
    if near := (pod.get("affinity") or {}).get("nodeAffinity"):
        spec["affinity"] = {"nodeAffinity": near}
    spec |= {"restartPolicy": "Never", "containers": [{**kept, "image": image, "command": list(run)}]}
    return {"backoffLimit": 0, "template": {"metadata": _meta(template.get("metadata") or {}, task), "spec": spec}}


def with_variables(spec: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, Any]:
    """Returns a Job's spec whose containers have these variables, FLIPGATE_ before their names, in the place of their
    own of that name."""
    if not told:
        return dict(spec)
    more = {f"FLIPGATE_{name}": value for name, value in told.items()}

    def one(container: Mapping[str, Any]) -> dict[str, Any]:
        kept = [each for each in container.get("env") or [] if each.get("name") not in more]
        return {**container, "env": [*kept, *({"name": name, "value": value} for name, value in more.items())]}

    template = spec.get("template") or {}
    pod = template.get("spec") or {}
    lists = {key: [one(each) for each in pod[key]] for key in ("initContainers", "containers") if pod.get(key)}
    return {**spec, "template": {**template, "spec": {**pod, **lists}}}


def _meta(meta: Mapping[str, Any], task: str) -> dict[str, Any]:
    kept = {key: value for key, value in (meta.get("labels") or {}).items() if key in KEPT_LABELS}
    annotations = {k: value for k, value in (meta.get("annotations") or {}).items() if not k.startswith(SCRAPED)}
    return {"labels": {**kept, TASK: task}, **({"annotations": annotations} if annotations else {})}
