"""Puts a dark side to rest. It takes a DarkSide, so the routes have been read first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from flipgate.adapters.addresses import address_of
from flipgate.core.record.intents import Rest
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.record import Record, occupied
from flipgate.core.traffic.traffic import DarkSide
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.workloads.autoscalers import to_hold
from flipgate.core.workloads.counts import largest, rest_counts
from flipgate.core.workloads.pointed import databases_for
from flipgate.core.workloads.view import SideState, Stamped, View, Workload
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.world import World
from flipgate.steps.looking.autoscalers import find_autoscalers
from flipgate.steps.looking.scaled_objects import find_unpaused
from flipgate.steps.moving.autoscalers import hold_each
from flipgate.steps.moving.consume import set_consuming, set_key
from flipgate.steps.moving.dark_preview import keep_dark_preview
from flipgate.steps.moving.move import close_routes, forget_way_back
from flipgate.steps.moving.stamp import need_ours


def rest(acting: Acting, view: View, side: DarkSide, *, keep: int = 0) -> None:
    """Scales the side's services to `keep` (workers to 0; CronJobs are suspended, mixed ones do not consume). In this
    order: autoscalers are held, for one would undo what comes after it; then what works, then what serves. Each write
    tests the stamp read before the routes were, and the routes are closed first: no patch of theirs that is on its way
    can arrive after this, and lead users here.

    Raises Refused when a route or a workload was written since: somebody sends users to this side, and it stays as it
    is.
    """
    _rest(acting, view, side, keep)
    keep_dark_preview(acting)  # nobody is led to a side at rest; and no fault there, or slow answer, keeps it from that


def _rest(acting: Acting, view: View, side: DarkSide, keep: int) -> None:
    world = acting.world
    counts = rest_counts(world.application, keep)
    state = view.sides[side.side]
    serving = {state.workloads[service.name].name for service in world.application.serving()}
    todo = [w for w in state.workloads.values() if w.up and (w.kind == "CronJob" or w.replicas > counts[w.name])]
    consuming = any(switch.found and not switch.says(False) for switch in state.switches.values())
    live = databases_for(world.application, ())
    elsewhere = [each for name, each in state.pointers.items() if each.found and each.value != live[name]]
    unpaused = find_unpaused(world, side.side)
    holding = (*((each, 0) for each in unpaused), *to_hold(find_autoscalers(world, side.side), counts))
    if not (todo or consuming or holding or elsewhere):
        close_routes(acting, view.traffic)  # a side that never came up is led to as little as one that goes
        forget_way_back(acting, view.traffic)
        return
    kinds = sorted(Counter(workload.kind for workload in todo).items(), reverse=True)
    need_ours(acting, state)
    before = ", ".join(each.state for each, _ in holding)
    with journal(acting, Rest(side.side, counts, before)) as entry:
        close_routes(acting, view.traffic)
        hold_each(acting, holding)
        stop_consuming(acting, state)
        point_at(acting, state, live)
        for workload in sorted(todo, key=lambda each: each.name in serving):
            acting.check_lease()
            _scale(acting, workload, counts[workload.name])
        forget_way_back(acting, view.traffic)
        told = " and ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in kinds) or (
            "what consumes" if consuming else "what autoscalers start"
        )
        entry.outcome = f"{told} of {side.side} at rest"

    def remember(record: Record) -> Record:
        before = record.sides.get(side.side) or Occupant(since=world.now())
        resting = but(before, replicas=largest(state, before.replicas))  # what a slow way back scales up to
        return occupied(record, side.side, resting)

    world.store.update(remember)


def stop_consuming(acting: Acting, state: SideState) -> None:
    """Stops the consumers of the side's mixed services, also in pods that come up later. Raises Refused like `rest`."""
    for service in acting.world.application.mixed():
        switch = state.switches[service.name]
        if service.consume and switch.found and not switch.says(False):
            try:
                set_consuming(acting, switch, False)
            except Conflict as error:
                raise _changed(acting.world, switch) from error


def point_at(acting: Acting, state: SideState, databases: Mapping[str, str]) -> None:
    """Tells the side's pods which databases to work on, those that come up from now on. Raises Refused like `rest`."""
    for name, pointer in state.pointers.items():
        if pointer.found and pointer.value != databases[name]:
            try:
                set_key(acting, pointer, databases[name])
            except Conflict as error:
                raise _changed(acting.world, pointer) from error


def _scale(acting: Acting, workload: Workload, count: int) -> None:
    try:
        operations = workload.fenced(acting.epoch, acting.renewed(workload.stamp), workload.asking(count))
        acting.cluster.patch(address_of(workload), operations)
    except Conflict as error:
        raise _changed(acting.world, workload) from error


def _changed(world: World, what: Stamped) -> Refused:
    return Refused(
        "was changed since the routes were read; this side may be live again",
        obj=str(what),
        reason=Why.SIDE_CHANGED,
        untouched=f"this {what.kind}, what comes after it, and all routes",
    )
