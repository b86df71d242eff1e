"""Compares the record with the routes: as recorded, an open step, or drift."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flipgate.core.record.conditions import DRIFTED
from flipgate.core.record.intents import MOVE_ROUTES, Move
from flipgate.core.record.record import Condition, ConditionStatus, JournalEntry, Record
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why

_BY: Final = "; written by "


@dataclass(frozen=True)
class AsRecorded:
    """The record and the routes agree, and no step is open."""


@dataclass(frozen=True)
class OpenStep:
    """A step began and did not end: it has to be finished or backed out."""

    entry: JournalEntry


@dataclass(frozen=True)
class Drift:
    """The routes are not where the record left them, and no step of ours explains it."""

    fact: str
    by: str = ""
    """Who wrote the routes that lead elsewhere, and when, as far as the API server says."""

    def __str__(self) -> str:
        return f"{self.fact}{_BY}{self.by}" if self.by else self.fact


def explain(record: Record, traffic: Traffic) -> AsRecorded | OpenStep | Drift:
    """Returns why record and traffic look as they do. An open journal entry explains any state of the routes."""
    if entry := record.open_entry:
        return OpenStep(entry)
    if traffic.active is record.active:
        return AsRecorded()
    where = f"say {traffic.active} ({traffic})" if traffic.active else f"name no one side: {traffic}"
    return Drift(f"the routes {where}; the record says {record.active}", _writers(record, traffic))


def fact_of(said: str) -> str:
    """Returns the fact of a drift that was told. Who wrote it is no part of that: whoever writes there once more has
    another time from then on, and the drift is the same."""
    return said.partition(_BY)[0]


def _writers(record: Record, traffic: Traffic) -> str:
    elsewhere = [state for state in traffic.leading if state.whole is not record.active]
    return ", ".join(f"{state.written_by} ({state.route})" for state in elsewhere if state.written_by)


def judge_drift(record: Record | None, traffic: Traffic | None, now: datetime, why: str = "") -> Condition:
    """Judges the condition Drifted: True where the routes are elsewhere and no step of flipgate's explains it; unknown,
    for the reason `why`, where record or routes could not be read."""
    if record is None or traffic is None:
        status, reason, message = ConditionStatus.UNKNOWN, Why.UNREADABLE, why or "record or routes could not be read"
    else:
        match explain(record, traffic):
            case Drift() as drift:
                status, reason, message = ConditionStatus.TRUE, Why.ROUTES_ELSEWHERE, str(drift)
            case OpenStep(entry):
                status, reason = ConditionStatus.FALSE, Why.STEP_UNDER_WAY
                message = f"journal entry {entry.id} ({entry.step}) is open, and explains any state of the routes"
            case _:
                status, reason = ConditionStatus.FALSE, Why.AS_RECORDED
                message = f"routes and record say {record.active}"
    return Condition(type=DRIFTED, status=status, reason=reason, message=message, since=now)


def finish_move(entry: JournalEntry, traffic: Traffic) -> bool:
    """Decides on an interrupted move: True when every route arrived (go on), False when it has to be backed out.

    A move whose patch never left has its routes whole on the old side: there is nothing to undo but the entry.
    """
    if entry.step != MOVE_ROUTES:
        raise ValueError(f"{entry.step} moves no traffic")
    meant = Move.find(entry.intent)
    return meant is not None and traffic.active is meant.to
