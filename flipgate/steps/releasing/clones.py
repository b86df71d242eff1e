"""Has a release come up on copies of databases, and work on the live ones before users come to it.

A copy is noted in the record before it is made, and until it was seen to be gone. What a side's pods are told stands in
a ConfigMap of that side; a mark on their templates, which says the same, has them started anew.
"""

from __future__ import annotations

from dataclasses import replace

from flipgate.core.gates.database import Database, Verb, word_for
from flipgate.core.record import clones
from flipgate.core.record.clones import CloneMade
from flipgate.core.record.database_intents import DropClone, LeaveClones, MakeClone
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record
from flipgate.core.record.release import LEAVING, Release
from flipgate.core.values.errors import FlipgateError, Refused, about
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, said_of
from flipgate.core.workloads.pointed import databases_for, not_on_live, not_told_of_live
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import need_open
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, look_at_side, need_dark, need_record
from flipgate.steps.moving.rest import point_at
from flipgate.steps.moving.stamp import need_ours
from flipgate.steps.releasing.bring_up import bring_up, wait_ready
from flipgate.steps.releasing.migrate import Migrating, expand_live, judged_of
from flipgate.steps.releasing.what_runs import deploy_again


def make_clones(acting: Acting, release: Release) -> list[Evidence]:
    """Makes the copies that the release comes up on, and has the side's pods told of them; drops those of releases
    before it there. Does nothing where the release is dark already. To be run again at any time.

    Raises Refused (CloneFailed), by which the release fails: no pod of it came up.
    """
    world, found = acting.world, list[Evidence]()
    databases = world.application.cloned()
    _need_declared(acting, release)
    if not databases or need_open(world.store.read(), release.name).phase is not Phase.DEPLOYING:
        return found
    view = look(world)
    need_dark(world, view)
    need_users_on_live(world, need_record(world, view), view.sides[release.side.other])
    untouched = f"the live databases, {release.side.other} and all routes"
    with about(obj=f"release {release.name}", untouched=untouched, next_command=deploy_again(world, release)):
        for clone in clones.in_the_way(world.store.read(), release.side, release.name):
            found += _drop(acting, release, clone)
        for database in databases:
            found += _make(acting, release, database)
        _point(acting, release)
    return found


def _need_declared(acting: Acting, release: Release) -> None:
    """Raises Refused where the side has a copy of what the file declares no `clone` of any more: its key may say that
    copy still, and nothing here would set it. By what was read with the Lease: who declares none asks for nothing."""
    world = acting.world
    names = [each.name for each in world.application.cloned()]
    if unknown := clones.not_declared(acting.record, release.side, names):
        raise Refused(
            f"{'; '.join(map(str, unknown))}: the file has no `clone` of it any more, and the side's pods may be told "
            "of that copy still",
            obj=f"side {world.application.place_of(release.side)}",
            reason=Why.CLONE_FAILED,
            untouched=f"the live databases, {release.side.other} and all routes",
            next_command="flipgate apply -f FILE, with that `clone` in it until `flipgate status "
            f"{world.application.name}` shows no copy; then the same again",
        )


def _make(acting: Acting, release: Release, database: Database) -> list[Evidence]:
    assert database.clone
    name = database.clone.name_for(release.name)
    clone = clones.begun(database.name, name, release.name, release.side, acting.world.now())

    def noted(record: Record, _entry: int) -> Record:
        return clones.making(record, clone)

    with journal(acting, MakeClone(release.side, database.name, name), also=noted) as entry:
        seen = _run(acting, release, database, "create", name)
        entry.outcome = f"{seen.gate}: {seen.answer}"
    _need_passed(seen)
    return [seen]


def leave_clones(acting: Acting, release: Release) -> list[Evidence]:
    """Has a dark release work on the live databases, right before users come to it: these are expanded, its pods are
    told of them and started anew, and the copies dropped, with whoever is still connected to one: so no write of a user
    can land there. Does nothing where the release works on no copy.

    Raises Refused (CloneFailed, MigrationFailed, DatabaseDirty, NotReadyInTime): users stay where they are.
    """
    world, found = acting.world, list[Evidence]()
    application = world.application
    if not application.cloned():  # who declares none asks for nothing: users wait for this
        return found
    noted = clones.of_release(world.store.read(), release.name, [each.name for each in application.cloned()])
    if not noted:
        return found
    names = [each.database for each in noted]
    next_command = f"flipgate flip {application.name} (asks again)"
    with about(untouched="all routes: users stay where they are", next_command=next_command):
        try:
            databases = [each for each in application.cloned() if each.name in names]
            found += expand_live(acting, release, databases)
            with journal(acting, LeaveClones(release.side, release.name)) as entry:
                _point(acting, release, live=True)
                entry.outcome = f"{release.side} is told of the live databases: {', '.join(names)}"
            bring_up(acting, release)
            wait_ready(acting, release, timeout_seconds=float(application.spec.policy.ready_timeout_seconds))
            for clone in noted:
                found += _drop(acting, release, clone)
        finally:
            world.store.update(lambda record: judged_of(record, release, LEAVING, found, world.now()))
    return found


