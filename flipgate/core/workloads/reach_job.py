"""The Job that asks an endpoint as a service's pods would: with their labels, account and nodes, by which network
policies and meshes let them through; and never one of them.

Its pod has a readiness gate that nobody opens, so it is never Ready: no Service sends it users, though it has the
labels that one selects by. No ReplicaSet takes it: a Job controls it. It is gone before pods of the release come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flipgate.core.workloads.own_job import own_job

NEVER_READY: Final = "flipgate.dev/asks-only"
"""The condition that its readiness gate waits for, and that nobody sets."""
KEPT_SECONDS: Final = 3_600
"""How long one that failed is kept for a look."""
FOR_PROGRAM: Final = frozenset({"env", "envFrom", "volumeMounts", "volumeDevices", "workingDir"})
"""Of the container: what its own program needs, and an image that only asks must not be given."""
INJECTING: Final = "vault.hashicorp.com/"
"""Annotations by which secrets are put into a pod."""


def reach_job(
    template: Mapping[str, Any], container: str, image: str, run: Sequence[str], task: str, *, bare: bool
) -> dict[str, Any]:
    """Returns the spec of that Job. `bare`: without variables, volumes and the account's token. Raises KeyError where
    the template has no such container."""
    spec = own_job(template, container, image, run, task)
    pod = spec["template"]["spec"]
    pod["readinessGates"] = [{"conditionType": NEVER_READY}]
    meta = spec["template"].setdefault("metadata", {})
    if bare:
        pod.pop("volumes", None)
        pod["automountServiceAccountToken"] = False
        pod["containers"] = [{k: v for k, v in each.items() if k not in FOR_PROGRAM} for each in pod["containers"]]
        given = meta.get("annotations") or {}
        meta["annotations"] = {key: value for key, value in given.items() if not key.startswith(INJECTING)}
    meta["labels"] = {**((template.get("metadata") or {}).get("labels") or {}), **(meta.get("labels") or {})}
    return {**spec, "ttlSecondsAfterFinished": KEPT_SECONDS}
