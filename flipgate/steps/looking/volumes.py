"""Says what comes of the volumes of StatefulSets, for who checks a file."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.core.values.sides import Side
from flipgate.core.workloads.stateful import AT_REST, deletes, two_sets
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side


def volume_notes(world: World) -> Iterator[str]:
    """Each StatefulSet whose sides have data of their own, once, unless the file says that this is meant; and on each
    side those that lose theirs when they are scaled down."""
    services = [service for service in world.application.spec.services if service.kind == "StatefulSet"]
    if not services:
        return
    sides = [look_at_side(world, side, services) for side in Side]
    for service in services:
        workloads = [state.workloads[service.name] for state in sides]
        yield from () if service.own_data else two_sets(service.name, workloads)
        yield from (f"{each}: {told}" for each in workloads if (told := deletes(each, AT_REST)))
