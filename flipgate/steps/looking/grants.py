"""Finds references of routes to a side that lack a ReferenceGrant, for kinds of route that need one."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.adapters.routes import find_grants
from flipgate.core.traffic.grants import granted
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.traffic import RouteName, Target, Traffic
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World


def missing_grants(world: World, traffic: Traffic, side: Side) -> Iterator[tuple[RouteName, Target]]:
    """Each route and target of this side that it names, or will once it is moved, without a ReferenceGrant."""
    namespace = world.application.place_of(side).namespace
    needing = [each for each in traffic.leading if KINDS[each.route.kind].needs_grant]
    crossing = [each for each in needing if each.route.namespace != namespace and each.entries]
    kinds = dict.fromkeys(each.route.kind for each in crossing)
    grants = {kind: find_grants(world.cluster, kind, namespace) for kind in kinds}
    for state in crossing:
        for target in dict.fromkeys(entry.target for entry in state.entries):
            if not granted(grants[state.route.kind], state.route, target):
                yield state.route, target
