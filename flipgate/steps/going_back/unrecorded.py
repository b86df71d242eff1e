"""Finishes a rollback that could not use the record, from what it left on the cluster, and writes it down."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from flipgate.core.record.phases import Reason
from flipgate.core.record.sent import note_sent
from flipgate.core.traffic.traffic import Unrecorded
from flipgate.core.values import stamps
from flipgate.core.values.base import but
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.workloads.counts import without_pods
from flipgate.core.workloads.view import View
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import go_back
from flipgate.steps.going_back.way_back import RollbackRequest
from flipgate.steps.looking.look import look
from flipgate.steps.moving.move import close_routes, forget_unrecorded
from flipgate.steps.moving.stamp import stamp

AT_WORK_SECONDS = 600.0
"""How long a rollback may be at work between its stamps and its mark on the routes, time-outs and all."""


def left_unrecorded(world: World, view: View) -> bool:
    """Whether a rollback without a record has left its mark on the routes, or its stamp on a side so long ago that it
    is no longer at work."""
    return any(route.unrecorded for route in view.traffic.routes) or bool(_chosen(world, view))


def finish_unrecorded(world: World, *, patience_seconds: float | None = None) -> tuple[str, bool]:
    """Goes on from what is found: all routes to the side that was chosen, its workers back, the release ended, people
    told, once. A rollback that chose a side and moved nobody is ended: what it sent and is still on its way is refused.
    Where users were sent elsewhere since, it is written down, and nobody is moved.

    Returns what was done, in a sentence, and whether that was more than to take off what is known already.
    Raises Refused (LeaseHeld) while somebody acts.
    """
    with world.acting(patience_seconds=patience_seconds) as acting:
        world = acting.world
        view = look(world)  # once more: nobody else acts from here on
        found = view.traffic.unrecorded
        if found is None and _chosen(world, view):
            return _end_chosen(acting, view), True
        news = found and found.mark != acting.record.written_down
        said = ["the mark of an unrecorded rollback is taken off"]
        if found and news:
            said = [*_write_down(acting, view, found)]
            world.store.update(lambda record: but(record, written_down=found.mark))
        return "; ".join([*said, *forget_unrecorded(acting, view.traffic)]), bool(news)


def _write_down(acting: Acting, view: View, found: Unrecorded) -> Iterable[str]:
    world, newest = acting.world, acting.record.newest
    claimed = found.claimed(newest.changes[0].at if newest else None)
    leading = [route for route in view.traffic.leading if route.entries]
    there = [route for route in leading if found.to in route.sides]
    whole = all(route.whole is found.to for route in leading)
    empty = without_pods(world.application, acting.record, view.sides[found.to])
    if there and (whole or not empty):
        message = f"{claimed} (unrecorded then, written down now)"
        request = RollbackRequest(message, forced=True, now=True, announced_at_end=True)
        done = go_back(acting, found.to, request)
        return (f"an unrecorded rollback to {found.to} is written down and finished: {claimed}", *done.left)
    why = f"{found.to} has no Ready pod of {', '.join(empty)}" if there else "users were sent elsewhere since"
    message = f"{claimed} (unrecorded then, written down now; {why}, so nobody is moved)"
    note = partial(note_sent, to=found.to, reason=Reason.ROLLBACK_REQUESTED, message=message)
    write(world, lambda record: note(record, actor=world.actor, now=world.now()))
    return (f"an unrecorded rollback to {found.to} is written down: {message}", *_take(acting, view, Side))


def _end_chosen(acting: Acting, view: View) -> str:
    sides = _chosen(acting.world, view)
    close_routes(acting, view.traffic, keep_way_back=True)
    fact = f"a rollback to {' and '.join(sides)} could not be recorded and moved nobody: nothing of it is left"
    return "; ".join([fact, *_take(acting, view, sides)])


def _take(acting: Acting, view: View, sides: Iterable[Side]) -> list[str]:
    """Our stamps on what bears an unrecorded one; what refuses them is named, and holds up nothing else."""
    left = []
    for side in sides:
        state = view.sides[side]
        try:
            if any(stamps.unrecorded(each.stamp) for each in state.stamped):
                stamp(acting, state, over_unrecorded=True)
        except FlipgateError as error:
            left.append(f"{side} could not be stamped: {error}")
    return left


def _chosen(world: World, view: View) -> list[Side]:
    """The sides that bear an unrecorded stamp, and have for longer than any rollback works."""
    now = world.now()
    return [
        side
        for side in Side
        if (written := [each.stamp for each in view.sides[side].stamped if stamps.unrecorded(each.stamp)])
        and min(stamps.chosen_for(stamp, now) for stamp in written) >= AT_WORK_SECONDS
    ]
