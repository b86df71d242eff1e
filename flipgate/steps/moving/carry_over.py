"""Carries over what users wrote, where each side has a database of its own, right before they are moved.

The database that they leave is stopped first: from then on it refuses writes, so nothing can be written that is not
carried over. That is noted in the record before it is done, and stays noted for as long as it takes no writes: while
users are on the other side, what is late writes into neither. Whoever finds the database of the side that users are on
stopped, lets it go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from flipgate.core.gates.database import Database, Verb
from flipgate.core.gates.database_program import FROM, WHICH
from flipgate.core.gates.migration import judge_lag
from flipgate.core.gates.per_side import PerSide
from flipgate.core.record import record as records
from flipgate.core.record import stopped_databases as stopped
from flipgate.core.record.record import Record
from flipgate.core.record.release import CARRIED, Release
from flipgate.core.record.stopped_databases import StoppedDatabase
from flipgate.core.values.errors import FlipgateError, LostLease, Refused
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, not_passed, said_of
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import within_what_is_open
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.moving.jobs import await_migrations
from flipgate.steps.moving.run_task import run_task


def carry_over(acting: Acting, to: Side, *, forced: bool = False) -> tuple[str, ...]:
    """Stops the databases that users are to leave, carries the rest over, and sees that nothing lags. Does nothing
    where the sides share theirs.

    Raises Refused (WritesNotCarried) where anything does not pass: the databases of the side that users are on take
    writes again. `forced`, since a person named the side: what was not carried over is returned, a sentence each.
    """
    world, left = acting.world, list[str]()
    carryings = [_Carrying(acting, to, each, each.per_side) for each in world.application.per_side() if each.per_side]
    try:
        if carryings:
            left += _others(acting, forced=forced)
        for each in carryings:
            found: list[Evidence] = []
            each.carry(found)
            world.store.update(partial(_judged, found=tuple(found), world=world))
            if bad := not_passed(found):
                left.append(f"{each.database.name}: not all that users wrote was carried over to {to}: {said_of(bad)}")
            if left and not forced:
                raise _not_carried(world, to, left, acting.record.release)
    except LostLease:
        raise
    except BaseException:
        let_go(acting, to.other)
        raise
    if left:
        let_go(acting, to)
    return tuple(left)


def _others(acting: Acting, *, forced: bool) -> list[str]:
    """Waits for the Jobs that a run has left that died: carrying over the other way, one undoes what this is to carry.
    Raises Refused (MigrationFailed) where one does not end; `forced`, that is returned."""
    try:
        await_migrations(acting, acting.check_lease)
    except LostLease:
        raise
    except Refused as error:
        if not forced:
            raise
        return [error.named_fact]
    return []


def carry_back(acting: Acting, to: Side, *, forced: bool) -> tuple[str, ...]:
    """The same on the way back: of users who are there already, what they write to takes writes again."""
    if not acting.application.per_side():
        return ()
    if look_at_traffic(acting.world).active is to:
        let_go(acting, to)
        return ()
    return carry_over(acting, to, forced=forced)


def need_carrying(world: World, to: Side, *, forced: bool) -> tuple[str, ...]:
    """For who sends users back without the record, and so cannot carry anything over. Raises Refused
    (WritesNotCarried) unless a person named the side; returns what is left to do then."""
    left = tuple(
        f"{each.name}: nothing that users wrote to {each.per_side.of(to.other)} was carried over, and "
        f"{each.per_side.of(to)} may take no writes until this was run: {each.per_side.allow.what}"
        for each in world.application.per_side()
        if each.per_side
    )
    if left and not forced:
        raise _not_carried(world, to, left, None)
    return left


@dataclass(frozen=True)
class _Carrying:
    """One database, from the side that users are on."""

    acting: Acting
    to: Side
    database: Database
    per_side: PerSide

    def carry(self, found: list[Evidence]) -> None:
        """Adds what each of its programs said, up to the first that does not pass."""
        source, target, side = self.per_side.of(self.to.other), self.per_side.of(self.to), self.to.other
        world, name, now = self.acting.world, self.database.name, self.acting.world.now()
        world.store.update(lambda record: stopped.stopping(record, name, source, side, now))
        steps: tuple[tuple[Verb, Mapping[str, str]], ...] = (
            ("stop", {WHICH: source}),
            ("carry", {FROM: source, WHICH: target}),
            ("lag", {FROM: source, WHICH: target}),
            ("allow", {WHICH: target}),
        )
        for verb, told in steps:
            found.append(_run(self.acting, self.database, verb, self.to, told))
            if found[-1].verdict is not Verdict.PASS:
                return
        world.store.update(lambda record: stopped.let_go(record, target))


def let_go(acting: Acting, side: Side) -> tuple[str, ...]:
    """Has the databases of this side take writes again that are noted as stopped. Returns what is left to do, which is
    told, too; raises LostLease alone."""
    return tuple(_each_let_go(acting, side))


def _each_let_go(acting: Acting, side: Side) -> Iterator[str]:
    world = acting.world
    databases = {each.name: each for each in world.application.per_side()}
    for each in stopped.to_let_go(world.store.read(), side):
        database = databases.get(each.database)
        try:
            if database is None:
                why = "the file has no such database any more"
            else:  # after a `stop` that a run has left that died: what would come after it, nobody knows of
                await_migrations(acting, acting.check_lease, database.program("stop"))
                seen = _run(acting, database, "allow", side, {WHICH: each.name})
                why = "" if seen.verdict is Verdict.PASS else seen.answer
        except LostLease:
            raise
        except FlipgateError as error:
            why = error.named_fact
        if why:
            if not each.told:
                write(world, partial(_told, each=each, why=why, world=world))
            yield f"{each.name}, {side}'s database, may still refuse writes: {why}"
        else:
            world.store.update(lambda record, name=each.name: stopped.let_go(record, name))  # type: ignore[misc]


def put_databases_right(world: World) -> None:
    """Lets those go that users cannot write to: a run has died on its way. Takes the Lease where there is one. Where
    another acts, or where users are is not known, that is said."""
    try:
        record = world.store.read()
        if record.stopped and stopped.to_let_go(record, look_at_traffic(world).active):
            with world.acting() as acting:
                if active := look_at_traffic(world).active:
                    let_go(acting, active)
    except FlipgateError as error:
        world.say(f"a database that takes no writes is not let go yet, and reconcile tries again: {error}")


def _run(acting: Acting, database: Database, verb: Verb, side: Side, told: Mapping[str, str]) -> Evidence:
    program, world = database.program(verb), acting.world
    release = world.store.read().newest
    assert program, f"{database.name} declares no {verb}"
    name = f"{database.name} ({told[WHICH]}): {verb}"
    if release is None:
        return Evidence(name, Verdict.UNKNOWN, program.what, str(side), "not run: no release is known", program.wanted)
    acting.confirm_lease()
    world.say(f"database {name}: running {program.what}, for at most {program.timeout_seconds} s")
    with within_what_is_open(acting):
        ran = run_task(acting, side, release, program, acting.check_lease, world.nonce(), told)
    seen = judge_lag(name, ran) if verb == "lag" else replace(ran, gate=name)
    world.say(f"database {name}: {seen.verdict} ({seen.answer})")
    return seen


def _judged(record: Record, found: tuple[Evidence, ...], world: World) -> Record:
    return records.judged(record, CARRIED, found, world.now()) if record.release else record


def _not_carried(world: World, to: Side, left: tuple[str, ...] | list[str], release: Release | None) -> Refused:
    """Says what a person may do: on the way back it is theirs to leave behind what users wrote; forward nobody has to
    go."""
    name, forward = world.application.name, release is not None and release.side is to
    again = f"flipgate flip {name} (asks again)"
    leaves = f'flipgate rollback {name} --to {to} --reason "..." (leaves behind what was not carried over)'
    return Refused(
        "; ".join(left),
        obj=f"databases of {name}",
        reason=Why.WRITES_NOT_CARRIED,
        untouched="all routes: users stay where they are",
        next_command=again if forward else leaves,
    )


def _told(record: Record, each: StoppedDatabase, why: str, world: World) -> Record:
    newest = record.newest
    text = f"{record.application}: users are on {each.side}, and {each.name}, its database, takes no writes: {why}"
    return records.announce(
        stopped.was_told(record, each.name),
        f"{Why.WRITES_STOPPED}/{each.name}/{each.at.isoformat()}",
        release=newest.name if newest else "",
        side=each.side,
        text=f"{text}. reconcile tries again",
        reason=Why.WRITES_STOPPED,
        at=world.now(),
    )
