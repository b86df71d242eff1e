"""The condition GatesPass: what the gates at `soak` said when reconcile asked them last. It tells people; nobody is
moved by it. Only a run asks them: who types `status` may not reach Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flipgate.core.record import conditions
from flipgate.core.record.conditions import GATES_PASS
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Condition, ConditionStatus, Record, announce
from flipgate.core.record.release import Release
from flipgate.core.values.reasons import Why
from flipgate.core.values.verdicts import Evidence, Verdict, combine, not_passed, said_of

STATUS = {
    Verdict.PASS: ConditionStatus.TRUE,
    Verdict.FAIL: ConditionStatus.FALSE,
    Verdict.UNKNOWN: ConditionStatus.UNKNOWN,
}


def judge_soak(release: Release, found: Sequence[Evidence], now: datetime) -> Condition | None:
    """Returns what the gates have said of a live release; None without any."""
    if not found:
        return None
    bad = not_passed(found)
    return Condition(
        type=GATES_PASS,
        status=STATUS[combine(found)],
        reason=Why.GATES_NOT_PASSED if bad else Why.GATES_PASS,
        message=said_of(bad) or f"pass in the soak: {', '.join(each.gate for each in found)}",
        since=now,
        side=release.side,
        looked_at=now,
        basis=release.name,
    )


def note_soak(record: Record, found: Condition | None, now: datetime) -> Record:
    """Returns the record with what was found; without it, where nothing is asked of this release any more. What begins
    to be bad puts one message into the outbox, and so does its end; the first pass says nothing."""
    release, before = record.release, known_soak(record)
    if release is None or release.phase is not Phase.LIVE or found is None or found.basis != release.name:
        return (
            conditions.forget(record, GATES_PASS) if conditions.condition_of(record.conditions, GATES_PASS) else record
        )
    kept = conditions.put(record if before else conditions.forget(record, GATES_PASS), found)
    was = before.status if before else ConditionStatus.TRUE
    if found.status is was:
        return kept
    passing = found.status is ConditionStatus.TRUE
    ended = f"pass again, after {(now - before.since).total_seconds():.0f} s" if before else "pass"
    bad = "are bad" if found.status is ConditionStatus.FALSE else "cannot be judged"
    text = f"the soak's gates {ended if passing else bad}: {found.message}"
    return announce(
        kept,
        f"{release.name}/{GATES_PASS}/{found.status}/{now.isoformat()}",
        release=release.name,
        side=release.side,
        text=f"{record.application} {release.name} on {release.side}: {text}"
        + ("" if passing else f". Users stay there. Next: flipgate status {record.application}"),
        reason=found.reason,
        at=now,
    )


def known_soak(record: Record) -> Condition | None:
    """Returns what was found last of the release that soaks now; None where nothing is known of it."""
    known, release = conditions.condition_of(record.conditions, GATES_PASS), record.release
    soaks = release is not None and release.phase is Phase.LIVE
    return known if known and soaks and release and known.basis == release.name else None
