"""Contracts a database on a person's word, and takes an expansion back: both under the Lease, and never by themselves.

A contract gives up the way back in the very write by which it begins: killed anywhere, nobody is sent back to code that
can no longer read the data (docs/decisions/0030-expand-and-contract.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from flipgate.core.gates.database import Backup, Database, Verb
from flipgate.core.gates.migration import Version, judge_backup
from flipgate.core.record import ledger
from flipgate.core.record.database_intents import ContractDatabase, RevertDatabase
from flipgate.core.record.held import held_back
from flipgate.core.record.ledger import Migration
from flipgate.core.record.occupant import Contract
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.record.who_may import identify, not_heard
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput, NotFound, Refused, about
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, not_passed
from flipgate.core.values.who import Speaker
from flipgate.core.way_back.contract import close, side_to_close
from flipgate.core.way_back.migrations import need_applied, need_contractible, need_revertible
from flipgate.core.workloads.view import View
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import deliver
from flipgate.steps.acting.world import World
from flipgate.steps.looking.held import read_everywhere
from flipgate.steps.looking.look import look, need_dark, need_record
from flipgate.steps.moving.jobs import await_migrations
from flipgate.steps.releasing.contract import take_off
from flipgate.steps.releasing.migrate import WHAT_TO_DO, Migrating, need_clean
from flipgate.steps.releasing.questions import who_may_approve


@dataclass(frozen=True)
class Moved:
    """What a contract or a revert has done, or would do: what it ends, and what was seen. `closes` is the side that
    nobody can go back to from then on; None where there is no way back. `done` is False where it was only asked."""

    ends: tuple[Migration, ...]
    evidence: tuple[Evidence, ...]
    closes: Side | None = None
    done: bool = False


@dataclass(frozen=True)
class _Asked:
    """What a person wants done to a database, with what was seen of it under the Lease."""

    migrating: Migrating
    database: Database
    verb: Verb
    before: Version
    evidence: tuple[Evidence, ...]
    said: str

    def run(self) -> tuple[tuple[Evidence, ...], str, Version | None]:
        """Runs it. Returns what was seen, what to note of it, and the version since where it has passed."""
        seen, after = self.migrating.migrated(self.database, self.verb, self.before)
        outcome = f"{self.database.name} {seen[0].answer}; {self.said}"
        return (*self.evidence, *seen), outcome, None if not_passed(seen) else after

    def failed(self, seen: tuple[Evidence, ...], untouched: str) -> Refused:
        """Returns the refusal of one that did not pass, with the database's own words."""
        told = "; ".join(f"{each.gate}: {each.answer}" for each in not_passed(seen))
        return Refused(f"{told}. {WHAT_TO_DO}", reason=Why.MIGRATION_FAILED, untouched=untouched, evidence=seen)


def contract_database(world: World, name: str, reason: str, *, by: Speaker, dry_run: bool = False) -> Moved:
    """Runs a database's contract. With `dry_run` nothing is changed: what it rests on is looked at and returned.

    Raises BadInput where the file declares none, and without a reason; Refused as `need_contractible` does, for a
    person who may not approve, while a freeze or a closed window holds it back, where the database is dirty, where its
    backup is too old (BackupTooOld), and where it did not pass (MigrationFailed): the way back is closed then.
    """
    with _asked(world, name, "contract", reason, by, dry_run) as (acting, database):
        now, view = acting.world.now(), look(acting.world)
        record = need_record(acting.world, view)
        need_contractible(record, name, view.active or record.active)  # says more than that no side is dark
        side = need_dark(acting.world, view).side
        would = Moved(need_contractible(record, name, side.other), (), _way_back(record, view))
        asked = _look(acting, side, database, "contract", f"{by.name}: {reason}", would.ends)
        if dry_run:
            return replace(would, evidence=asked.evidence)
        _need_backup(asked)
        done = Contract(reason=f"contract of database {name} was begun: {reason}", by=by.name, at=now)
        return _contract(asked, would, done)


def _contract(asked: _Asked, would: Moved, done: Contract) -> Moved:
    acting, name, closes = asked.migrating.acting, asked.database.name, would.closes
    world, side = acting.world, asked.migrating.side

    def begun(record: Record, _entry: int) -> Record:
        need_contractible(record, name, side.other)  # a release may have been opened since
        return close(record, closes, done) if closes and not record.sides[closes].contracted else record

    with journal(acting, ContractDatabase(side, name, str(asked.before)), also=begun) as entry:
        deliver(world, world.store.read())
        if closes:
            take_off(acting)
        seen, entry.outcome, after = asked.run()
        if after:
            world.store.update(lambda record: ledger.contracted(record, name, str(after), done.by, world.now()))
    if after is None:
        way_back = f"; the way back to {closes} stays closed" if closes else ""
        raise asked.failed(seen, f"all routes and both sides{way_back}")
    return replace(would, evidence=seen, done=True)