def need_live_databases(world: World, record: Record, side: SideState) -> None:
    """Raises Refused (CloneFailed) where anything of this side would work on another database than the live one, or a
    copy is there that it may work on: the record says so whatever the file says by now."""
    there = [f"its copy is there still: {each}" for each in record.clones if each.side is side.side]
    if wrong := "; ".join(filter(None, (not_on_live(world.application, side), *there))):
        raise Refused(
            f"would work on another database than the live one: {wrong}",
            obj=f"side {world.application.place_of(side.side)}",
            reason=Why.CLONE_FAILED,
            untouched="all routes: users stay where they are",
            next_command=f"flipgate flip {world.application.name} (asks again)",
        )
    release = record.release
    if release and release.side is side.side and release.databases != word_for(world.application.spec.databases):
        raise Refused(
            "came up on other databases than the file has by now",
            obj=f"release {release.name}",
            reason=Why.CLONE_FAILED,
            untouched="all routes: users stay where they are",
            next_command=f"flipgate apply (with the file of before), or flipgate rollback {world.application.name} "
            f'--reason "...", then {deploy_again(world, release)}',
        )


def need_users_on_live(world: World, record: Record, side: SideState) -> None:
    """Raises Refused (CloneFailed) where the side that users are on is told of another database than the file calls
    live: what they write there would be neither copied nor found on the other side. Not of one where nothing ran."""
    if record.ran_on(side.side) and (wrong := not_told_of_live(world.application, side)):
        raise Refused(
            f"has the users, and is told of another database than the file calls live: {'; '.join(wrong)}",
            obj=f"side {world.application.place_of(side.side)}",
            reason=Why.CLONE_FAILED,
            untouched="all databases, both sides and all routes",
            next_command="flipgate apply -f FILE, with `live` as its pods are told",
        )


def put_clones_right(world: World) -> None:
    """Drops what releases that have ended have left and no side works on; for reconcile. What cannot be dropped now is
    said, and tried again the next time."""
    try:
        if not _left(world):
            return
        with world.acting() as acting:
            for clone in _left(world):
                if release := _release_for(acting.record, clone):
                    _drop(acting, release, clone)
    except FlipgateError as error:
        world.say(f"a copy of a database is not dropped yet, and reconcile tries again: {error}")


def _left(world: World) -> tuple[CloneMade, ...]:
    """Of those alone that the file declares: a side's pods may be told of the others still."""
    record = world.store.read()
    if not record.clones:
        return ()
    sides = (look_at_side(world, side) for side in Side)
    left = clones.left_behind(record, [name for side in sides for name in side.pointed.values()])
    return tuple(each for each in left if each.database in {known.name for known in world.application.cloned()})


def _release_for(record: Record, clone: CloneMade) -> Release | None:
    """With whose images a program of it is run: those of its release, where it is remembered."""
    return record.named(clone.release) or record.newest


def _drop(acting: Acting, release: Release, clone: CloneMade) -> list[Evidence]:
    """Raises Refused (CloneFailed) where its program does not pass."""
    world = acting.world
    database = next(each for each in world.application.cloned() if each.name == clone.database)
    with journal(acting, DropClone(clone.side, clone.database, clone.name)) as entry:
        seen = _run(acting, release, database, "drop", clone.name)
        entry.outcome = f"{seen.gate}: {seen.answer}"
    _need_passed(seen)
    world.store.update(lambda record: clones.gone(record, clone))
    return [seen]


def _run(acting: Acting, release: Release, database: Database, verb: Verb, name: str) -> Evidence:
    migrating = Migrating(acting, release.side, release, names={database.name: name})
    seen = replace(migrating.run(database, verb), gate=f"{migrating.called(database)}: {verb}")
    acting.world.say(f"database {seen.gate}: {seen.verdict} ({seen.answer})")
    return seen


def _need_passed(seen: Evidence) -> None:
    if seen.verdict is not Verdict.PASS:
        raise Refused(said_of([seen]), reason=Why.CLONE_FAILED)


def _point(acting: Acting, release: Release, *, live: bool = False) -> None:
    """Tells the side's pods of the release's copies, or of the live databases."""
    world, side = acting.world, look_at_side(acting.world, release.side)
    need_ours(acting, side)
    acting.confirm_lease()
    names = [each.name for each in world.application.cloned()]
    copies = () if live else clones.of_release(world.store.read(), release.name, names)
    point_at(acting, side, databases_for(world.application, copies))
