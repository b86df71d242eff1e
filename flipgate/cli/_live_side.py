"""A live side that is short, in `flipgate status`: told before all else, with what a person would type."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from flipgate.cli._facts import Facts, way_back
from flipgate.cli._print import lasting
from flipgate.core.record.conditions import LIVE_SIDE_READY, condition_of
from flipgate.core.record.record import ConditionStatus, Record
from flipgate.core.values.sides import Side
from flipgate.core.way_back.live_side import LiveSideReason, cure, sources
from flipgate.core.way_back.way_back import counts_that_matter
from flipgate.core.workloads.view import enough, short_of

FOR_LACK_OF_PODS = frozenset(
    {LiveSideReason.NO_READY_POD, LiveSideReason.WORKLOAD_MISSING, LiveSideReason.TOO_FEW_PODS}
)


def short_live_side(facts: Facts) -> tuple[str, str] | None:
    """What comes next, and what to type, where the live side is not ready; None where it is, or nobody knows.

    Counts and images are put right by one line. Where no line does that, users leave by the way back, if it is fast.
    """
    condition, record, live = condition_of(facts.conditions, LIVE_SIDE_READY), facts.record, facts.live
    if condition is None or condition.status is not ConditionStatus.FALSE or record is None or live is None:
        return None
    found, back = cure(record, facts.application, live), _back(facts, record, live.side)
    users = f"users are on {live.side}, which is not ready ({condition.reason})"
    if back and not found.scales and condition.reason in FOR_LACK_OF_PODS:
        return f"{users}: send them to {live.side.other}, which is up; or {found.how}: {found.line}", back
    told = [f"{users}: {found.how}"]
    if managers := sources(record, facts.application, live):
        told.append(f"{' and '.join(managers)} will write it again until its source is put right, too")
    if back:
        told.append(f"or send them to {live.side.other}, which is up: {back}")
    return "; ".join(told), found.line


def lead(data: dict[str, Any], now: datetime) -> list[str]:
    """The first line of an application's status, in red, where users are on a side that is short."""
    condition = find(data)
    if condition is None or condition["status"] != "False":
        return []
    users = f"users are on {data['activeByRoutes']}, which is not ready{lasting(condition['since'], now)}"
    text = f"{data['application']}: {users} ({condition['reason']}): {condition['message']}"
    return [click.style(text, fg="red", bold=True)]


def cell(data: dict[str, Any]) -> str:
    """The live side in one word."""
    condition = find(data)
    if condition is None:
        return "?" if data["problems"] else "-"
    return {"True": "ready", "Unknown": "?"}.get(condition["status"], str(condition["reason"]))


def find(data: dict[str, Any]) -> dict[str, Any] | None:
    """LiveSideReady as `-o json` prints it, where it was judged."""
    return next((each for each in data["conditions"] if each["type"] == LIVE_SIDE_READY), None)


def _back(facts: Facts, record: Record, side: Side) -> str:
    """The line that sends users to the other side at once, where that is up; empty where it is not."""
    name, other, back = facts.application.name, side.other, way_back(facts)
    if back["way"] == "fast" and back["side"] == str(other):
        return f'flipgate rollback {name} --reason "..."'
    state, occupant = facts.sides.get(other), record.sides.get(other)
    if facts.drift is None or record.active is not other or state is None or (occupant and occupant.contracted):
        return ""
    up = not short_of(state, enough(counts_that_matter(facts.application, record, other)))
    return f'flipgate rollback {name} --to {other} --reason "..."' if up else ""
