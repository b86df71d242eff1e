"""Sets the maintenance flag right before users are moved, and takes it off once they stay or are back.

It is noted in the record before it is set, and stays noted until it was seen off: whoever comes after a crash takes it
off. Both writes test the ConfigMap's version and leave a mark of their own, so one that arrives late does nothing.
"""

from __future__ import annotations

from functools import partial

from flipgate.core.record import maintenance_off as off
from flipgate.core.record.intents import SetMaintenance
from flipgate.core.record.maintenance import Maintenance, noted
from flipgate.core.record.record import Record
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, FlipgateError, LostLease, NotFound, Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.steps.acting.acting import Acting, Authority
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.looking.maintenance import READ_SECONDS, path_of, read_flag, wrong_with

TRIES = 5
MARK = "flipgate.dev/maintenance"
"""An annotation. Its value is for nobody: each write changes it, so that none that was sent before is taken."""


def set_maintenance(acting: Acting) -> None:
    """Sets the flag that the file declares; does nothing without one. One that somebody else has set is left to them.

    Raises Refused (MaintenanceNotSet) where it cannot be set, and while another one, of a file before this one, may
    still be on: nobody is moved.
    """
    spec = acting.application.spec.maintenance
    if spec is None:
        return
    left = take_maintenance_off(acting)  # of an attempt before this one, or of another file
    before = acting.world.store.read().maintenance
    if left and before and not before.is_of(spec):  # a note of the new one in its place, and nobody would know of it
        raise _not_set(acting, f"one of a file before this one comes first: {'; '.join(left)}")
    try:
        found = read_flag(acting.cluster, spec)
        if wrong := wrong_with(spec, found):
            raise _not_set(acting, wrong)
        if found.value == spec.during:
            acting.world.say(f"{spec} is {spec.during} already: somebody else has set it, and it is left to them")
            return
        flag = noted(spec, acting.world.now())

        def known(record: Record, _: int) -> Record:
            return but(record, maintenance=flag)

        with journal(acting, SetMaintenance(str(spec), spec.during), also=known):
            acting.confirm_lease()
            _write(acting, flag, found.version, flag.during)
    except (LostLease, Refused, TemporaryError):
        raise
    except FlipgateError as error:
        raise _not_set(acting, error.named_fact) from error


def take_maintenance_off(acting: Acting) -> tuple[str, ...]:
    """Takes off a flag that flipgate has set and that does not belong there any more; returns what is left to do, which
    is told, too. Raises LostLease alone: no release, and no way back, depends on it."""
    world = acting.world
    flag = off.to_take_off(world.store.read(), world.now())
    if flag is None:
        return ()
    try:
        outcome = _take_off(acting, flag)
        world.store.update(lambda r: off.taken_off(r, flag, world.actor, world.now(), outcome))
        world.say(outcome)
    except LostLease:
        raise
    except FlipgateError as error:
        left = partial(off.not_taken_off, flag=flag, why=error.named_fact, now=world.now())
        write(world, left)
        return (f"the maintenance flag, {flag}, may still be on ({error.named_fact}): {off.by_hand(flag)}",)
    return ()


def flag_taken_off(acting: Acting) -> tuple[str, ...]:
    """The same at the end of a way back, where nothing at all is raised."""
    try:
        return take_maintenance_off(acting)
    except Exception as error:  # any at all: users are back, and reconcile takes it off
        return (f"could not take the maintenance flag off: {type(error).__name__}: {error}",)


def flag_left_on(acting: Authority) -> tuple[str, ...]:
    """What a rollback that cannot use the record leaves to a person: the flag, where it stands on. Without the record
    nobody knows who set it, and nobody would know that it was taken off. Never raises."""
    record, spec = acting.record, acting.application.spec.maintenance
    declared = noted(spec, acting.world.now()) if spec and record is None else None
    flag = record.maintenance if record else declared
    if flag is None:
        return ()
    stands = f"is {flag.during} still"
    try:
        if read_flag(acting.cluster, flag).value != flag.during:
            return ()
    except FlipgateError as error:
        stands = f"may still be {flag.during} ({error.named_fact})"
    then = "reconcile takes off what flipgate has set once the record can be written. At once"
    return (f"the maintenance flag, {flag}, {stands}; {then}: {off.by_hand(flag)}",)


def put_maintenance_right(world: World) -> None:
    """The same for whoever holds no Lease: takes it where there is something to do. Where another acts that is said."""
    try:
        if off.to_take_off(world.store.read(), world.now()):
            with world.acting() as acting:
                take_maintenance_off(acting)
    except FlipgateError as error:
        world.say(f"the maintenance flag is not taken off yet, and reconcile tries again: {error}")


def _take_off(acting: Acting, flag: Maintenance) -> str:
    """Marks the ConfigMap in any case: a write that would set the flag late is refused from then on. What somebody else
    has written there since is left."""
    for left in reversed(range(TRIES)):
        found = read_flag(acting.cluster, flag)
        if not found.found:
            return f"ConfigMap {flag.namespace}/{flag.config_map} is gone, and the flag with it"
        ours = found.value == flag.during
        try:
            _write(acting, flag, found.version, flag.otherwise if ours else None)
        except NotFound:
            continue
        except Conflict:
            if not left:
                raise
            continue
        return f"{flag} is {flag.otherwise} again" if ours else f"{flag} was not {flag.during} any more: it is left"
    raise Conflict(f"was written by others {TRIES} times in a row", obj=str(flag))


def _write(acting: Acting, flag: Maintenance, version: str, value: str | None) -> None:
    """Writes the value, where there is one, and a new mark; refused once anything in the ConfigMap has changed."""
    meta = {"resourceVersion": version, "annotations": {MARK: acting.new_stamp()}}
    data = {} if value is None else {"data": {flag.key: value}}
    acting.cluster.merge(path_of(flag), {"metadata": meta, **data}, timeout=READ_SECONDS)


def _not_set(acting: Acting, why: str) -> Refused:
    spec = acting.application.spec.maintenance
    return Refused(
        f"could not be set: {why}",
        obj=f"maintenance flag ({spec})",
        reason=Why.MAINTENANCE_NOT_SET,
        untouched="all routes: users stay where they are",
        next_command=f"flipgate check {acting.application.name} (asks for what it needs)",
    )
