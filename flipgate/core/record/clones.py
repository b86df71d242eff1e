"""The copies of databases that releases were tried on: noted before they are made, until they were seen to be gone.

Pure functions: they take a record, and give the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import AwareDatetime

from flipgate.core.values.base import Model, but
from flipgate.core.values.sides import Side
from flipgate.core.values.stored import Name

if TYPE_CHECKING:
    from flipgate.core.record.record import Record


class CloneMade(Model):
    """A copy that there is, or may be."""

    database: Name
    """What the file calls it."""
    name: Name
    """The copy's own name."""
    release: Name
    side: Side
    at: AwareDatetime
    """When it was begun."""

    def __str__(self) -> str:
        return f"{self.database}: {self.name} for release {self.release} on {self.side}, {self.at:%Y-%m-%d %H:%M} UTC"


def making(record: Record, clone: CloneMade) -> Record:
    """Notes a copy that is about to be made; the one of that name that was noted before is the same."""
    known = any((each.database, each.name) == (clone.database, clone.name) for each in record.clones)
    return record if known else but(record, clones=(*record.clones, clone))


def gone(record: Record, clone: CloneMade) -> Record:
    """Forgets a copy that was dropped."""
    kept = tuple(each for each in record.clones if (each.database, each.name) != (clone.database, clone.name))
    return but(record, clones=kept)


def of_release(record: Record, release: str, databases: Iterable[str]) -> tuple[CloneMade, ...]:
    """Returns what this release comes up on copies of, of these databases."""
    wanted = frozenset(databases)
    return tuple(each for each in record.clones if each.release == release and each.database in wanted)


def in_the_way(record: Record, side: Side, release: str) -> tuple[CloneMade, ...]:
    """Returns the copies of releases before this one on its side: nobody comes to them any more."""
    return tuple(each for each in record.clones if each.side is side and each.release != release)


def not_declared(record: Record, side: Side, databases: Iterable[str]) -> tuple[CloneMade, ...]:
    """Returns the copies on this side of what is none of these databases: the file had its `clone` when they were made,
    and says no longer which key tells pods of them."""
    known = frozenset(databases)
    return tuple(each for each in record.clones if each.side is side and each.database not in known)


def left_behind(record: Record, in_use: Iterable[str]) -> tuple[CloneMade, ...]:
    """Returns the copies of releases that are not under way any more, and that no side works on (`in_use`, by their
    own names). What a failed release came up on stays for a look until the next one."""
    open_release = record.under_way.name if record.under_way else ""
    used = frozenset(in_use)
    return tuple(each for each in record.clones if each.release != open_release and each.name not in used)


def begun(database: str, name: str, release: str, side: Side, now: datetime) -> CloneMade:
    """What is noted of a copy that is about to be made."""
    return CloneMade(database=database, name=name, release=release, side=side, at=now)
