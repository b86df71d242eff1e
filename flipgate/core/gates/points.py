"""The points of a release at which a gate may be asked, and since when it counts at each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.release import Release


class GatePoint(StrEnum):
    """Where on a release's way a gate is asked."""

    DARK = "dark"
    FLIP = "flip"
    BAKE = "bake"
    SOAK = "soak"
    SCALE_DOWN = "scale-down"

    @property
    def before_users(self) -> bool:
        """Whether it is of a side that has no users yet."""
        return self in (GatePoint.DARK, GatePoint.FLIP)


BEFORE: Final[Mapping[QuestionKind, tuple[GatePoint, ...]]] = MappingProxyType(
    {QuestionKind.FLIP: (GatePoint.DARK, GatePoint.FLIP), QuestionKind.SCALE_DOWN: (GatePoint.SCALE_DOWN,)}
)
"""The points whose gates have to pass right before a move."""
LONGEST: Final = timedelta(hours=1)
"""Of what is counted at a point that is not the bake and not `dark`: what was long ago says little about now."""


class Since(NamedTuple):
    """When that begins which a gate counts, and how evidence calls it, behind `since`."""

    at: datetime
    text: str


THE_FLIP: Final = "the flip"
"""How evidence of the bake calls it."""


def since(point: GatePoint, release: Release, now: datetime, *, whole: bool = False) -> Since:
    """Returns since when a gate counts that is asked at this point now: `dark` since the release began to deploy, the
    bake since the flip, all others over the last hour, and no longer than the side has this release, or its users; all
    of that time for one that counts the `whole` of it."""
    flipped = release.flipped_at or now
    if point is GatePoint.BAKE:
        return Since(flipped, THE_FLIP)
    began, what = (_deployed(release), "its deploy") if point.before_users else (flipped, THE_FLIP)
    if not whole and point is not GatePoint.DARK and now - began > LONGEST:
        return Since(now - LONGEST, f"{_clock(now - LONGEST)}, an hour ago")
    return Since(began, f"{_clock(began)}, {what}")


def compared(point: GatePoint, release: Release, now: datetime) -> datetime:
    """Returns when the hour ends in which the other side's number is taken: it has users until the flip."""
    return now if point.before_users else release.flipped_at or now


def _deployed(release: Release) -> datetime:
    began = [change.at for change in release.changes if change.phase is Phase.DEPLOYING]
    return began[-1] if began else release.changes[0].at


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
