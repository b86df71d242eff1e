"""Stamps: which actor wrote an object of ours last. The fence of every write that could arrive late.

A stamp is `EPOCH.NONCE`. The epoch is the record's, of the actor that took the object's side; the nonce is new with
each write. Each write tests the stamp that it read and sets another one, so it is taken at most once, and never after
anybody else of ours has written: not after its client gave up, not after a retry of itself, in no order.
docs/decisions/0011-late-writes.md has the argument, and every write there is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from flipgate.core.values.errors import LostLease

STAMP: Final = "flipgate.dev/stamp"
"""A label on what a side is made of: the deployment controller copies annotations to ReplicaSets, which is a write of
its own for each Deployment right when users move, and `kubectl rollout undo` brings old annotations back. On routes it
is an annotation: proxies may choose them by their labels."""
LABEL_POINTER: Final = "/metadata/labels/" + STAMP.replace("/", "~1")
UNRECORDED: Final = "unrecorded"
"""In the place of the epoch: a rollback that could not use the record, and so counted no epoch up."""


def make(epoch: int | str, nonce: str) -> str:
    """A stamp of this epoch, or UNRECORDED."""
    return f"{epoch}.{nonce}"


def unrecorded_stamp(now: datetime, nonce: str) -> str:
    """A stamp without an epoch. It says when, so that reconcile can tell a rollback at work from one that has died."""
    return make(UNRECORDED, f"{now:%Y%m%dT%H%M%SZ}-{nonce}")


def chosen_for(stamp: str | None, now: datetime) -> float:
    """The seconds since an unrecorded stamp was written; infinite where it does not say so."""
    at = (stamp or "").partition(".")[2].partition("-")[0]
    try:
        return (now - datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)).total_seconds()
    except ValueError:
        return math.inf


def renewed(stamp: str | None, epoch: int, nonce: str) -> str:
    """The same epoch's stamp with another nonce, of `epoch` where there was none: written without taking the side."""
    return make(epoch if stamp is None else stamp.partition(".")[0], nonce)


def epoch_of(stamp: str | None) -> int | None:
    """Its epoch; None where it has none: no stamp, an unrecorded one, or not one of ours."""
    number = (stamp or "").partition(".")[0]
    return int(number) if number.isdecimal() else None


def taken_whole(found: Iterable[str | None], taken_in: int, epoch: int) -> bool:
    """Whether no write of an epoch before this one can test any of these stamps, all that a side bears.

    So it is where the side was stamped whole in the very epoch before, `taken_in`, as the last that was written there:
    nobody has acted since, and whoever acted earlier tests stamps that are gone.
    """
    return 0 < taken_in == epoch - 1 and all(epoch_of(stamp) == taken_in for stamp in found)


def unrecorded(stamp: str | None) -> bool:
    """Whether a rollback wrote it that could not use the record."""
    return (stamp or "").partition(".")[0] == UNRECORDED


def need_ours(stamp: str | None, epoch: int, obj: str, untouched: str) -> None:
    """Raises LostLease when the object was stamped in a later epoch than this, or by an unrecorded rollback."""
    theirs = epoch_of(stamp)
    if unrecorded(stamp):
        fact = "was stamped by a rollback that could not be recorded, and may be live again; reconcile writes it down"
    elif theirs is not None and theirs > epoch:
        fact = f"was stamped in epoch {theirs}; this run works in epoch {epoch}"
    else:
        return
    raise LostLease(fact, obj=obj, untouched=untouched)
