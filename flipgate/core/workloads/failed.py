"""What is kept of a release that did not come up: its pods, what they wrote last, and what Kubernetes said of them, as
one Markdown text. On plain values, and bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from flipgate.core.record.events import COMPONENT
from flipgate.core.values.foreign import printable, without_secrets
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.outward import markdown, markdown_code
from flipgate.core.values.text import cut_bytes
from flipgate.core.workloads.kinds import KINDS
from flipgate.core.workloads.pod_causes import cause_of
from flipgate.core.workloads.view import pod_ready

PODS_KEPT: Final = 6
CONTAINERS_KEPT: Final = 4
"""Of one pod: the first, and init containers after them."""
EVENTS_KEPT: Final = 40
LINES_KEPT: Final = 60
"""Of what one container wrote last."""
LOG_BYTES: Final = 16_384
LINE_SHOWN: Final = 500
LINE_READ: Final = 800
"""Characters of one line."""
REPORT_BYTES: Final = 262_144
CELL_SHOWN: Final = 300


@dataclass(frozen=True)
class Tail:
    """What a container wrote last, or why that is not known."""

    container: str
    previous: bool
    """Whether it is of the one that ran before."""
    text: str
    unread: str = ""


@dataclass(frozen=True)
class FailedPod:
    """One pod with what was read of it."""

    service: str
    pod: Mapping[str, Any]
    tails: tuple[Tail, ...] = ()

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])


def owner_of(pod: Mapping[str, Any]) -> str:
    """Returns the name of the workload that a pod belongs to: its owner, or a Deployment by its ReplicaSet's name
    (`NAME-hash`); empty for others."""
    owners = pod["metadata"].get("ownerReferences") or []
    names = [o["name"] if o.get("kind") in KINDS else o.get("name", "").rpartition("-")[0] for o in owners]
    return next((name for name in names if name), "")


def choose(pods: Iterable[Mapping[str, Any]], services: Mapping[str, str], asked: Sequence[str]) -> list[FailedPod]:
    """Returns the pods that matter, by the workloads' names (to services), the first PODS_KEPT to be looked at: those
    that are not Ready, one of each service and cause before a second; and Ready ones of the services that were `asked`
    and answered badly."""
    known = [(services[owner], pod) for pod in pods if (owner := owner_of(pod)) in services]
    bad = [(name, pod, cause_of(pod).text) for name, pod in known if not pod_ready(pod)]
    bad += [(name, pod, "") for name, pod in known if pod_ready(pod) and name in asked]
    ranked: list[tuple[int, str, str, Mapping[str, Any]]] = []
    for (name, _), same in groupby(sorted(bad, key=_by_cause), key=lambda each: (each[0], each[2])):
        ranked += [(turn, name, str(pod["metadata"]["name"]), pod) for turn, (_, pod, _) in enumerate(same)]
    return [FailedPod(name, pod) for _, name, _, pod in sorted(ranked, key=lambda each: each[:3])]


def _by_cause(each: tuple[str, Mapping[str, Any], str]) -> tuple[str, str, str]:
    return each[0], each[2], str(each[1]["metadata"]["name"])


def wanted_tails(pod: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yields the containers whose last lines are worth reading: those that have run; and, where one was started again,
    the one before it, too."""
    status = pod.get("status") or {}
    every = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    ran = [each for each in every if _has_run(each)]
    for each in ran[:CONTAINERS_KEPT]:
        yield each["name"], False
        if each.get("restartCount"):
            yield each["name"], True


def _has_run(status: Mapping[str, Any]) -> bool:
    state, last = status.get("state") or {}, status.get("lastState") or {}
    return bool({"running", "terminated"} & state.keys() or last.get("terminated"))


def concerns(event: Mapping[str, Any], workloads: Iterable[str]) -> bool:
    """Whether a Kubernetes Event is about one of these workloads, its ReplicaSets or its pods: of a Deployment
    `NAME-hash-random`, of a StatefulSet `NAME-ordinal`."""
    if (event.get("source") or {}).get("component") == COMPONENT:
        return False  # what flipgate itself said of it before
    involved = event.get("involvedObject") or {}
    kind, name = str(involved.get("kind")), str(involved.get("name", ""))
    if kind == "Pod":
        owner, _, ordinal = name.rpartition("-")
        names = {name.rsplit("-", 2)[0], owner if ordinal.isdecimal() else ""}
    else:
        names = {name} if kind in KINDS else {name.rpartition("-")[0]} if kind == "ReplicaSet" else set()
    return not names.isdisjoint(workloads)


