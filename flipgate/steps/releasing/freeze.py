"""Freezes and thaws an application, and passes what holds a move back on a person's word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from flipgate.adapters.cluster import Cluster
from flipgate.adapters.freeze import delete_freeze, read_freeze, write_freeze
from flipgate.core.record import held
from flipgate.core.record import record as records
from flipgate.core.record.freeze import BreakGlass, Freeze
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Record
from flipgate.core.record.who_may import identify
from flipgate.core.values.errors import PermanentError
from flipgate.core.values.who import Speaker
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.looking.who import speaker
from flipgate.steps.releasing.questions import who_may_approve


@about_application(untouched="the record")
def freeze(world: World, reason: str, *, by: Speaker) -> tuple[Freeze, bool]:
    """Freezes the application. Returns the freeze that there is from then on, and whether it is this one: an earlier
    one stays."""
    made = _made(by, reason, world.now())
    found = write(world, lambda record: held.freeze(record, made)).frozen or made
    return found, found == made


@about_application(untouched="the record")
def thaw(world: World, reason: str, *, by: Speaker) -> tuple[Freeze | None, bool]:
    """Thaws the application. Returns the freeze that has ended, and whether there was one."""
    now, before = world.now(), world.store.read().frozen
    write(world, lambda record: held.thaw(record, by.name, reason, now))
    return before, before is not None


def freeze_all(cluster: Cluster, namespace: str, reason: str, *, claimed: str) -> tuple[Freeze, bool]:
    """The same of all applications. It is told by what it holds back, and by the status of each application."""
    made = _made(speaker(cluster, claimed), reason, utc_now())
    found = write_freeze(cluster, namespace, made)
    return found, found == made


def thaw_all(cluster: Cluster, namespace: str) -> tuple[Freeze | None, bool]:
    """Ends the freeze of all applications, whatever its ConfigMap holds."""
    try:
        before = read_freeze(cluster, namespace)
    except PermanentError:  # garbled, or hidden: then its deletion says so, too
        delete_freeze(cluster, namespace)
        return None, True
    delete_freeze(cluster, namespace)
    return before, before is not None


def _made(by: Speaker, reason: str, now: datetime) -> Freeze:
    return Freeze(by=by.name, reason=reason, at=now, identity=identify(by.caller, None))


@about_application(untouched="everything")
def broken(world: World, kind: QuestionKind, reason: str, *, by: Speaker) -> Callable[[Record], Record]:
    """Returns the change to the record by which a person passes what holds this move of the open release back, and
    the file's gates. It raises Refused where no such move is to come, and as a yes of theirs would be refused."""
    release = records.need_release(world.store.read())
    may, now = who_may_approve(world, release), world.now()
    lasts = timedelta(seconds=world.application.spec.policy.approval_expires_seconds)
    glass = BreakGlass(
        kind=kind,
        release=release.name,
        by=by.name,
        reason=reason,
        at=now,
        expires_at=now + lasts,
        identity=identify(by.caller, may),
    )
    return lambda record: held.break_glass(record, glass, may)


def break_glass(world: World, kind: QuestionKind, reason: str, *, by: Speaker) -> None:
    """Writes that down, and tells everybody. Raises Refused as `broken` says."""
    write(world, broken(world, kind, reason, by=by))
