"""Looks whether something of the dark side is paused, or held back, that a release would give a new template."""

from __future__ import annotations

from flipgate.core.record.release import Release
from flipgate.core.values.verdicts import Evidence
from flipgate.core.workloads.standing import standing_rows
from flipgate.core.workloads.view import View
from flipgate.steps.acting.world import World


def read_standing(world: World, view: View, release: Release | None) -> list[Evidence]:
    """Returns a row for each that would keep pods of this release from coming up; none without one: `check` names each
    that is paused, on both sides."""
    if release is None:
        return []
    return list(standing_rows(world.application, view.sides[release.side], release.images, release.again))
