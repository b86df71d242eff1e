"""Says what a pod that is not Ready waits for, by the kubelet's own words in its status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flipgate.core.values.foreign import SENTENCE_SHOWN, printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.workloads.view import READY, condition_of

BEFORE_IT = "PodInitializing"
"""Why a container waits while those before it run: what is wrong is said by one of these."""
CRASHING = "CrashLoopBackOff"
STARTING = ("ContainerCreating", BEFORE_IT)
"""Why a container waits whose pod has only just come to its node."""


@dataclass(frozen=True)
class Cause:
    """What a pod waits for. `container` is one that ended, whose last lines say more; empty where none has."""

    text: str
    container: str = ""
    previous: bool = False
    """Whether a new one runs in its place already."""
    last_words: str = ""
    """What it left as its termination message."""


def cause_of(pod: Mapping[str, Any]) -> Cause:
    """Returns what keeps a pod from being Ready, the first in the order in which Kubernetes starts its parts."""
    found = next(_causes(pod), None)
    phase = str(pod.get("status", {}).get("phase", "unknown")).lower()
    return found or Cause(f"{phase}{_said(pod.get('status', {}))}")


def first_start(pod: Mapping[str, Any]) -> bool:
    """Whether it comes up for the first time, and nothing of it has gone wrong by now: it may be Ready in a moment."""
    status = pod.get("status", {})
    each = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return bool(each) and all(map(_is_starting, each))


def _is_starting(status: Mapping[str, Any]) -> bool:
    state = status.get("state", {})
    waits = (state.get("waiting") or {}).get("reason", STARTING[0])
    ended_badly = (state.get("terminated") or {}).get("exitCode", 0) != 0
    return not status.get("restartCount") and waits in STARTING and not ended_badly


def _causes(pod: Mapping[str, Any]) -> Iterator[Cause]:
    spec, status = pod.get("spec", {}), pod.get("status", {})
    sidecars = {each["name"] for each in spec.get("initContainers") or [] if each.get("restartPolicy") == "Always"}
    for each in status.get("initContainerStatuses") or []:
        if cause := _of_init(each, sidecar=each["name"] in sidecars):
            yield cause
    containers = status.get("containerStatuses") or []
    for each in containers:
        if cause := _of_container(each, f"container {each['name']}: " if len(containers) > 1 else ""):
            yield cause
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield Cause(f"unschedulable ({printable(scheduled.get('message', ''), SENTENCE_SHOWN)})")
    for gate in spec.get("readinessGates") or []:
        if text := _of_gate(pod, gate["conditionType"]):
            yield Cause(text)
    ready = condition_of(pod, READY)
    if ready.get("status") != "True" and ready.get("reason") not in (
        None,
        "ContainersNotReady",
        "ReadinessGatesNotReady",
    ):
        yield Cause(f"not Ready{_said(ready)}")


def _of_init(status: Mapping[str, Any], *, sidecar: bool) -> Cause | None:
    """One that has ended well, or waits for its turn, is no cause; a sidecar is none once it has started."""
    state, name = status.get("state", {}), f"init container {status['name']}: "
    if (state.get("terminated") or {}).get("exitCode") == 0 and not sidecar:
        return None
    if "running" in state and not sidecar:
        return _restarted(status, name) if status.get("restartCount") else Cause(f"{name}still running")
    return _of_container(status, name)


def _of_container(status: Mapping[str, Any], name: str) -> Cause | None:
    state, restarts = status.get("state", {}), status.get("restartCount", 0)
    last = (status.get("lastState") or {}).get("terminated") or {}
    if waiting := state.get("waiting"):
        reason = waiting.get("reason", "waiting")
        if reason == BEFORE_IT:
            return None
        more = f" after {restarts} restarts" if restarts else ""
        more += f", last{_code(last)}" if last else ""
        if reason != CRASHING and waiting.get("message"):
            more += f" ({printable(waiting['message'], SENTENCE_SHOWN)})"
        return Cause(f"{name}{reason}{more}", status["name"] if last else "", last_words=last.get("message", ""))
    if ended := state.get("terminated"):
        return Cause(f"{name}ended{_code(ended)}", status["name"], last_words=ended.get("message", ""))
    if "running" not in state or status.get("ready"):
        return None
    if restarts:
        return _restarted(status, name)
    probe = "its startup probe has not passed yet" if status.get("started") is False else "its readiness probe fails"
    return Cause(f"{name}running, but {probe}")


def _restarted(status: Mapping[str, Any], name: str) -> Cause:
    """Between two crashes a container is running, as if all that were wrong were its readiness."""
    last = (status.get("lastState") or {}).get("terminated") or {}
    more = f", last{_code(last)}" if last else ""
    text = f"{name}running again after {status['restartCount']} restarts{more}"
    return Cause(text, status["name"], previous=True, last_words=last.get("message", ""))


def _code(ended: Mapping[str, Any]) -> str:
    """How a container ended; why, where Kubernetes says more than that it did (OOMKilled)."""
    code = f" with exit code {ended['exitCode']}" if "exitCode" in ended else ""
    reason = ended.get("reason", "")
    return f"{code} ({reason})" if reason not in ("", "Error", "Completed") else code


def _of_gate(pod: Mapping[str, Any], kind: str) -> str:
    """A condition that somebody else has to set True before the pod counts as Ready."""
    condition = condition_of(pod, kind)
    if not condition:
        return f"readiness gate {kind}: nobody has set this condition yet"
    if condition.get("status") == "True":
        return ""
    return f"readiness gate {kind} is {condition.get('status')}{_said(condition)}"


def _said(said: Mapping[str, Any]) -> str:
    """The reason and the message of a condition, or of a pod's status, as far as there are any."""
    words = [printable(str(said.get(key)), SENTENCE_SHOWN) for key in ("reason", "message") if said.get(key)]
    return f" ({': '.join(words)})" if words else ""
