"""Keeps the dark preview: a host leads people to the dark side for as long as a release is dark, and to nothing else.

Each of its routes is made leading nowhere, and led to the side by a second write once the Lease is known to be ours
still; it is taken away by deleting that very object. So a write that arrives late leads nobody to a side that is no
longer dark (docs/decisions/0011-late-writes.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flipgate.adapters.routes import delete_route, make_route, write_own
from flipgate.core.record.intents import DarkPreview
from flipgate.core.record.record import Record
from flipgate.core.traffic.dark_preview import is_ours, leading, leading_nowhere
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, FlipgateError, LostLease, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.world import World
from flipgate.steps.looking.dark_preview import (
    DarkPreviewSeen,
    dark_side,
    failures,
    look_at_dark_preview,
    may_be_there,
)

FAILED_TRIES, FAILED_PAUSE_SECONDS = 2, 3600.0
"""After so many in a row, one of which may have been interrupted, it is tried once an hour."""


def keep_dark_preview(acting: Acting) -> None:
    """Has the dark preview lead to the side of a release that is dark, and be gone at any other time. Does nothing
    where it is so. What could not be done is said, and reconcile tries again: no release depends on it."""
    if may_be_there(acting.world, acting.record):  # else nobody asks for anything
        _keep(acting, dark_side(acting.world.store.read()))


def take_dark_preview_away(acting: Acting) -> None:
    """Has it gone, though the release is dark still: users are about to be moved to its side. Raises like the other."""
    if may_be_there(acting.world, acting.record):
        _keep(acting, None)


def put_dark_preview_right(world: World, *, by_schedule: bool = False) -> None:
    """The same for whoever holds no Lease: takes it where there is something to do. Where another acts, or nobody can
    look, that is said.

    `by_schedule` (reconcile): also where the file has none, of which only the record tells; and where it failed
    again and again, no sooner than FAILED_PAUSE_SECONDS after the last try: each is an entry of the journal.
    """
    if not (by_schedule or world.application.spec.traffic.dark_preview):
        return
    try:
        record = world.store.read()
        if not may_be_there(world, record) or (by_schedule and _failed_just_now(world, record)):
            return
        seen = look_at_dark_preview(world, dark_side(record), record.dark_preview)
        if seen.lacking or seen.left:
            with world.acting() as acting:
                keep_dark_preview(acting)
        elif seen.unread:
            _say(world, seen.unread[0])
    except FlipgateError as error:
        _say(world, error)


def _failed_just_now(world: World, record: Record) -> bool:
    failed = failures(record)
    at = failed[0].ended if len(failed) >= FAILED_TRIES else None
    return at is not None and (world.now() - at).total_seconds() < FAILED_PAUSE_SECONDS


def _keep(acting: Acting, side: Side | None) -> None:
    world = acting.world
    try:
        seen = look_at_dark_preview(world, side, acting.record.dark_preview)
    except FlipgateError as error:
        _say(world, error)
        return
    if seen.unread:
        _say(world, seen.unread[0])
    try:
        if seen.lacking or seen.left:
            _change(acting, side, seen)
    except Refused as refused:
        if refused.reason != Why.DARK_PREVIEW_NOT_KEPT:
            raise
        _say(world, refused)


def _say(world: World, error: FlipgateError) -> None:
    world.say(f"the dark preview is not as it should be, and reconcile tries again: {error}")


def _change(acting: Acting, side: Side | None, seen: DarkPreviewSeen) -> None:
    spec = acting.application.spec.traffic.dark_preview
    host = spec.host if spec else ""
    wanted = tuple(map(str, seen.wanted))

    def known(record: Record, _: int = 0) -> Record:
        return but(record, dark_preview=tuple(dict.fromkeys([*record.dark_preview, *wanted])))

    with journal(acting, DarkPreview(side, host), also=known) as entry:
        try:
            _take_away(acting, seen.left)
            for name, obj in seen.lacking.items():
                _lead(acting, name, seen.found[name], obj)
        except LostLease:
            raise
        except FlipgateError as error:
            raise _not_kept(acting, side, error) from error
        entry.outcome = f"{host or 'it'} leads to {side or 'nobody'}"
    if not seen.unread:
        acting.world.store.update(lambda record: but(record, dark_preview=wanted))


def _take_away(acting: Acting, left: dict[RouteName, dict[str, Any]]) -> None:
    """Each for itself: one that cannot be deleted keeps no other. Raises what the first of them said, when all have
    been tried."""
    faults: list[FlipgateError] = []
    for name, obj in reversed(left.items()):  # what leads to another comes behind it
        try:
            delete_route(acting.cluster, name, obj["apiVersion"], uid=obj["metadata"]["uid"])
        except LostLease:
            raise
        except FlipgateError as error:
            faults.append(error)
    if faults:
        raise faults[0]


def _lead(acting: Acting, name: RouteName, found: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> None:
    if found is not None and not is_ours(found):
        raise Refused("is there, and is not flipgate's", obj=str(name), reason=Why.DARK_PREVIEW_NOT_KEPT)
    obj = found or make_route(acting.cluster, leading_nowhere(wanted, acting.new_stamp()))
    acting.confirm_lease()  # it may have been made late, when the side is no longer dark: then nobody leads it there
    try:
        operations = leading(obj, wanted, acting.epoch, acting.new_stamp())
    except LostLease as error:  # the Lease is ours: it is the stamp of a record that was lost, or restored since
        raise Refused(error.fact, obj=str(name), reason=Why.DARK_PREVIEW_NOT_KEPT) from error
    write_own(acting.cluster, name, wanted["apiVersion"], operations)


def _not_kept(acting: Acting, side: Side | None, error: FlipgateError) -> Refused:
    if isinstance(error, Refused) and error.reason == Why.DARK_PREVIEW_NOT_KEPT:
        return error
    fact = "was written by somebody else meanwhile" if isinstance(error, Conflict) else error.named_fact
    return Refused(
        f"could not be {'made' if side else 'taken away'}: {fact}",
        obj=f"dark preview of {acting.application.name}",
        reason=Why.DARK_PREVIEW_NOT_KEPT,
        untouched="all live routes and both sides",
        next_command="flipgate check -f APP.yaml (asks for the rights that it needs)",
    )
