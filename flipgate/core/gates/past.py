"""What a gate's number is held against besides its limit: what the same query gave before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from operator import itemgetter
from typing import Final, NamedTuple

from flipgate.core.record.phases import Phase
from flipgate.core.record.release import Release
from flipgate.core.values.sides import Side

HOUR_SECONDS: Final = 3600
WEEK: Final = timedelta(days=7)


class Before(NamedTuple):
    """A number of before; None and why. `of` says what it is of, in a threshold's words."""

    value: float | None
    why: str = ""
    of: str = ""


def hour_of_a_week_before(now: datetime) -> datetime:
    """Returns the end of the hour whose middle was now a week before."""
    return now - WEEK + timedelta(seconds=HOUR_SECONDS / 2)


def hour_text(end: datetime) -> str:
    """An hour, as people read it: `2026-11-22 11:12 to 12:12 UTC`."""
    begin, end = (end - timedelta(seconds=HOUR_SECONDS)).astimezone(UTC), end.astimezone(UTC)
    return f"{begin:%Y-%m-%d %H:%M} to {end:%H:%M} UTC"


def moves(releases: Iterable[Release]) -> list[tuple[datetime, Side]]:
    """When users were moved, and to which side, by these releases, the first one first."""
    found = []
    for release in releases:
        for change in release.changes:
            if change.phase is Phase.FLIPPING:
                found.append((change.at, release.side))
            elif change.phase is Phase.ROLLING_BACK:
                found.append((change.at, release.side.other))
    return sorted(found, key=itemgetter(0))


def side_through(start: datetime, end: datetime, moved: Iterable[tuple[datetime, Side]], now_on: Side) -> Side | None:
    """Returns the side that users were on through all of a time, by all moves; `now_on` is where they are now.

    None where they were moved within it: neither side has a number of it that is of all users. None, too, where these
    cannot be all moves since: each has to lead away from where the one before led, the last one to where users are.
    """
    since = [(at, side) for at, side in sorted(moved, key=itemgetter(0)) if at > start]
    sides = [side for _, side in since]
    path = [sides[0].other, *sides] if sides else [now_on]
    whole = path[-1] is now_on and all(one is not after for one, after in pairwise(path))
    within = any(at <= end for at, _ in since)
    return path[0] if whole and not within else None
