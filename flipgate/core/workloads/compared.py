"""Compares both sides service by service, for a person who is asked: images, pods, what each takes, restarts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from flipgate.core.record.compared import Compared, Half
from flipgate.core.spec.application import Application
from flipgate.core.values.frozen import dataclass
from flipgate.core.workloads.content import goes_on, labels_of
from flipgate.core.workloads.room import amount
from flipgate.core.workloads.view import SideState, Workload

NOT_NAMED = "-"
Needs = Mapping[str, Mapping[str, Decimal]]


@dataclass(frozen=True)
class Seen:
    """One side, with what one pod of each service takes (`requests.cpu`, ...) and its pods; None: they are not
    known."""

    state: SideState
    needs: Needs
    pods: Sequence[Mapping[str, Any]] | None


def compared(application: Application, old: Seen, new: Seen) -> tuple[Compared, ...]:
    """Returns a row for each service, in the file's order."""
    return tuple(
        Compared(
            service=each.name, old=_half(each.name, each.container, old), new=_half(each.name, each.container, new)
        )
        for each in application.spec.services
    )


def _half(name: str, container: str | None, side: Seen) -> Half:
    workload, needs = side.state.workloads[name], side.needs.get(name, {})
    if not workload.found:
        return Half()
    return Half(
        image=workload.image_of(container) or "",
        ready=workload.ready,
        wanted=workload.replicas,
        cpu=_takes(needs, "cpu"),
        memory=_takes(needs, "memory"),
        restarts=None if side.pods is None else restarts_of(workload, side.pods),
    )


def _takes(needs: Mapping[str, Decimal], resource: str) -> str:
    found = (needs.get(f"{kind}.{resource}") for kind in ("requests", "limits"))
    return " / ".join(NOT_NAMED if each is None else amount(resource, each) for each in found)


def restarts_of(workload: Workload, pods: Iterable[Mapping[str, Any]]) -> int:
    """How often the containers of a workload's pods were started anew; pods that go do not count."""
    selector = labels_of(workload.selector)
    own = (pod for pod in pods if selector and selector <= (pod["metadata"].get("labels") or {}).items())
    statuses = (each for pod in own if goes_on(pod) for each in pod.get("status", {}).get("containerStatuses") or [])
    return sum(int(each.get("restartCount", 0)) for each in statuses)
