"""Reads everything that `flipgate status` shows of an application, piece by piece.

A piece that cannot be read hides no other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flipgate.core.record.freeze import Freeze
from flipgate.core.record.record import Record
from flipgate.core.record.soak import days_kept
from flipgate.core.values.errors import FlipgateError, NotFound, TemporaryError, Unreachable
from flipgate.core.values.sides import Side
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.facts import Facts
from flipgate.core.way_back.way_back import way_back_of
from flipgate.core.workloads.costs import Costs
from flipgate.steps.acting.reconciled import read_reconciled
from flipgate.steps.acting.world import World
from flipgate.steps.looking.costs import costs_of
from flipgate.steps.looking.dark_preview import read_dark_preview
from flipgate.steps.looking.drift import movable_sides
from flipgate.steps.looking.held import read_everywhere
from flipgate.steps.looking.look import look_at_side, look_at_traffic
from flipgate.steps.looking.observe import observe
from flipgate.steps.watching.conditions import read_live_side, read_old_side

Read = TypeVar("Read")


def collect(world: World) -> Facts:
    """Reads sides, record and routes, the routes last. Raises Unreachable only: without a cluster nothing is known.

    Traefik's replicas are asked meanwhile; what they do not show in time is no problem of the look.
    """
    told = observe(world)
    facts = Facts(world.application, world.now(), namespace=world.store.namespace, hold=world.hold)
    for side in Side:
        state = _read(facts, f"side {side}", lambda s=side: look_at_side(world, s, at_leisure=True))  # type: ignore[misc]
        if state is not None:
            facts.sides[side] = state
    facts.reconciled = read_reconciled(world)
    facts.everywhere = _everywhere(world)
    facts.record = _read(facts, "record", lambda: _find(facts, world))
    old = way_back_of(facts.record) if facts.record else None
    if old:
        facts.old = read_old_side(world, old, facts.sides.get(old) or Unread(facts.problems[f"side {old}"]))
    facts.costs = _costs(facts)
    facts.traffic = _read(facts, "routes", lambda: look_at_traffic(world))
    if facts.record and (live := facts.active):
        found = facts.sides.get(live) or Unread(facts.problems[f"side {live}"])
        facts.live = read_live_side(world, facts.record, live, found)
    if record := facts.record:
        facts.dark_preview = _read(facts, "dark preview", lambda: read_dark_preview(world, record))
    if (traffic := facts.traffic) and traffic.active is None:
        facts.movable = _read(facts, "Services", lambda: movable_sides(world, traffic)) or frozenset()
    facts.observed = told()
    return facts


def _costs(facts: Facts) -> Costs | None:
    """Of an old side that is kept since nobody answered, or somebody said no."""
    release = facts.record.release if facts.record else None
    if release is None or not days_kept(release, facts.now):
        return None
    old = facts.sides.get(release.side.other)
    return costs_of(old) if old else None


def _everywhere(world: World) -> Freeze | Unread | None:
    try:
        return read_everywhere(world)
    except Unreachable:
        raise
    except TemporaryError as error:
        return Unread(error.named_fact)


def _find(facts: Facts, world: World) -> Record | None:
    try:
        record = world.store.read()
    except NotFound:
        facts.managed = False
        return None
    facts.managed = True
    return record


def _read(facts: Facts, what: str, action: Callable[[], Read]) -> Read | None:
    """Reads one piece; a failure becomes a problem of that piece alone."""
    try:
        return action()
    except Unreachable:
        raise
    except FlipgateError as error:
        facts.problems[what] = str(error)
        return None
