"""Handing workers over, in the declared order, journaled, and the same way back."""

from __future__ import annotations

import time

from flipgate.core.errors import Conflict, Refused
from flipgate.core.record import HAND_OVER
from flipgate.core.sides import Side
from flipgate.core.view import Workload, read_workload
from flipgate.steps.journal import journal
from flipgate.steps.look import look_at_side
from flipgate.steps.world import World

TRIES = 5


def hand_over_workers(world: World, to: Side, *, timeout_seconds: float = 120.0) -> None:
    """Workers run on `to` and only there. old-first: never two of a worker; new-first: never none.

    Does nothing when it is so already. Raises Refused when the new workers do not get Ready in time.
    """
    workers = {service.name: service.replicas for service in world.application.workers()}
    if not workers or _handed_over(world, to, workers):
        return
    order = [(to.other, dict.fromkeys(workers, 0)), (to, workers)]
    if world.application.spec.policy.workers == "new-first":
        order.reverse()
    with journal(world, HAND_OVER, to=str(to)) as entry:
        for side, counts in order:
            _scale(world, side, counts)
            _wait(world, side, counts, timeout_seconds)
        entry.outcome = f"{', '.join(sorted(workers))} run on {to}"


def _handed_over(world: World, to: Side, workers: dict[str, int]) -> bool:
    new, old = look_at_side(world, to), look_at_side(world, to.other)
    return all(
        new.workloads[name].replicas >= count and new.workloads[name].rolled_out and not old.workloads[name].replicas
        for name, count in workers.items()
    )


def _scale(world: World, side: Side, counts: dict[str, int]) -> None:
    state = look_at_side(world, side)
    for name, count in sorted(counts.items()):
        workload = state.workloads[name]
        if workload.found and workload.replicas != count:
            _set(world, workload, count)


def _set(world: World, workload: Workload, count: int) -> None:
    """Read again and tried again while its status changes: a worker that was never stamped has its version for a fence.

    Raises LostLease when a later actor has stamped it.
    """
    for left in reversed(range(TRIES)):
        world.check_lease()
        fence = workload.fence(world.store.epoch)
        try:
            world.cluster.patch(workload.path, [*fence, {"op": "add", "path": "/spec/replicas", "value": count}])
            return
        except Conflict:
            if not left:
                raise
            workload = read_workload(workload.name, workload.namespace, world.cluster.find(workload.path))


def _arrived(workload: Workload, count: int) -> bool:
    """Whether the worker runs as often as is wanted. One that was never installed does not run."""
    if not workload.found:
        return not count
    return workload.rolled_out and bool(count or not workload.ready)


def _wait(world: World, side: Side, counts: dict[str, int], timeout_seconds: float) -> None:
    began = time.monotonic()
    while True:
        state = look_at_side(world, side)
        waiting = [name for name, count in sorted(counts.items()) if not _arrived(state.workloads[name], count)]
        if not waiting:
            return
        if time.monotonic() - began > timeout_seconds:
            raise Refused(
                f"did not get to the wanted count within {timeout_seconds:g} s: {', '.join(waiting)}",
                obj=f"workers on {side}",
                reason="WorkersNotReady",
                untouched="all routes",
                next_command=f"kubectl -n {state.namespace} get deployments",
            )
        world.check_lease()
        world.sleep(0.2)
