"""Why pods are not Ready, in Kubernetes' own words."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import pod_ready
from flipgate.steps.acting.world import World


def why_not_ready(world: World, side: Side, workloads: list[str]) -> str:
    """One sentence that counts the causes, for example `api: 2 CrashLoopBackOff`. Never raises."""
    namespace = world.application.place_of(side).namespace
    try:
        pods = world.cluster.items(address("Pod", namespace))
    except FlipgateError as error:
        return f"The pods could not be read: {error}"
    owned = [(owner, pod) for pod in pods if (owner := _owner(pod, workloads))]
    causes = Counter((owner, cause(pod)) for owner, pod in owned if not pod_ready(pod))
    if not owned:
        return "No pods exist yet"
    there = Counter(owner for owner, _ in owned)
    silent = sorted(set(workloads) - {owner for owner, _ in causes})
    said = [f"{owner}: {count} {text}" for (owner, text), count in sorted(causes.items())]
    return "; ".join([*said, *(f"{name}: {_there(there[name])}" for name in silent)])


def _there(count: int) -> str:
    return f"no pods exist beside {count} Ready" if count else "no pods exist yet"


def cause(pod: dict[str, Any]) -> str:
    """What a pod that is not Ready waits for."""
    status = pod.get("status", {})
    for container in status.get("containerStatuses") or []:
        waiting = container.get("state", {}).get("waiting")
        restarts = container.get("restartCount", 0)
        if waiting:
            return f"{waiting.get('reason', 'waiting')}" + (f" after {restarts} restarts" if restarts else "")
        if container.get("state", {}).get("running") and not container.get("ready"):
            return _crashing(container) if restarts else "running, but its readiness probe fails"
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"unschedulable ({condition.get('message', '')})"
    return str(status.get("phase", "unknown")).lower()


def _crashing(container: dict[str, Any]) -> str:
    """Between two crashes a container is running, as if all that were wrong were its readiness."""
    last = container.get("lastState", {}).get("terminated") or {}
    code = f", last with exit code {last['exitCode']}" if "exitCode" in last else ""
    return f"running again after {container['restartCount']} restarts{code}"


def _owner(pod: dict[str, Any], workloads: list[str]) -> str:
    """The Deployment a pod belongs to, by its ReplicaSet's name (`NAME-hash`)."""
    owners = [o.get("name", "") for o in pod["metadata"].get("ownerReferences") or []]
    return next((o.rpartition("-")[0] for o in owners if o.rpartition("-")[0] in workloads), "")
