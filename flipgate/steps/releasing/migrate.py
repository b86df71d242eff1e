"""Runs what an application declares of a database, and expands each before a release's first pod comes up; of one that
a release comes up on a copy of, the copy, and the live one once the flip is approved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime

from flipgate.core.gates.database import Database, Verb
from flipgate.core.gates.database_program import WHICH
from flipgate.core.gates.migration import Version, judge_migration, judge_version
from flipgate.core.record import ledger
from flipgate.core.record import record as records
from flipgate.core.record.database_intents import ExpandDatabase
from flipgate.core.record.phases import Phase
from flipgate.core.record.release import EXPAND, Release
from flipgate.core.values.errors import Refused, about
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, not_passed
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import need_open
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving.carry_over import let_go
from flipgate.steps.moving.jobs import await_migrations
from flipgate.steps.moving.run_task import run_task, while_open
from flipgate.steps.releasing.what_runs import deploy_again

WHAT_TO_DO = "docs/database.md says what to do"


@dataclass(frozen=True)
class Migrating:
    """Who runs a database's programs: about a dark side, with the images of a release. A program that runs is left to
    its end, also where its run is taken over: half a migration is worse than one that ends late."""

    acting: Acting
    side: Side
    release: Release
    names: Mapping[str, str] = field(default_factory=dict)
    """The copies that it is about, by what the file calls the database."""

    def told(self, database: Database) -> Mapping[str, str]:
        """What its programs are told of which one they are about."""
        name = self.names.get(database.name)
        return {WHICH: name} if name else database.told(self.side)

    def called(self, database: Database) -> str:
        """What it is called in what is found."""
        which = self.told(database).get(WHICH)
        return f"{database.name} ({which})" if which else database.name

    def keeps(self, database: Database) -> bool:
        """Whether what is done to it is for the ledger: it is done to what the code that is live works on, too."""
        return not database.per_side and database.name not in self.names

    def run(self, database: Database, verb: Verb, *, anew: bool = True) -> Evidence:
        """Runs one of its programs. Not `anew`: a Job that was made for this release before is the one."""
        program = database.program(verb)
        assert program, f"{database.name} declares no {verb}"
        self.acting.confirm_lease()
        world = self.acting.world
        world.say(f"database {database.name}, {verb}: running {program.what}, for at most {program.timeout_seconds} s")
        return run_task(
            self.acting,
            self.side,
            self.release,
            program,
            lambda: None,
            world.nonce() if anew else "",
            self.told(database),
        )

    def version(self, database: Database, when: str) -> tuple[Evidence, Version | None]:
        """Reads the version of its schema; None where nobody can say it."""
        seen, version = judge_version(f"{self.called(database)}: version {when}", self.run(database, "version"))
        _say(self.acting, seen)
        return seen, version

    def migrated(self, database: Database, verb: Verb, before: Version) -> tuple[list[Evidence], Version | None]:
        """Runs a migration, reads the version since, and judges both. An expansion's Job of before is the one; not
        where the release came up on a copy: it is flipped again, under the same name, once what stood in the way is
        put right."""
        ran = self.run(database, verb, anew=verb != "expand" or database.clone is not None)
        seen, after = self.version(database, f"after {verb}")
        judged = judge_migration(f"{self.called(database)}: {verb}", ran, before, after)
        _say(self.acting, judged)
        return [judged, seen], after


def _say(acting: Acting, found: Evidence) -> None:
    acting.world.say(f"database {found.gate}: {found.verdict} ({found.answer})")


def look_at_databases(acting: Acting, release: Release) -> list[Evidence]:
    """Returns the version of each database, before any hook and any migration runs. Raises Refused as `expand`."""
    found: list[Evidence] = []
    if migrating := _migrating(acting, release):
        try:
            with about(next_command=_again(acting, release)):
                _clean(migrating, acting.application.spec.databases, found)
        except Refused:
            _note(migrating, found)
            raise
    return found


def expand(acting: Acting, release: Release) -> list[Evidence]:
    """Expands each database, and returns what was seen; nothing where the release is dark already. To be run again at
    any time: the version is read first, and nothing is run on a database that is dirty.

    Raises Refused (DatabaseDirty, MigrationFailed), by which the release fails: no pod of it came up.
    """
    found: list[Evidence] = []
    if migrating := _migrating(acting, release, copies=True):
        left = f"{release.side.other}, which has the live traffic, all routes, and {release.side}"
        let_go(acting, release.side)  # nobody goes back to what it had
        try:
            with about(untouched=f"{left}: none of its pods was started", next_command=_again(acting, release)):
                for database, before in _clean(migrating, acting.application.spec.databases, found):
                    _expand(migrating, database, before, found)
        finally:
            _note(migrating, found)
    return found


def expand_live(acting: Acting, release: Release, databases: Sequence[Database]) -> list[Evidence]:
    """Expands these, which the release came up on copies of, right before users are to come. Raises Refused as
    `expand`: users stay where they are, on code that knows nothing of it."""
    found: list[Evidence] = []
    migrating = Migrating(acting, release.side, release)
    next_command = f"flipgate flip {acting.application.name} (asks again)"
    with about(untouched="all routes: users stay where they are", next_command=next_command):
        for database, before in _clean(migrating, databases, found):
            _expand(migrating, database, before, found)
    return found


def _again(acting: Acting, release: Release) -> str:
    return deploy_again(acting.world, release)


def _migrating(acting: Acting, release: Release, *, copies: bool = False) -> Migrating | None:
    """Who migrates for this release; None where no database is declared, or the release is dark already."""
    world = acting.world
    if not world.application.spec.databases:
        return None
    if need_open(world.store.read(), release.name).phase is not Phase.DEPLOYING:
        return None
    names = {each.name: each.clone.name_for(release.name) for each in world.application.cloned() if each.clone}
    return Migrating(acting, need_dark(world, look(world)).side, release, names if copies else {})


def _note(migrating: Migrating, found: list[Evidence]) -> None:
    """Keeps what was found with the release."""
    world, release = migrating.acting.world, migrating.release
    world.store.update(lambda record: judged_of(record, release, EXPAND, found, world.now()))


def judged_of(
    record: records.Record, release: Release, step: str, found: list[Evidence], now: datetime
) -> records.Record:
    """The record with what a step has seen, where the release has not been superseded meanwhile."""
    mine = record.release is not None and record.release.name == release.name
    return records.judged(record, step, found, now) if mine else record


def _clean(
    migrating: Migrating, databases: Sequence[Database], found: list[Evidence]
) -> list[tuple[Database, Version]]:
    """Each with its version: all are looked at before any is changed."""
    acting, release = migrating.acting, migrating.release
    with about(obj=f"release {release.name}"):
        await_migrations(acting, while_open(acting, release))
        versions = [(database, migrating.version(database, "before")) for database in databases]
        found += [seen for _, (seen, _) in versions]
        need_clean(found)
    return [(database, version) for database, (_, version) in versions if version]


def need_clean(seen: Sequence[Evidence]) -> None:
    """Raises Refused where a database is dirty (DatabaseDirty), or nobody can say its version (MigrationFailed)."""
    if not (bad := not_passed(seen)):
        return
    dirty = any(each.verdict is Verdict.FAIL for each in bad)
    told = "; ".join(f"{each.gate}: {each.answer}" for each in bad)
    half = "a migration stopped half way before: put it right with its own tool (docs/database.md)"
    reason = Why.DATABASE_DIRTY if dirty else Why.MIGRATION_FAILED
    raise Refused(
        f"{told}. No migration was run: {half if dirty else WHAT_TO_DO}",
        reason=reason,
        untouched="all databases, both sides and all routes",
    )


def _expand(migrating: Migrating, database: Database, before: Version, found: list[Evidence]) -> None:
    acting, release = migrating.acting, migrating.release
    world, name, now = acting.world, database.name, acting.world.now()
    keeps = migrating.keeps(database)

    def noted(record: records.Record, _entry: int) -> records.Record:
        by = release.opened_by
        return ledger.expanding(record, name, release.name, str(before), by, now) if keeps else record

    with journal(acting, ExpandDatabase(migrating.side, name, str(before)), also=noted) as entry:
        seen, after = migrating.migrated(database, "expand", before)
        found += seen
        entry.outcome = f"{name} {seen[0].answer}"
        if after and keeps:
            world.store.update(lambda record: ledger.expanded(record, name, release.name, str(after)))
    if bad := not_passed(seen):
        raise Refused(
            f"{'; '.join(f'{each.gate}: {each.answer}' for each in bad)}. {WHAT_TO_DO}",
            obj=f"release {release.name}",
            reason=Why.MIGRATION_FAILED,
        )
