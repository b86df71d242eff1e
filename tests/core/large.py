"""Records that hold the largest of everything, made by the functions that change a record."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from flipgate.core.record import approvals, conditions, ledger, outbox
from flipgate.core.record import record as records
from flipgate.core.record.compared import Compared, Half
from flipgate.core.record.intent import Intent
from flipgate.core.record.intents import (
    BringUp,
    HandOver,
    Move,
    Rest,
    Restore,
)
from flipgate.core.record.occupant import Contract, Occupant, Ran
from flipgate.core.record.phases import TRANSITIONS, Phase, Reason
from flipgate.core.record.planned import parts
from flipgate.core.record.record import (
    JOURNAL_KEPT,
    OUTBOX_KEPT,
    Condition,
    ConditionStatus,
    Decision,
    EntryState,
    Question,
    Record,
)
from flipgate.core.record.release import BAKE, CHECKS, Shown, frozen
from flipgate.core.record.sent import note_sent
from flipgate.core.record.stopped import failure, note_stop
from flipgate.core.spec.application import MOST_SERVICES
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import BLUE, GREEN, NOW, approval, question, record, release

CONFIG_MAP_BYTES = 1024 * 1024
NAMES = tuple(f"service-{n:03}-".ljust(253, "n") for n in range(MOST_SERVICES))
IMAGES = {name: f"{'r' * 254}/{name[:10]}:{'t' * 117}@sha512:{'0' * 128}" for name in NAMES}
COUNTS = dict.fromkeys(NAMES, 10_000)
MARKS = dict.fromkeys(NAMES, "0" * 12)
ROLES = dict.fromkeys(NAMES, Ran(role="mixed", kind="StatefulSet", config_map=NAMES[0], key="k" * 40))
LONG_OF = {
    "two bytes each": "é" * 9_000,
    "four bytes each": "🙂" * 5_000,
    "quotes": '"' * 9_000,
    "six bytes as JSON": "\x00" * 3_000,
    "lines": "a line\n" * 2_000,
    "no UTF-8": "caf\udce9" * 3_000,
}
LONG = list(LONG_OF.values())
INTENTS: tuple[Intent, ...] = (
    *(BringUp(side) for side in Side),
    *(Rest(side, COUNTS, "é" * 9_000) for side in Side),
    *(Restore(side, COUNTS) for side in Side),
    *(Move(side, back=True, forced=True) for side in Side),
    HandOver(GREEN),
)
Change = Callable[[Record, str], Record]


@cache
def gates(text: str, count: int = 25) -> list[Evidence]:
    verdicts = [Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.INFO]
    return [Evidence(f"{n} {text}", verdicts[n % 4], text, text, text, text, text, 1.5) for n in range(count)]


@cache
def large_question(text: str) -> Question:
    """About 100 services, with what 100 routes and as many checks say."""
    evidence = frozen(gates(text, 200))
    plan = parts((of, (text,) * MOST_SERVICES, text) for of in ("routes", "work", "a rollback", "what stays"))
    half = Half(image=text, ready=1000, wanted=1000, cpu=text, memory=text, restarts=1000)
    rows = tuple(Compared(service=name, old=half, new=half) for name in NAMES)
    return question(
        compared=rows,
        summary=text,
        changes=(text,) * MOST_SERVICES,
        plan=plan,
        evidence=evidence,
        url=text,
        flow_run=text,
    )


@cache
def shown(text: str) -> tuple[Shown, ...]:
    return tuple(Shown(replica=f"{n} {text}", first_new_answer_ms=1.5) for n in range(50))


def opened(now: Record, text: str) -> Record:
    return opened_small(now, text, images=IMAGES, wanted=COUNTS, again=MARKS, shown=shown(text))


def opened_small(now: Record, text: str, **facts: Any) -> Record:
    """A release of which no more will stay than what is announced and noted, unless `facts` say more of it."""
    attempt = 1 + max((each.attempt for each in now.releases), default=0)
    return records.open_release(now, release(attempt=attempt, side=now.active.other, opened_by=text, **facts), NOW)


def advanced(now: Record, text: str) -> Record:
    """One phase on, the way that leads furthest."""
    phase, reasons = next(iter(TRANSITIONS.get(now.phase, {}).items()), (None, ()))
    if phase is None:
        return now
    return records.advance(now, phase, min(reasons), NOW, actor=text, message=text)


def taken_back(now: Record, text: str) -> Record:
    open_to = TRANSITIONS.get(now.phase, {})
    back = next((phase for phase in (Phase.ROLLING_BACK, Phase.ABORTED) if phase in open_to), None)
    if back is None:
        return records.settled(now)
    reason = Reason.ROLLBACK_REQUESTED if back is Phase.ROLLING_BACK else Reason.DEPLOY_ABORTED
    return records.advance(now, back, reason, NOW, actor=text, message=text)


def begun(now: Record, text: str) -> Record:
    intent = INTENTS[(now.journal[-1].id if now.journal else 0) % len(INTENTS)]
    return records.begin(now, intent.step, text, NOW, intent.written())[0]


def ended(now: Record, text: str) -> Record:
    entry = now.open_entry
    return records.end(now, entry.id, EntryState.UNDONE, NOW, text) if entry else now


def asked(now: Record, text: str) -> Record:
    name = records.need_release(now).name
    number = now.journal[-1].id if now.journal else 0
    return approvals.pose(now, but(large_question(text), id=f"flip-{name}-{number}", release=name))


def answered(now: Record, text: str) -> Record:
    asked = now.question
    if asked is None:
        return now
    decision = Decision.REJECT if now.approval else Decision.APPROVE
    return approvals.answer(
        now, approval(question=asked.id, basis=asked.basis, decision=decision, by=text, via=text, reason=text)
    )


def lived(now: Record, text: str) -> Record:
    contract = Contract(reason=text, by=text, at=NOW)
    carried = Occupant(
        release=text,
        images=IMAGES,
        roles=ROLES,
        replicas=COUNTS,
        since=NOW,
        configuration=text,
        up_seconds=1.5,
        contracted=contract,
    )
    return but(now, sides=dict.fromkeys(Side, carried), holder=text, written_down=text)


def judged(now: Record, text: str) -> Record:
    return records.judged(records.judged(now, CHECKS, gates(text), NOW), BAKE, gates(text), NOW)


@cache
def unwell(text: str) -> tuple[Condition, ...]:
    return tuple(
        Condition(type=kind, status=ConditionStatus.FALSE, reason=text, message=text, since=NOW, side=BLUE)
        for kind in (*sorted(conditions.JUDGED), "Unwatched")
    )


def conditioned(now: Record, text: str) -> Record:
    return conditions.put(conditions.recorded(now, unwell(text)), *unwell(text))


def sent(now: Record, text: str) -> Record:
    return note_sent(but(now, epoch=now.epoch + 1), BLUE, Reason.ROLLBACK_REQUESTED, text, actor=text, now=NOW)


def stopped(now: Record, text: str) -> Record:
    open_release = records.need_release(now)
    pipeline = open_release.phase.row.pipeline
    if pipeline not in ("flip-traffic", "scale-down"):
        return now
    why = failure(ValueError(text))
    return note_stop(now, open_release.name, pipeline, why, actor=text, run=f"http://{text}", now=NOW)


def threaded(now: Record, text: str) -> Record:
    first = next(iter(now.outbox), None)
    return outbox.delivered(now, first.id if first else "", release=f"{now.epoch}{text}", thread=text)


def migrated(now: Record, text: str) -> Record:
    """As many expansions as are kept, none of them contracted, and one more."""
    long = {"database": "d" * 40, "before": "v" * 80, "after": "v" * 80, "at": NOW, "by": text}
    whole = tuple(ledger.Migration(release=f"{n}-{'r' * 20}", **long) for n in range(ledger.LEDGER_KEPT))
    return ledger.expanding(but(now, migrations=whole), "d" * 40, "the last", "v" * 80, text, NOW)


CHANGES: tuple[Change, ...] = (
    opened,
    advanced,
    taken_back,
    begun,
    ended,
    asked,
    answered,
    lived,
    judged,
    conditioned,
    sent,
    stopped,
    threaded,
    migrated,
)


def tried(change: Change, now: Record, text: str) -> Record:
    try:
        return change(now, text)
    except Refused:
        return now


@cache
def weeks(text: str) -> Record:
    """What weeks of releases that came to nothing leave, with a chat that took nothing, and one that waits for a yes.

    Nothing of it was written, so nothing was left out of it yet.
    """
    now = lived(record(), text)
    while len(now.outbox) < OUTBOX_KEPT or len(now.journal) < JOURNAL_KEPT:
        for change in (opened_small, begun, ended, advanced, begun, ended, conditioned, taken_back):
            now = change(now, text)
        now = records.settled(now)
    for change in (opened, judged, advanced, asked, answered, taken_back, opened, judged, advanced, asked, answered):
        now = change(now, text)
    return begun(now, text)