def revert(world: World, name: str, reason: str, *, by: Speaker, dry_run: bool = False) -> Moved:
    """Takes a database's newest expansion back. With `dry_run` nothing is changed.

    Raises BadInput where the file declares no way down, and without a reason; Refused as `need_revertible` does, and
    otherwise as `contract_database`. A way down has passed where the version is the one from before the expansion.
    """
    with _asked(world, name, "down", reason, by, dry_run) as (acting, database):
        view = look(acting.world)
        up = [side for side in Side if view.sides[side].up]
        newest = need_revertible(need_record(acting.world, view), name, up)
        side = need_dark(acting.world, view).side
        asked = _look(acting, side, database, "down", f"{by.name}: {reason}", (newest,))
        need_applied(newest, str(asked.before))
        if dry_run:
            return Moved((newest,), asked.evidence)
        _need_backup(asked)
        return _revert(asked, newest, up, by.name)


def _revert(asked: _Asked, newest: Migration, up: list[Side], by: str) -> Moved:
    acting, name = asked.migrating.acting, asked.database.name
    world, side = acting.world, asked.migrating.side

    def begun(record: Record, _entry: int) -> Record:
        need_revertible(record, name, up)
        return record

    with journal(acting, RevertDatabase(side, name, str(asked.before)), also=begun) as entry:
        seen, entry.outcome, after = asked.run()
        # Whatever else it has come to: nobody knows that this one is taken back.
        if taken_back := after is not None and str(after) == newest.before:
            world.store.update(lambda record: ledger.reverted(record, newest, str(after), by, world.now()))
    if after is None:
        raise asked.failed(seen, "all routes and both sides")
    if not taken_back:
        as_before = " as before, so its way down has changed nothing" if after == asked.before else ""
        raise Refused(
            f"is at {after}{as_before}: it is taken back once it is at {newest.before}, where it was before {newest}. "
            f"It stays open; {WHAT_TO_DO}",
            reason=Why.MIGRATION_FAILED,
            untouched="all routes, both sides and the ledger",
            evidence=seen,
        )
    return Moved((newest,), seen, done=True)


@contextmanager
def _asked(
    world: World, name: str, verb: Verb, reason: str, by: Speaker, dry_run: bool
) -> Iterator[tuple[Acting, Database]]:
    """Under the Lease, where the file declares this and the person may have it done; its refusals name the database."""
    nothing = "all databases, the record, all routes and both sides"
    named = partial(
        about, world.application.name, obj=f"database {name} of {world.application.name}", untouched=nothing
    )
    with named():
        database = world.application.database(name)
        if database.program(verb) is None:
            raise BadInput(f"declares no {verb}: there is nothing to run")
        if not dry_run:
            if not reason.strip():
                raise BadInput("needs a reason")
            _need_allowed(world, by)
    with world.acting() as acting, named():
        yield acting, database


def _need_allowed(world: World, by: Speaker) -> None:
    """Raises Refused for whom the policy does not let approve, and while a freeze or a closed window holds moves back:
    as the rest of an old side is, this is what cannot be taken back."""
    record = world.store.read()
    may = who_may_approve(world, record.newest) if record.newest else None
    if void := not_heard(identify(by.caller, may), by.name, may):
        raise Refused(void.fact, reason=void.reason)
    windows = world.application.spec.policy.windows
    if held := held_back(record, read_everywhere(world), windows, world.now()):
        thaw = held.thaw or f"flipgate status {world.application.name}"
        raise Refused(f"is held back: {held.text}", reason=held.reason, next_command=thaw)


def _look(acting: Acting, side: Side, database: Database, verb: Verb, said: str, ends: tuple[Migration, ...]) -> _Asked:
    """What is shown to whoever decides: what it ends, the version now, and how old the newest backup is. Raises Refused
    where the database is dirty, or nobody can say its version."""
    await_migrations(acting, acting.check_lease)
    migrating = Migrating(acting, side, _live_release(acting, side.other))
    seen, before = migrating.version(database, "now")
    need_clean([seen])
    assert before, "it is clean"
    rows = [Evidence("ledger", Verdict.INFO, database.name, "record", str(each), "") for each in ends]
    return _Asked(migrating, database, verb, before, (*rows, seen, *_backed_up(migrating, database)), said)


def _backed_up(migrating: Migrating, database: Database) -> Iterator[Evidence]:
    if isinstance(declared := database.program("backup"), Backup):
        name, now = f"{database.name}: backup", migrating.acting.world.now()
        yield judge_backup(name, migrating.run(database, "backup"), declared.within_hours, now)


def _need_backup(asked: _Asked) -> None:
    if bad := not_passed(asked.evidence):
        told = "; ".join(f"{each.gate}: {each.answer} (wanted {each.threshold})" for each in bad)
        raise Refused(f"{told}. Nothing was run", reason=Why.BACKUP_TOO_OLD, evidence=asked.evidence)


def _way_back(record: Record, view: View) -> Side | None:
    """The side whose code a contract leaves without its data; None where none could be gone back to."""
    try:
        return side_to_close(record, view.traffic)
    except Refused as refused:
        if refused.reason != Why.NOTHING_TO_CLOSE:
            raise
        return None


def _live_release(acting: Acting, live: Side) -> Release:
    """The release that users are on: its images run what is made of a workload's own pods. Of a side that was adopted
    the newest release, with the images that the side has."""
    record = acting.record
    name, images = record.sides[live].release, record.sides[live].images
    if name and (found := record.named(name)):
        return found
    try:
        found = acting.world.store.finished(name)[0] if name else None
    except NotFound:
        found = None
    newest = found or record.newest
    assert newest, "the ledger names one"
    return newest if found else but(newest, images=images)
