"""Reads what both sides are compared by beside their workloads: the pods' restarts, by one list of each side."""

from __future__ import annotations

from flipgate.adapters.addresses import address
from flipgate.adapters.limits import pod_needs
from flipgate.core.record.compared import Compared
from flipgate.core.record.release import Release
from flipgate.core.values.errors import FlipgateError
from flipgate.core.workloads.compared import Seen, compared
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.world import World


def compare_sides(world: World, view: View, release: Release) -> tuple[Compared, ...]:
    """Returns the old side beside the release's, service by service. What cannot be read of pods is not known, and
    keeps nobody from being asked."""
    return compared(world.application, *(_seen(world, view.sides[side]) for side in (release.side.other, release.side)))


def _seen(world: World, state: SideState) -> Seen:
    needs = {name: pod_needs(workload.template) for name, workload in state.workloads.items()}
    try:
        return Seen(state, needs, world.cluster.items(address("Pod", state.namespace)))
    except FlipgateError as error:
        world.say(f"restarts on {state.side} are not known: {error.named_fact}")
        return Seen(state, needs, None)
