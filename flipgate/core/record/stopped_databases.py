"""Databases of one side's own that take no writes: noted before they are stopped, until they were let go again.

One stands there for as long as users are on the other side: what is late writes into neither. Pure functions: they take
a record, and give the next one.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, Field

from flipgate.core.values.base import Model, but
from flipgate.core.values.sides import Side
from flipgate.core.values.stored import Name

if TYPE_CHECKING:
    from flipgate.core.record.record import Record


class StoppedDatabase(Model):
    """A database that takes no writes, or is about to take none."""

    database: Name
    """What the file calls it."""
    name: Name
    """Its own name."""
    side: Side
    """Whose it is."""
    at: AwareDatetime
    """When it was stopped."""
    told: bool = Field(default=False, exclude_if=lambda told: not told)
    """It could not be let go, and people were told."""

    def __str__(self) -> str:
        return f"{self.database}: {self.name}, {self.side}'s, takes no writes since {self.at:%Y-%m-%d %H:%M:%S} UTC"


def stopping(record: Record, database: str, name: str, side: Side, now: datetime) -> Record:
    """Notes that it is about to be stopped, since now where it is noted already: what was told of it was told then."""
    stopped = StoppedDatabase(database=database, name=name, side=side, at=now)
    return but(record, stopped=(*let_go(record, name).stopped, stopped))


def let_go(record: Record, name: str) -> Record:
    """Forgets one that takes writes again."""
    return but(record, stopped=tuple(each for each in record.stopped if each.name != name))


def was_told(record: Record, name: str) -> Record:
    """Notes that people know of one that could not be let go."""
    return but(record, stopped=tuple(but(each, told=True) if each.name == name else each for each in record.stopped))


def to_let_go(record: Record, active: Side | None) -> tuple[StoppedDatabase, ...]:
    """Returns those of the side that users are on: they write, and cannot. None where nobody knows where users are."""
    return tuple(each for each in record.stopped if each.side is active)
