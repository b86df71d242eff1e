"""Unwatched: when reconcile is overdue, what is said of it, and how often."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import reduce

import pytest

from flipgate.core.record.conditions import condition_of
from flipgate.core.record.record import Condition, EntryState, JournalEntry, Record
from flipgate.core.values.base import but
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.unwatched import (
    INTERVAL,
    OVERDUE,
    UNWATCHED,
    Reconciled,
    judge_unwatched,
    note_end,
    note_outage,
    warning,
)
from tests.core.builders import NOW, at, record

SECOND = timedelta(seconds=1)


def success(ago: timedelta) -> Reconciled:
    return Reconciled(succeeded=NOW - ago, since=NOW - timedelta(days=2))


def adopted(ago: timedelta) -> Record:
    """Adopted that long ago."""
    sides = {side: but(occupant, since=NOW - ago) for side, occupant in record().sides.items()}
    return record(sides=sides)


def judged(known: Reconciled | Unread | None, remembered: Record | None = None, now: datetime = NOW) -> Condition:
    return judge_unwatched(known, remembered or record(), now)


@pytest.mark.parametrize(
    ("ago", "status", "reason"),
    [
        (timedelta(0), "False", "Reconciled"),
        (-INTERVAL, "False", "Reconciled"),
        (-INTERVAL - SECOND, "Unknown", "ClockAhead"),
        (OVERDUE, "False", "Reconciled"),
        (OVERDUE + SECOND, "True", "ReconcileOverdue"),
        (timedelta(days=9), "True", "ReconcileOverdue"),
    ],
    ids=str,
)
def test_overdue_is_older_than_three_intervals(ago: timedelta, status: str, reason: str) -> None:
    found = judged(success(ago), adopted(timedelta(days=30)))
    assert (found.type, found.status, found.reason) == (UNWATCHED, status, reason)


@pytest.mark.parametrize(
    ("ago", "status", "reason"),
    [(OVERDUE, "False", "JustAdopted"), (OVERDUE + SECOND, "True", "NeverReconciled")],
    ids=str,
)
def test_what_was_never_reconciled_is_overdue_by_its_adoption(ago: timedelta, status: str, reason: str) -> None:
    found = judged(None, adopted(ago))
    assert (found.status, found.reason) == (status, reason)
    assert found.since == NOW - ago + (OVERDUE if status == "True" else timedelta(0))


def test_adoption_is_the_oldest_thing_that_is_remembered() -> None:
    first = JournalEntry(id=1, step="Adopt", state=EntryState.DONE, actor="ana", at=NOW - timedelta(hours=3))
    assert judged(None, record(journal=(first,))).reason == "NeverReconciled"


def test_what_cannot_be_read_is_unknown() -> None:
    assert judged(Unread("no permission")).status == "Unknown"
    assert judge_unwatched(None, None, NOW).status == "Unknown", "nobody knows since when it should have run"
    assert judge_unwatched(success(OVERDUE + SECOND), None, NOW).status == "True", "the record need not be read for it"


def test_the_message_says_since_when_how_often_what_does_not_happen_and_what_to_type() -> None:
    overdue = judged(success(timedelta(minutes=47))).message
    assert "2026-03-01 11:13:00 UTC, 47 min ago: 9 intervals of 300 s" in overdue
    for nothing in ("question expires", "interrupted step is repaired", "failed side is put to rest", "way back"):
        assert nothing in overdue
    assert "Next: prefect flow-run ls --flow-name reconcile" in overdue
    assert "prefect deployment schedule ls reconcile/reconcile" in overdue
    assert "never succeeded, and this application is managed for 5 h: 60 intervals" in (
        judged(None, adopted(timedelta(hours=5))).message
    )


def test_messages_say_it_in_a_sentence_while_it_is_so() -> None:
    assert warning("shop", judged(success(timedelta(hours=1)))) == (
        "Unwatched: reconcile last succeeded 2026-03-01 11:00 UTC; nothing expires, is repaired or put to rest: "
        "flipgate status shop"
    )
    assert "reconcile has never succeeded; " in warning("shop", judged(None, adopted(timedelta(hours=1))))
    assert warning("shop", judged(success(timedelta(0)))) == ""
    assert warning("shop", judged(Unread("no permission"))) == ""


def test_since_is_the_first_success_in_a_row() -> None:
    known = Reconciled(succeeded=NOW, since=NOW)
    row = reduce(lambda known, turn: known.again(at(turn * 300)), range(1, 5), known)
    assert row == Reconciled(succeeded=at(1200), since=NOW)
    assert row.again(at(2100)).since == NOW
    assert row.again(at(2101)) == Reconciled(succeeded=at(2101), since=at(2101)), "there was an outage between"


def test_a_success_that_comes_late_takes_no_newer_one_back() -> None:
    known = Reconciled(succeeded=at(600), since=NOW)
    assert known.again(at(300)) is known
    assert known.again(at(600)) is known


def test_one_outage_is_told_once_and_its_end_once() -> None:
    outage = judged(success(timedelta(minutes=47)))
    told = note_outage(record(), outage)
    (message,) = told.outbox
    assert message.text == f"shop: Unwatched (ReconcileOverdue): {outage.message}"
    assert (message.release, message.reason) == ("", "ReconcileOverdue")
    assert condition_of(told.conditions, UNWATCHED) == outage

    later = judged(success(timedelta(minutes=47)).model_copy(), now=NOW)
    delivered = but(told, outbox=())
    assert note_outage(delivered, later) is delivered
    an_hour_on = judge_unwatched(success(timedelta(minutes=47)), told, at(3600))
    assert an_hour_on.message != outage.message
    assert note_outage(delivered, an_hour_on) is delivered, "it has only grown longer"

    ended = note_end(delivered, at(60))
    assert [each.text for each in ended.outbox] == ["shop: reconcile succeeds again, after 48 min"]
    assert condition_of(ended.conditions, UNWATCHED) is None
    assert note_end(ended, at(360)) is ended


def test_two_that_find_it_at_once_tell_the_same_message() -> None:
    """The record's write decides; should both be told all the same, the id says that it is one."""
    one, other = (judge_unwatched(success(timedelta(minutes=47)), record(), at(s)) for s in (0, 7))
    assert note_outage(record(), one).outbox[0].id == note_outage(record(), other).outbox[0].id
    third = judged(success(timedelta(minutes=46)))
    assert note_outage(record(), third).outbox[0].id != note_outage(record(), one).outbox[0].id


def test_the_next_outage_is_told_though_the_end_of_the_last_one_was_not_noted() -> None:
    told = note_outage(record(), judged(success(timedelta(days=2))))
    again = note_outage(told, judged(success(timedelta(hours=1))))
    assert len(again.outbox) == 2
    assert note_outage(again, judged(success(timedelta(hours=1)))) is again


def test_what_never_succeeded_is_one_outage_though_its_beginning_is_forgotten() -> None:
    told = note_outage(record(), judged(None, adopted(timedelta(hours=9))))
    assert note_outage(told, judged(None, adopted(timedelta(hours=2)))) is told
    assert [each.text for each in note_end(told, NOW).outbox][1:] == [
        "shop: reconcile has succeeded, for the first time"
    ]


@pytest.mark.parametrize("known", [success(timedelta(0)), Unread("no permission"), success(-timedelta(hours=2))])
def test_nothing_is_told_of_what_is_not_true(known: Reconciled | Unread) -> None:
    before = record()
    assert note_outage(before, judged(known)) is before
    assert note_end(before, NOW) is before
