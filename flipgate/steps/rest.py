"""Putting a dark side to rest. It takes a DarkSide, so the routes have been read first."""

from __future__ import annotations

from collections import Counter

from flipgate.core.errors import Conflict, Refused
from flipgate.core.record import REST_SIDE, Occupant, Record, occupied
from flipgate.core.traffic import DarkSide
from flipgate.core.view import View, Workload
from flipgate.steps.journal import journal
from flipgate.steps.world import World


def rest(world: World, view: View, side: DarkSide, *, keep: int = 0) -> None:
    """Scales the side's services to `keep` (workers to 0; CronJobs are suspended). Each write tests the stamp read
    before the routes were.

    Raises Refused when a workload was stamped since: a rollback has chosen this side, and it stays as it is.
    """
    counts = {s.name: keep if s.role == "serving" and s.replicas else 0 for s in world.application.spec.services}
    state = view.sides[side.side]
    todo = [w for w in state.workloads.values() if w.up and (w.kind == "CronJob" or w.replicas > counts[w.name])]
    if not todo:
        return
    kinds = sorted(Counter(workload.kind for workload in todo).items(), reverse=True)
    with journal(world, REST_SIDE, side=str(side.side), replicas=counts) as entry:
        for workload in todo:
            world.check_lease()
            _scale(world, workload, counts[workload.name])
        told = " and ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in kinds)
        entry.outcome = f"{told} of {side.side} at rest"

    # The counts from before are what a slow way back scales up to: the larger ones, because an idle side may have been
    # shrunk by its autoscaler, or rested halfway by a run that died.
    def remember(record: Record) -> Record:
        before = record.sides.get(side.side) or Occupant(since=world.now())
        carried = {name: max(count, before.replicas.get(name, 0)) for name, count in state.replicas.items()}
        resting = before.model_copy(update={"replicas": carried})
        return occupied(record, side.side, resting)

    world.store.update(remember)


def _scale(world: World, workload: Workload, count: int) -> None:
    try:
        world.cluster.patch(workload.path, [*workload.fence(world.store.epoch), workload.asking(count)])
    except Conflict as error:
        raise Refused(
            "was changed since the routes were read; this side may be live again",
            obj=str(workload),
            reason="SideChanged",
            untouched=f"this {workload.kind}, what comes after it, and all routes",
            next_command=f"flipgate status {world.application.name}",
        ) from error