def report(
    title: str, fact: str, pods: Sequence[FailedPod], events: Iterable[Mapping[str, Any]], notes: Iterable[str]
) -> str:
    """Returns all of it as Markdown; empty where there is nothing to keep."""
    kept = list(_events(events))
    if not pods and not kept:
        return ""
    parts = [f"## {markdown(title)}", markdown(_plain(fact)), *(f"*{markdown(_plain(note))}*" for note in notes)]
    if pods:
        head = ["| pod | service | container | state | restarts | last end |", "|---|---|---|---|---|---|"]
        parts += ["\n".join([*head, *(row for each in pods for row in _rows(each))])]
    if kept:
        head = ["| last seen | times | about | reason | message |", "|---|---|---|---|---|"]
        parts += ["### What Kubernetes said (Warnings)", "\n".join([*head, *kept])]
    for each in pods:
        parts += [text for tail in each.tails for text in _log(each, tail)]
    return cut_bytes("\n\n".join(parts), REPORT_BYTES)


def _plain(text: str) -> str:
    return without_secrets(" ".join(text.split()))


def _cells(*cells: object) -> str:
    """What others wrote may hold what would end a cell of the table. It is looked through for secrets before it is cut:
    one may end there."""
    return "| " + " | ".join(markdown(printable(_plain(str(cell)), CELL_SHOWN)) for cell in cells) + " |"


def _rows(each: FailedPod) -> Iterator[str]:
    status = each.pod.get("status") or {}
    found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in found:
        last = _state({"terminated": (container.get("lastState") or {}).get("terminated")})
        state = _state(container.get("state") or {}) or "unknown"
        ready = f" ({'Ready' if container.get('ready') else 'not Ready'})" if state == "running" else ""
        yield _cells(
            each.name, each.service, container["name"], f"{state}{ready}", container.get("restartCount", 0), last
        )
    if not found:
        yield _cells(each.name, each.service, "-", cause_of(each.pod).text, 0, "")


def _state(state: Mapping[str, Any]) -> str:
    """One state of a container: what it is, why, and how it ended."""
    for kind, said in state.items():
        if said is not None:
            code = f" with exit code {said['exitCode']}" if "exitCode" in said else ""
            why = " ".join(str(said[key]) for key in ("reason", "message") if said.get(key))
            return f"{kind}{code}{why and f': {why}'}"
    return ""


def end_of(text: str) -> str:
    """Returns the end of what was written, from a whole line on: a part of one may be that of a secret, without the
    word by which it is known."""
    return text if len(text) <= LOG_BYTES else text[-LOG_BYTES:].partition("\n")[2]


def _log(each: FailedPod, tail: Tail) -> Iterator[str]:
    which = "the one before" if tail.previous else "last lines"
    if tail.unread:
        yield f"### {each.name}, {tail.container}: {which} not read"
        yield markdown(_plain(tail.unread))
    elif lines := [line for line in end_of(tail.text).split("\n") if line.strip()][-LINES_KEPT:]:
        yield f"### {each.name}, {tail.container}: {which}"
        yield markdown_code("\n".join(map(_line, lines)), "text")


def _line(line: str) -> str:
    """Looked through for secrets somewhat further than it is shown: one may end there."""
    return printable(without_secrets(line.rstrip()[:LINE_READ]), LINE_SHOWN)


def _events(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The newest, in their order."""
    for event in sorted(events, key=_seen)[-EVENTS_KEPT:]:
        involved = event.get("involvedObject") or {}
        about = f"{involved.get('kind')} {involved.get('name')}"
        times = (event.get("series") or {}).get("count") or event.get("count") or 1
        yield _cells(_seen(event), times, about, event.get("reason", ""), event.get("message", ""))


def _seen(event: Mapping[str, Any]) -> str:
    """When it was seen last, in RFC 3339: the newer API keeps that elsewhere."""
    series = event.get("series") or {}
    for found in (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime")):
        if found:
            return str(found).partition(".")[0].removesuffix("Z")
    return str((event.get("metadata") or {}).get("creationTimestamp", "")).removesuffix("Z")
