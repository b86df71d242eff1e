"""Plans a way back from the routes as they are now. Nothing is sent."""

from __future__ import annotations

from flipgate.adapters.addresses import address
from flipgate.core.traffic.moves import BACK, RoutePatch, plan_move
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_traffic

Planned = tuple[Traffic, tuple[RoutePatch, ...]]
"""The routes as they were read, and the patches that were made of that."""


def plan_back(
    world: World,
    to: Side,
    *,
    stamp: str = "",
    forced: bool = False,
    unrecorded: str = "",
    versions: bool = True,
) -> Planned:
    """The routes now, and the patches that send them to `to`, no versions tested. Without a `stamp` they are to be
    shown, and not to be sent. Raises Refused when none can move."""
    traffic = look_at_traffic(world)
    services = _services_there(world, traffic, to) if forced else set()
    planned = plan_move(
        traffic,
        world.application.places,
        to,
        direction=BACK,
        services=services,
        stamp=stamp,
        unrecorded=unrecorded,
        versions=versions,
        hold=world.hold,
    )
    return traffic, planned


def _services_there(world: World, traffic: Traffic, to: Side) -> set[str]:
    """Of the Services that routes at neither side name, those that `to` has too."""
    namespace = world.application.place_of(to).namespace
    named = {entry.service for state in traffic.routes for entry in state.foreign_entries}
    return {name for name in named if world.cluster.find(address("Service", namespace, name))}
