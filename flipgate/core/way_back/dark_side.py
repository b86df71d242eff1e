"""Judges whether what has to work on the live side only works on the dark one as well. On plain values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from flipgate.core.record.conditions import DARK_SIDE_WORKS, changes, condition_of
from flipgate.core.record.record import Condition, ConditionStatus, Record
from flipgate.core.spec.application import Application
from flipgate.core.values.managed_fields import APPLY
from flipgate.core.values.reasons import Why
from flipgate.core.workloads.hand_over import Working, working
from flipgate.core.workloads.view import SideState


def judge_dark_side(record: Record, application: Application, state: SideState, now: datetime) -> Condition | None:
    """DarkSideWorks of the side that users are not on: True with what works there, who set it, and the lines that stop
    it. None while work is handed over or users are elsewhere than the record says, and where nothing works there, and
    nothing did when it was looked at last."""
    side = state.side
    if record.active is side or record.open_entry or record.phase.row.half_way:
        return None
    found = working(application.handed_over(), state)
    known = condition_of(record.conditions, DARK_SIDE_WORKS)
    if not found and (known is None or known.side is not side):
        return None
    if found:
        status, reason = ConditionStatus.TRUE, Why.WORKS_TWICE
        works = f"{'; '.join(map(str, found))}, so that work may be done twice: {side.other} is live"
        message = f"{works}{_again(application, state, found)}. Next: {stopping(found)}"
    else:
        status, reason, message = ConditionStatus.FALSE, Why.WORKS_ONCE, f"nothing works on {side}"
    return Condition(
        type=DARK_SIDE_WORKS,
        status=status,
        reason=reason,
        message=message,
        since=now,
        side=side,
        changed=changes(each.seen for each in found),
    )


def stopping(found: Iterable[Working]) -> str:
    """Returns what to type to stop it. Each line is refused once flipgate has written there again."""
    return " && ".join(each.stop for each in found)


def _again(application: Application, state: SideState, found: Iterable[Working]) -> str:
    """Who keeps it in a source, and will write it again."""
    managers = sorted({each.by.manager for each in found if each.by and each.by.operation == APPLY})
    if not managers:
        return ""
    git = application.spec.git
    source = git.overlays.of(state.side) if git and git.overlays else "its source"
    return f"; {' and '.join(managers)} will write it again until {source} leaves that out, too"
