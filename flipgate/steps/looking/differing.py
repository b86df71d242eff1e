"""Looks what the dark side's pods would have other than the live side's, beside their images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flipgate.core.values.sides import Side
from flipgate.core.workloads.differences import Differences, differences
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import configuration, need_record


def differing(world: World, view: View, side: Side, settings: Mapping[str, Any]) -> Differences:
    """Returns what of this side, with these ConfigMaps, is other than on the live one. Of a service that never ran
    there all is new, and of a first release ever everything is."""
    record, live = need_record(world, view), side.other
    if not record.ran_on(live):
        return differences(world.application, SideState(view.sides[live].place, {}), view.sides[side], {}, {})
    known = {n: each for n, each in view.sides[live].workloads.items() if each.up or not record.ran_without(live, n)}
    old = replace(view.sides[live], workloads=known)
    return differences(world.application, old, view.sides[side], configuration(world.cluster, old), settings)
