"""Finds out which side answers where no header says it: by Traefik's own counters, read before and after a request."""

from __future__ import annotations

from collections.abc import Mapping

from flipgate.core.gates.bake import Reply, as_reply
from flipgate.core.gates.traefik_counters import counted_targets, sides_moved
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.ask import fetch
from flipgate.steps.looking.look import look_at_traffic

READINGS = 3
PAUSE_SECONDS = 0.02
"""Between two readings: a request is counted a moment after it was answered."""


def probe_counted(world: World, replica: str, *, timeout: float, host: str, only: Side | None = None) -> Reply:
    """Sends one request through one replica; the side is the one whose counters moved meanwhile. Raises when there is
    no answer, or no counters.

    Users' requests are counted as well, and that is as good: where all that was answered meanwhile came from one side,
    so did ours. Where both moved nobody can tell, and no side is named; with `only` the other's do not matter, for
    users are on it.
    """
    proxy = world.proxy
    targets = _targets(world)
    before = proxy.counters(replica, targets.keys(), timeout=timeout)
    answer = fetch(world, replica, timeout=timeout, host=host)
    for reading in range(READINGS):
        if reading:
            world.sleep(PAUSE_SECONDS)
        moved = sides_moved(before, proxy.counters(replica, targets.keys(), timeout=timeout), targets)
        if (moved & {only}) if only else moved:
            break
    sides = moved & {only} if only else moved
    wanted = world.application.spec.traffic.probe.status
    return as_reply(answer, str(*sides) if len(sides) == 1 else "", wanted)


def _targets(world: World) -> Mapping[str, Side]:
    """Returns the side of each counter, read once by a process. After a person edits the routes the counters show no
    side, and the move counts as not proven."""
    if not world.counted:
        world.counted.update(counted_targets(look_at_traffic(world), world.application.places))
    return world.counted
