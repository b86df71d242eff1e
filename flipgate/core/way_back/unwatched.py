"""Judges whether reconcile still runs: its last success against the clock. It warns people; no step depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, TypeVar

from pydantic import AwareDatetime

from flipgate.core.record.announcement import Announcement
from flipgate.core.record.conditions import condition_of, forget, put
from flipgate.core.record.record import Condition, ConditionStatus, Record, announce
from flipgate.core.values.base import Model
from flipgate.core.values.reasons import Why
from flipgate.core.values.unread import Unread

T = TypeVar("T")
UNWATCHED: Final = "Unwatched"
INTERVAL: Final = timedelta(seconds=300)
"""How often reconcile runs: the schedule in prefect.yaml, which a test holds equal to this."""
MISSED: Final = 3
OVERDUE: Final = MISSED * INTERVAL
"""One turn may be lost to a worker that restarts, and one to an API server that is away."""

MEANWHILE: Final = (
    "Until it succeeds again no question expires, no interrupted step is repaired, no failed side is put to rest, and "
    "the way back is not judged"
)
NEXT: Final = (
    "prefect flow-run ls --flow-name reconcile --state Late --state Failed --state Crashed --state Completed (failed: "
    "the run's log says why; late: no worker takes it; none lately: prefect deployment schedule ls "
    "reconcile/reconcile, and the Prefect server's log)"
)


class UnwatchedReason(StrEnum):
    """Why an application is unwatched or not. Treated as API."""

    RECONCILE_OVERDUE = Why.RECONCILE_OVERDUE
    NEVER_RECONCILED = Why.NEVER_RECONCILED
    CLOCK_AHEAD = Why.CLOCK_AHEAD
    UNREADABLE = Why.UNREADABLE
    JUST_ADOPTED = Why.JUST_ADOPTED
    RECONCILED = Why.RECONCILED


class Reconciled(Model):
    """When reconcile last settled the application without a fault, and since when it has, OVERDUE apart at most."""

    succeeded: AwareDatetime
    since: AwareDatetime

    def again(self, now: datetime) -> Reconciled:
        """The same after a success now; after one that came later, as it is: a write that was held up takes no newer
        time back."""
        if now <= self.succeeded:
            return self
        return Reconciled(succeeded=now, since=now if now - self.succeeded > OVERDUE else self.since)


def judge_unwatched(known: Reconciled | Unread | None, record: Record | None, now: datetime) -> Condition:
    """Judges the condition Unwatched; `known` is None where reconcile never succeeded, `record` where it could not be
    read.

    True once the last success (or, without any, the adoption) is longer ago than OVERDUE, with a `since` that is the
    same for all who judge the same outage.
    """
    if isinstance(known, Unread):
        return _unknown(UnwatchedReason.UNREADABLE, f"reconcile's last success could not be read: {known.why}", now)
    if known is not None:
        return _since_success(known, now)
    if record is None:
        why = "reconcile has never succeeded here, and the record, which says since when it should, could not be read"
        return _unknown(UnwatchedReason.UNREADABLE, why, now)
    return _since_adoption(_managed_since(record, now), now)


def warning(application: str, found: Condition) -> str:
    """Returns the sentence that messages carry while Unwatched is True; else an empty text."""
    if found.status is not ConditionStatus.TRUE:
        return ""
    never = found.reason == UnwatchedReason.NEVER_RECONCILED
    fact = "has never succeeded" if never else f"last succeeded {found.since - OVERDUE:%Y-%m-%d %H:%M} UTC"
    return f"{UNWATCHED}: reconcile {fact}; nothing expires, is repaired or put to rest: flipgate status {application}"


def note_outage(record: Record, found: Condition) -> Record:
    """Returns the record with one message on an outage, under an id of its own, however many find it."""
    known = condition_of(record.conditions, UNWATCHED)
    if found.status is not ConditionStatus.TRUE or (known and _same_outage(known, found)):
        return record
    text = f"{record.application}: {UNWATCHED} ({found.reason}): {found.message}"
    return _announced(put(forget(record, UNWATCHED), found), found.reason, found.since, found.since, text)


def note_end(record: Record, now: datetime) -> Record:
    """Returns the record after a success of reconcile: an outage that was announced is announced as over."""
    known = condition_of(record.conditions, UNWATCHED)
    if known is None:
        return record
    first = known.reason == UnwatchedReason.NEVER_RECONCILED
    fact = (
        "has succeeded, for the first time" if first else f"succeeds again, after {_long(now - known.since + OVERDUE)}"
    )
    text = f"{record.application}: reconcile {fact}"
    return _announced(forget(record, UNWATCHED), UnwatchedReason.RECONCILED, known.since, now, text)


def is_about_it(message: Announcement) -> bool:
    """Whether a message says itself what `warning` would add."""
    return message.reason in frozenset(UnwatchedReason)


def _since_success(known: Reconciled, now: datetime) -> Condition:
    ago = now - known.succeeded
    at = f"{known.succeeded:%Y-%m-%d %H:%M:%S} UTC"
    if ago > OVERDUE:
        fact = f"reconcile last succeeded {at}, {_long(ago)} ago: {_intervals(ago)}. {MEANWHILE}. Next: {NEXT}"
        return _condition(ConditionStatus.TRUE, UnwatchedReason.RECONCILE_OVERDUE, fact, known.succeeded + OVERDUE)
    if ago < -INTERVAL:
        fact = f"reconcile's last success is noted for {at}, {_long(-ago)} from now: the clocks differ. Next: date -u, "
        return _unknown(UnwatchedReason.CLOCK_AHEAD, f"{fact}here and on the worker", now)
    fact = f"reconcile last succeeded {at}, {max(0, ago.total_seconds()):.0f} s ago"
    return _condition(ConditionStatus.FALSE, UnwatchedReason.RECONCILED, fact, known.since)


def _since_adoption(adopted: datetime, now: datetime) -> Condition:
    ago = now - adopted
    if ago > OVERDUE:
        fact = f"reconcile has never succeeded, and this application is managed for {_long(ago)}: {_intervals(ago)}"
        fact = f"{fact}. {MEANWHILE}. Next: {NEXT}"
        return _condition(ConditionStatus.TRUE, UnwatchedReason.NEVER_RECONCILED, fact, adopted + OVERDUE)
    fact = f"reconcile has not succeeded yet; it is due every {INTERVAL.total_seconds():.0f} s"
    return _condition(ConditionStatus.FALSE, UnwatchedReason.JUST_ADOPTED, fact, adopted)


def _managed_since(record: Record, now: datetime) -> datetime:
    """When it was adopted, or the oldest thing that is remembered since: the journal is bounded."""
    times = [*(entry.at for entry in record.journal), *(occupant.since for occupant in record.sides.values())]
    return min(times, default=now)


def _same_outage(known: Condition, found: Condition) -> bool:
    """What never succeeded is one outage, whatever is still remembered of the adoption."""
    never = known.reason == found.reason == UnwatchedReason.NEVER_RECONCILED
    return never or known.since == found.since


def _announced(record: Record, reason: str, outage: datetime, at: datetime, text: str) -> Record:
    """About the application, so in no release's thread."""
    key = f"{UNWATCHED}/{reason}/{outage.isoformat()}"
    return announce(record, key, release="", side=record.active, text=text, reason=str(reason), at=at)


def _unknown(reason: UnwatchedReason, message: str, now: datetime) -> Condition:
    return _condition(ConditionStatus.UNKNOWN, reason, message, now)


def _condition(status: ConditionStatus, reason: UnwatchedReason, message: str, since: datetime) -> Condition:
    return Condition(type=UNWATCHED, status=status, reason=str(reason), message=message, since=since)


def _intervals(ago: timedelta) -> str:
    return f"{ago // INTERVAL} intervals of {INTERVAL.total_seconds():.0f} s"


def _long(time: timedelta) -> str:
    """A time that matters by its size: minutes, hours from two on, days from two on."""
    for size, unit in ((timedelta(days=1), "days"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min")):
        if time >= 2 * size:
            return f"{time // size} {unit}"
    return f"{time.total_seconds():.0f} s"


def in_turn(things: Sequence[T], now: datetime) -> tuple[T, ...]:
    """Returns them all in their order, but with another one first each time that reconcile runs."""
    first = int(now.timestamp() // INTERVAL.total_seconds()) % len(things) if things else 0
    return (*things[first:], *things[:first])
