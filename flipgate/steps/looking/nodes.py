"""Looks whether the nodes have room for the pods that a release brings up beside the live ones. It is advice: an
autoscaler may add nodes, and the scheduler looks at more than is looked at here."""

from __future__ import annotations

from collections.abc import Iterable

from flipgate.adapters.limits import read_ranges, scheduled_requests
from flipgate.adapters.nodes import read_nodes
from flipgate.core.record.release import Release
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.counts import beside_live
from flipgate.core.workloads.placing import Coming, placed
from flipgate.core.workloads.room import Range
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import side_of_release

GATE = "room on nodes"


def read_room_on_nodes(world: World, view: View, release: Release | None) -> list[Evidence]:
    """Returns a row that is only shown: all pods that the dark side still lacks fit on a node, or which do not, and
    why. Without any there is no row."""
    side = side_of_release(view, release)
    if side is None:
        return []
    coming = tuple(_coming(world, view.sides[side], beside_live(world.application, view.sides[side.other])))
    if not coming:
        return []
    try:
        answer, nodes = placed(read_nodes(world.cluster), coming)
    except FlipgateError as error:
        answer, nodes = f"not known: {error.named_fact}", "nodes"
    asked = f"still to come on {side}: {', '.join(f'{each.service} {each.pods}' for each in coming)}"
    return [Evidence(GATE, Verdict.INFO, asked, nodes, answer, "each pod fits on a node")]


def _coming(world: World, side: SideState, counts: dict[str, int]) -> Iterable[Coming]:
    """The pods that each workload that is there still lacks."""
    ranges = _ranges(world, side.namespace)
    for name, count in counts.items():
        workload = side.workloads[name]
        if workload.found and count > workload.pods:
            spec = workload.template.get("spec", {})
            yield Coming(name, count - workload.pods, scheduled_requests(spec, ranges), spec)


def _ranges(world: World, namespace: str) -> tuple[Range, ...]:
    """What a LimitRange fills in; where it may not be read, `check` says that by itself."""
    try:
        return read_ranges(world.cluster, namespace)
    except FlipgateError:
        return ()
