"""Decides whether a person's word may settle a drift: by putting the routes back where the record has them, or by
taking what is there as meant. Each goes to its side only as `flipgate rollback --to` that side would."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from flipgate.core.record.phases import where
from flipgate.core.record.record import Record
from flipgate.core.spec.application import Application
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.way_back.explain import AsRecorded, OpenStep, explain
from flipgate.core.way_back.going_back import Back, NoWay, judge_rollback

RESTORED_IN: Final = where(lambda row: row.asks)
"""Phases of an open release in which no run of its own decides where users are: a person is asked."""


def judge_restore(
    record: Record, application: Application, traffic: Traffic, movable: Collection[Side]
) -> Back | NoWay | None:
    """Returns the side where the record has users; None where routes and record agree. `movable` as of
    `judge_rollback`."""
    decided = _decided(record, traffic)
    if decided or isinstance(explain(record, traffic), AsRecorded):
        return decided
    if record.under_way and record.phase not in RESTORED_IN:
        return _others(record, "its run decides where users are")
    return judge_rollback(record, application, traffic, {}, movable, record.active)


def judge_adoption(record: Record, application: Application, traffic: Traffic) -> Back | NoWay | None:
    """Returns the side that the routes name, for the record to follow; None where routes and record agree."""
    decided = _decided(record, traffic)
    if decided or isinstance(explain(record, traffic), AsRecorded):
        return decided
    if record.under_way:
        return _others(record, "what becomes of it goes with the side that users are on")
    if traffic.active is None:
        return NoWay(Why.ROUTES_SPLIT, f"the routes name no one side: {traffic}")
    return judge_rollback(record, application, traffic, {}, (), traffic.active)


def _decided(record: Record, traffic: Traffic) -> NoWay | None:
    """Returns the refusal where somebody has begun to move users, and has not ended it."""
    match explain(record, traffic):
        case OpenStep(entry):
            return NoWay(Why.JOURNAL_OPEN, f"journal entry {entry.id} ({entry.step} by {entry.actor}) is open")
    if traffic.unrecorded and traffic.unrecorded.mark != record.written_down:
        return NoWay(Why.JOURNAL_OPEN, f"a rollback is not written down yet ({traffic.unrecorded.claimed()})")
    return None


def _others(record: Record, why: str) -> NoWay:
    name = record.release.name if record.release else ""
    return NoWay(Why.WRONG_PHASE, f"release {name} is `{record.phase}`: {why}")
