"""Looks whether an autoscaler of the dark side would take it from the counts that a release wants there."""

from __future__ import annotations

from flipgate.adapters.limits import read_scalers
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Forbidden
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.bounds import WANTED, out_of_bounds
from flipgate.core.workloads.counts import whole_counts
from flipgate.core.workloads.view import View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import side_of_release


def read_bounds(world: World, view: View, release: Release | None) -> list[Evidence]:
    """Returns a row for each autoscaler of the dark side whose bounds are not around what is wanted there in the
    end, workers too."""
    side = side_of_release(view, release)
    if side is None:
        return []
    state, wanted = view.sides[side], whole_counts(world.application, view.sides[side.other])
    try:
        scalers = read_scalers(world.cluster, state.namespace)
    except Forbidden as error:
        asked, fact = "minReplicas and maxReplicas", f"not known: {error.named_fact}"
        return [Evidence("HorizontalPodAutoscalers", Verdict.INFO, asked, str(state.place), fact, WANTED)]
    return list(out_of_bounds(state, wanted, {each.name for each in world.application.serving()}, scalers))
