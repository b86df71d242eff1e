"""Copies the Secrets and ConfigMaps that the file declares from the live side to the dark one.

One that is not there is made empty, and filled by a second, fenced write once the Lease is known to be ours still: one
that is made late holds nothing. Each object is stamped by the deploy that looked at it, copied or not, and once more by
who sends users to its side, so that a write of somebody who is late is refused (docs/decisions/0011-late-writes.md).
What an object holds is in two requests and an answer, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flipgate.adapters.addresses import address, address_of
from flipgate.core.record.intents import CopyObjects
from flipgate.core.spec.parity import EqualObject
from flipgate.core.traffic.traffic import DarkSide
from flipgate.core.values.errors import (
    Conflict,
    FlipgateError,
    LostLease,
    NotFound,
    PermanentError,
    Refused,
    TemporaryError,
    Unreachable,
)
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.workloads.copying import copy_labels, empty_copy, filling, labelling
from flipgate.core.workloads.keepers import keeper_of
from flipgate.core.workloads.named import Ref
from flipgate.core.workloads.parity import ACCOUNT_TOKEN
from flipgate.core.workloads.view import View, read_stamped
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.looking.parity import copied_now, kept_by_copy, own_names
from flipgate.steps.moving.stamp import stamp_each

TRIES = 3


def copy_objects(acting: Acting, view: View, dark: DarkSide) -> str:
    """Makes what is declared `sync: copy` on the dark side as it is on the live one, and returns what was copied, in
    words. Nothing is written where it is so; what stands there is stamped. Raises Refused (PreflightFailed) where the
    API server does not take one, or somebody else keeps it: those before it are copied."""
    if not _declared(acting):
        return ""
    refs = copied_now(acting.world, view, dark.side)
    names = ", ".join(f"{kind} {name}" for kind, name in refs)
    if refs:
        with journal(acting, CopyObjects(dark.side, names)) as entry:
            for ref in refs:
                acting.confirm_lease()
                _copy(acting, dark.side, ref)
            entry.outcome = f"copied from {dark.side.other} to {dark.side}: {names}"
    stamp_copies(acting, dark.side)
    return names


def stamp_copies(acting: Acting, side: Side) -> None:
    """Takes what is declared to be copied and stands on this side: a copy that is on its way there is refused."""
    world, namespace = acting.world, acting.application.place_of(side).namespace
    paths = [address(each.kind, namespace, each.name or "") for each in _declared(acting)]
    stamp_each(acting, [read_stamped(obj, obj["kind"]) for obj in world.each(world.cluster.find, paths) if obj])


def _declared(acting: Acting) -> tuple[EqualObject, ...]:
    parity = acting.application.spec.parity
    return parity.copies() if parity else ()


def _copy(acting: Acting, side: Side, ref: Ref) -> None:
    """One object: read on both sides, made where it is missing, filled."""
    world, (kind, name) = acting.world, ref
    theirs, ours = (acting.application.place_of(each).namespace for each in (side.other, side))
    obj = f"{kind} {ours}/{name}"
    for _ in range(TRIES):
        try:
            source = world.cluster.get(address(kind, theirs, name))
            if source.get("type") == ACCOUNT_TOKEN:
                raise _refused("is a token of its own namespace, and not copied", obj)
            target = world.cluster.find(address(kind, ours, name)) or _make(acting, kind, ours, name, source, theirs)
            if keeper := keeper_of(target["metadata"]):
                raise _refused(f"is kept by {keeper}, and not written by anybody else", obj)
            return _fill(acting, side, target, source, theirs)
        except (Conflict, NotFound):
            continue
        except PermanentError as error:  # its words, or those of who admits objects, may quote what this one holds
            fact = f"is not taken by the API server ({type(error).__name__}), whose words are not shown"
            raise _refused(fact, obj) from None
        except Unreachable:
            raise
        except TemporaryError:
            raise TemporaryError("was not taken by the API server, whose words are not shown", obj=obj) from None
    raise _refused(f"was written by somebody else each of {TRIES} times that it was to be copied", obj)


def _make(acting: Acting, kind: str, namespace: str, name: str, source: Mapping[str, Any], of: str) -> dict[str, Any]:
    labels = copy_labels(acting.application.name, of, acting.new_stamp())
    made = acting.cluster.create(address(kind, namespace), empty_copy(kind, name, source, labels))
    try:
        acting.confirm_lease()  # it may have been made late, after users came: then nobody fills it
    except LostLease:
        _unmake(acting, address(kind, namespace, name), made["metadata"])
        raise
    return {"kind": kind, **made}


def _unmake(acting: Acting, path: str, meta: Mapping[str, Any]) -> None:
    """Takes an empty object away that nobody fills: refused once anybody has written it."""
    try:
        acting.cluster.delete(path, uid=meta["uid"], version=meta["resourceVersion"])
    except FlipgateError as error:
        acting.world.say(f"{path.rpartition('/')[2]} stays there empty, until a release fills it: {error.named_fact}")


def _fill(acting: Acting, side: Side, target: Mapping[str, Any], source: Mapping[str, Any], of: str) -> None:
    each, world = read_stamped(target, target["kind"]), acting.world
    kept, names = kept_by_copy(world, each.kind, each.name), own_names(world, side)
    version = {"op": "test", "path": "/metadata/resourceVersion", "value": each.resource_version}
    changes = [version, *labelling(acting.application.name, of), *filling(source, target, kept, names)]
    acting.cluster.patch(address_of(each), each.fenced(acting.epoch, acting.new_stamp(), *changes))


def _refused(fact: str, obj: str) -> Refused:
    return Refused(
        fact, obj=obj, reason=Why.PREFLIGHT_FAILED, untouched="this object, what comes after it, and all workloads"
    )
