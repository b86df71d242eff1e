"""Writing down what a rollback did that could not use the record, and finishing it: the cluster shows what it left."""

from __future__ import annotations

from flipgate.core.values import stamps
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import View
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import go_back
from flipgate.steps.going_back.way_back import Order
from flipgate.steps.looking.look import look
from flipgate.steps.moving.move import close_routes
from flipgate.steps.moving.stamp import stamp


def left_unrecorded(view: View) -> bool:
    """Whether a rollback without a record has left its mark on the routes, or its stamp on a side."""
    return view.traffic.unrecorded is not None or any(_chosen(view, side) for side in Side)


def finish_unrecorded(world: World, *, patience_seconds: float | None = None) -> str:
    """Goes on from what is found: all routes to the side that was chosen, its workers back, the release ended, people
    told. A rollback that chose a side and moved nobody is ended: what it sent and is still on its way is refused.

    Returns what was done, in a sentence. Raises Refused (LeaseHeld) while somebody acts.
    """
    with world.acting(patience_seconds=patience_seconds) as taken:
        view = look(world)
        if view.traffic.unrecorded is None:
            return _end_chosen(world, view)
        target, said = view.traffic.unrecorded
        order = Order(f"{said} (unrecorded then, written down now)", forced=True, now=True, told_at_the_end=True)
        done = go_back(world, target, order, taken)
    return "; ".join([f"an unrecorded rollback to {target} is written down and finished: {said}", *done.left])


def _end_chosen(world: World, view: View) -> str:
    sides = [side for side in Side if _chosen(view, side)]
    close_routes(world, view.traffic)
    for side in sides:
        stamp(world, view.sides[side], world.epoch, over_unrecorded=True)
    return f"a rollback to {' and '.join(sides)} could not be recorded and moved nobody: nothing of it is left"


def _chosen(view: View, side: Side) -> bool:
    return any(stamps.unrecorded(each.stamp) for each in view.sides[side].stamped)
