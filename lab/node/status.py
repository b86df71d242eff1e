"""What a pod's status says, rendered from what its containers do. Pure: the time is an argument."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Object = Mapping[str, Any]

LONGEST_BACKOFF_SECONDS = 10.0
QUIET_SECONDS = 60.0


@dataclass(frozen=True)
class Ended:
    """One run of a container that is over; times in RFC 3339."""

    exit_code: int
    started_at: str
    finished_at: str
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class ContainerState:
    """What one container does: waits (reason), runs (since), or has ended for good."""

    name: str
    image: str
    reason: str = "ContainerCreating"
    message: str = ""
    running_since: str | None = None
    ended: Ended | None = None
    last: Ended | None = None
    restarts: int = 0
    ready: bool = False
    started: bool = False
    sidecar: bool = False
    """An init container that is kept running beside the others (its own restartPolicy is Always)."""


@dataclass(frozen=True)
class PodState:
    """What one pod does; `containers` and `inits` in the order of the manifest."""

    pod_ip: str
    host_ip: str
    started_at: str
    containers: tuple[ContainerState, ...]
    inits: tuple[ContainerState, ...] = ()


def restarts_again(policy: str, exit_code: int) -> bool:
    """Whether a container that ended is run again under this restart policy."""
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def next_backoff(previous: float, ran_seconds: float) -> float:
    """Seconds to wait before running a container again: 1, doubled up to 10; a long quiet run starts over."""
    if previous == 0 or ran_seconds >= QUIET_SECONDS:
        return 1.0
    return min(previous * 2, LONGEST_BACKOFF_SECONDS)


def phase(state: PodState) -> str:
    """The pod's phase, by the kubelet's rules."""
    if any(init.ended and init.ended.exit_code for init in state.inits if not init.sidecar):
        return "Failed"
    if not _initialized(state):
        return "Pending"
    if all(container.ended for container in state.containers):
        failed = any(container.ended and container.ended.exit_code for container in state.containers)
        return "Failed" if failed else "Succeeded"
    if any(not c.running_since and not c.ended and not c.last for c in state.containers):
        return "Pending"
    return "Running"


def is_ready(state: PodState) -> bool:
    """Whether the pod is Ready: each of its containers is, and each sidecar."""
    return not _unready(state)


def _unready(state: PodState) -> list[str]:
    beside = [init for init in state.inits if init.sidecar]
    return [container.name for container in (*beside, *state.containers) if not container.ready]


def _initialized(state: PodState) -> bool:
    """Whether each init container has done its work, and each sidecar has started: a later restart changes nothing."""
    begun = any(c.running_since or c.ended or c.last for c in state.containers)
    return all(
        (begun or init.started) if init.sidecar else init.ended is not None and init.ended.exit_code == 0
        for init in state.inits
    )


def render(pod: Object, state: PodState, previous: Sequence[Object], now: str) -> dict[str, Any]:
    """The status to write. `previous` are the conditions written before: what has not changed keeps its time."""
    current = phase(state)
    status: dict[str, Any] = {
        "phase": current,
        "hostIP": state.host_ip,
        "hostIPs": [{"ip": state.host_ip}],
        "podIP": state.pod_ip,
        "podIPs": [{"ip": state.pod_ip}],
        "startTime": state.started_at,
        "conditions": _conditions(state, current, previous, now, _closed_gates(pod)),
        "containerStatuses": [_container(_in_turn(container, state), pod) for container in state.containers],
    }
    if state.inits:
        status["initContainerStatuses"] = [_container(_when_done(init), pod) for init in state.inits]
    return status


def _in_turn(container: ContainerState, state: PodState) -> ContainerState:
    """A container waits for the init containers first."""
    return container if _initialized(state) else replace(container, reason="PodInitializing", message="")


def _when_done(init: ContainerState) -> ContainerState:
    """An init container that has done its work is shown as ready."""
    done = init.ended is not None and init.ended.exit_code == 0 and not init.sidecar
    return replace(init, ready=True) if done else init


def image_id(image: str) -> str:
    """A stand-in for the image's digest: the same name always gives the same one."""
    if "@sha256:" in image:
        return image
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


def _closed_gates(pod: Object) -> list[str]:
    """The readiness gates whose condition nobody has set to True: the kubelet leaves those conditions to others."""
    held = {each["type"] for each in (pod.get("status") or {}).get("conditions") or [] if each["status"] == "True"}
    gates = [each["conditionType"] for each in pod["spec"].get("readinessGates") or []]
    return [gate for gate in gates if gate not in held]


def _conditions(
    state: PodState, current: str, previous: Sequence[Object], now: str, closed: Sequence[str]
) -> list[dict[str, Any]]:
    since = {condition["type"]: condition for condition in previous}
    waiting = _unready(state)
    initialized = _initialized(state)
    reason, message = "ContainersNotReady", f"containers with unready status: [{' '.join(waiting)}]"
    if current in ("Succeeded", "Failed"):
        reason, message = ("PodCompleted", "") if current == "Succeeded" else ("PodFailed", "")
    unready: dict[str, Any] = {"reason": reason}
    if message:
        unready["message"] = message
    facts: list[tuple[str, bool, dict[str, Any]]] = [
        ("PodScheduled", True, {}),
        ("Initialized", initialized, {} if initialized else {"reason": "ContainersNotInitialized"}),
        ("ContainersReady", not waiting, unready if waiting else {}),
        ("Ready", not waiting and not closed, unready if waiting else _gated(closed)),
    ]
    return [_condition(name, holds, why, since.get(name, {}), now) for name, holds, why in facts]


def _gated(closed: Sequence[str]) -> dict[str, Any]:
    if not closed:
        return {}
    message = "".join(f'corresponding condition of pod readiness gate "{gate}" does not exist.' for gate in closed)
    return {"reason": "ReadinessGatesNotReady", "message": message}


def _condition(name: str, holds: bool, why: dict[str, Any], before: Object, now: str) -> dict[str, Any]:
    value = "True" if holds else "False"
    changed = before.get("status") != value
    return {
        "type": name,
        "status": value,
        "lastTransitionTime": now if changed else before.get("lastTransitionTime", now),
        "reason": None,  # a strategic merge would keep the old one
        "message": None,
        **why,
    }


def _container(container: ContainerState, pod: Object) -> dict[str, Any]:
    seen = container.running_since or container.ended or container.last
    return {
        "name": container.name,
        "image": container.image,
        "imageID": image_id(container.image) if seen else "",
        "containerID": f"lab://{_container_id(container, pod)}" if seen else "",
        "ready": container.ready,
        "started": container.started,
        "restartCount": container.restarts,
        "state": _now(container, pod),
        "lastState": {"terminated": _terminated(container.last)} if container.last else {},
    }


def _now(container: ContainerState, pod: Object) -> dict[str, Any]:
    if container.ended:
        return {"terminated": _terminated(container.ended)}
    if container.running_since:
        return {"running": {"startedAt": container.running_since}}
    return {"waiting": {"reason": container.reason, **({"message": container.message} if container.message else {})}}


def _terminated(ended: Ended) -> dict[str, Any]:
    reason = ended.reason or ("Completed" if ended.exit_code == 0 else "Error")
    shown = {
        "exitCode": ended.exit_code,
        "reason": reason,
        "startedAt": ended.started_at,
        "finishedAt": ended.finished_at,
    }
    return {**shown, "message": ended.message} if ended.message else shown


def _container_id(container: ContainerState, pod: Object) -> str:
    text = f"{pod['metadata'].get('uid', '')}/{container.name}/{container.restarts}"
    return hashlib.sha256(text.encode()).hexdigest()
