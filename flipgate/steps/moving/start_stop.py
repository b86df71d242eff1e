"""Starts and stops one workload that works on the live side alone, with what KEDA has to know of it."""

from __future__ import annotations

from collections.abc import Iterable

from flipgate.adapters.addresses import address_of
from flipgate.core.values.errors import Conflict, FlipgateError
from flipgate.core.workloads.scaled_objects import ScaledObject
from flipgate.core.workloads.view import Workload, read_workload
from flipgate.steps.acting.acting import Acting
from flipgate.steps.moving.autoscalers import hold, let_go

TRIES = 5


def start(
    acting: Acting, workload: Workload, count: int, before: Workload, scaled: Iterable[ScaledObject] = ()
) -> None:
    """Has it work with so many pods, or by its schedule, which goes on where that of `before`, the other side's, left
    off."""
    _go_on_from(acting, before, workload)
    if workload.kind == "CronJob" or workload.replicas < count:
        _scale(acting, workload, count)
    for each in scaled:  # last: from here on its count is KEDA's
        let_go(acting, each)


def stop(acting: Acting, workload: Workload, scaled: Iterable[ScaledObject] = ()) -> None:
    """Has it work no more."""
    for each in scaled:  # first: it would start what is stopped
        hold(acting, each)
    if workload.up:
        _scale(acting, workload, 0)


def _go_on_from(acting: Acting, old: Workload, new: Workload) -> None:
    """Continues the schedule where the other side's left off, or a Job that ran there already would be started once
    more. Best effort: the field is the controller's own."""
    if not old.last_schedule > new.last_schedule:
        return
    version = {"resourceVersion": new.resource_version}  # late, it would take the schedule back
    part = {"metadata": version, "status": {"lastScheduleTime": old.last_schedule}}
    try:
        acting.cluster.merge(f"{address_of(new)}/status", part, timeout=5.0)
    except FlipgateError as error:
        acting.world.say(f"{new} may start a Job at once that {old} has started already: {error}")


def _scale(acting: Acting, workload: Workload, count: int) -> None:
    """Scales one workload. Reads and tries again where flipgate itself has written it since: this very actor by a late
    write, or another one before it lost its Lease. Raises LostLease when a later actor has stamped it."""
    for left in reversed(range(TRIES)):
        acting.check_lease()
        operations = workload.fenced(acting.epoch, acting.renewed(workload.stamp), workload.asking(count))
        try:
            acting.cluster.patch(address_of(workload), operations)
            return
        except Conflict:
            if not left:
                raise
            found = acting.cluster.find(address_of(workload))
            workload = read_workload(workload.name, workload.namespace, found, workload.kind)
