"""Shows what will be asked from the dark side, to who looks ahead: only a release asks it, by Jobs."""

from __future__ import annotations

from flipgate.core.record.release import Release
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.view import View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import side_of_release


def read_reach(world: World, view: View, release: Release | None) -> list[Evidence]:
    """Returns a row for each declared endpoint, which is only shown; none for a release, which asks them itself."""
    side, serving = side_of_release(view, release), [each.name for each in world.application.serving()]
    if release is not None or side is None:
        return []
    place = world.application.place_of(side)
    found = []
    for each in world.application.spec.reach:
        asks = f"a Job asks {each.target} as pods of {each.asker(serving)} would"
        answer = f"{asks}, before anything of a release is brought up"
        found.append(Evidence(each.gate, Verdict.INFO, each.target, str(place), answer, each.wanted))
    return found
