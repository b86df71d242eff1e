"""Advises on a drift: the one next command, for refusals, for `status` and for announcements."""

from __future__ import annotations

from collections.abc import Iterable

from flipgate.core.record.record import Record
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.way_back.drift import Advice, advise_on_drift
from flipgate.steps.acting.world import World
from flipgate.steps.looking.plan import plan_back


def movable_sides(world: World, traffic: Traffic, sides: Iterable[Side] = tuple(Side)) -> frozenset[Side]:
    """Of these sides those that `rollback --to` can send a route to. Where no route leads to either side, those that
    have the Services which the routes name: looked for then, and only then."""
    if any(state.entries for state in traffic.leading):
        return frozenset(sides)
    return frozenset(side for side in sides if _can_move(world, side))


def drift_advice(world: World, record: Record, traffic: Traffic) -> Advice:
    """Returns the advice on a drift, from the routes as they were just seen."""
    return advise_on_drift(record, world.application, traffic, movable_sides(world, traffic))


def _can_move(world: World, side: Side) -> bool:
    try:
        return bool(plan_back(world, side, forced=True)[1])
    except Refused:
        return False
