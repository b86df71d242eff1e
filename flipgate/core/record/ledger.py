"""The ledger of migrations: which release expanded which database, from which version to which, and what became of it.

It stands in the record, not with a release: what an expansion leaves to be contracted is there long after its release
has ended. Pure functions: they take a record and the clock, and give the next record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from pydantic import AwareDatetime, Field

from flipgate.core.values.base import Model, but
from flipgate.core.values.stored import Name

if TYPE_CHECKING:
    from flipgate.core.record.record import Record

LEDGER_KEPT: Final = 40
"""Entries kept: those that are contracted or reverted go first, then the oldest."""
DIRTY: Final = " (dirty)"
"""Behind a version: a migration to it, or from it, stopped half way."""


class MigrationState(StrEnum):
    """What became of an expansion. The words are shown to people and stored in the record."""

    EXPANDED = "expanded"
    CONTRACTED = "contracted"
    REVERTED = "reverted"


class Migration(Model):
    """One expansion of a database's schema. Versions are the database's own words."""

    database: Name
    release: Name
    before: Name
    after: Name = ""
    """Empty while it runs, and where its run was killed: nobody has read the version since. One that is dirty is put
    right by a person."""
    at: AwareDatetime
    """When it began."""
    by: Name
    state: MigrationState = MigrationState.EXPANDED
    ended_at: AwareDatetime | None = Field(default=None, exclude_if=lambda moment: moment is None)
    """When it was contracted or reverted."""
    ended_by: Name = Field(default="", exclude_if=lambda name: not name)
    ended_as: Name = Field(default="", exclude_if=lambda version: not version)
    """The version that the database had then."""

    @property
    def open(self) -> bool:
        """Whether it is still to be contracted, or could be reverted."""
        return self.state is MigrationState.EXPANDED

    @property
    def sure(self) -> bool:
        """Whether this is the version that it came to, and not one that another is to follow."""
        return bool(self.after) and not self.after.endswith(DIRTY)

    def __str__(self) -> str:
        end = self.after or "a version that nobody has read since"
        text = f"{self.database}: {self.before} to {end} by release {self.release}, {self.at:%Y-%m-%d %H:%M} UTC"
        if self.ended_at is None:
            return text
        return f"{text}; {self.state} to {self.ended_as}, {self.ended_at:%Y-%m-%d %H:%M} UTC by {self.ended_by}"


def expanding(record: Record, database: str, release: str, before: str, by: str, now: datetime) -> Record:
    """Notes that a release's expansion begins. One of another release that was killed or stopped half way has come to
    the version that is read here; one of this very release goes on from where it began."""
    kept = []
    for each in record.migrations:
        if each.database != database or each.sure or not each.open or each.release == release:
            kept.append(each)
        elif each.before != before:
            kept.append(but(each, after=before))
    if not any(_is_of(each, database, release) for each in kept):
        kept.append(Migration(database=database, release=release, before=before, at=now, by=by))
    return but(record, migrations=_bounded(kept))


def expanded(record: Record, database: str, release: str, after: str) -> Record:
    """Notes the version that an expansion ended at. One that changed nothing leaves no entry."""
    noted = (but(each, after=after) if _is_of(each, database, release) else each for each in record.migrations)
    kept = tuple(each for each in noted if not (_is_of(each, database, release) and each.before == after))
    return but(record, migrations=kept)


def to_contract(record: Record, database: str = "") -> tuple[Migration, ...]:
    """What is still to be contracted, the oldest first: of one database, or of all."""
    return tuple(each for each in record.migrations if each.open and database in ("", each.database))


def done_and_to_come(record: Record, contracts: Collection[str]) -> Iterator[str]:
    """Yields what stands open as lines of a plan: expansions that are done, then the contracts that are to come, of the
    databases that declare one."""
    left = to_contract(record)
    yield from (f"done: {each}" for each in left)
    for name in dict.fromkeys(each.database for each in left if each.database in contracts):
        command = f"flipgate contract {record.application} --database {name}"
        yield f"to come, once nobody is to go back: the contract of {name} ({command})"


def contracted(record: Record, database: str, version: str, by: str, now: datetime) -> Record:
    """Notes that all open expansions of a database are contracted."""
    kept = (
        _ended(each, MigrationState.CONTRACTED, version, by, now) if each.open and each.database == database else each
        for each in record.migrations
    )
    return but(record, migrations=tuple(kept))


def reverted(record: Record, migration: Migration, version: str, by: str, now: datetime) -> Record:
    """Notes that one expansion was taken back."""
    kept = (
        _ended(each, MigrationState.REVERTED, version, by, now) if each == migration else each
        for each in record.migrations
    )
    return but(record, migrations=tuple(kept))


def _is_of(migration: Migration, database: str, release: str) -> bool:
    return migration.open and (migration.database, migration.release) == (database, release)


def _ended(migration: Migration, state: MigrationState, version: str, by: str, now: datetime) -> Migration:
    return but(migration, state=state, ended_at=now, ended_by=by, ended_as=version)


def _bounded(entries: list[Migration]) -> tuple[Migration, ...]:
    while len(entries) > LEDGER_KEPT:
        entries.remove(next((each for each in entries if not each.open), entries[0]))
    return tuple(entries)
