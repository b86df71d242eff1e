"""Drift: the routes are not where the record left them. It is announced once, with the one command that ends it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from flipgate.core.record import record as records
from flipgate.core.record.conditions import DRIFTED
from flipgate.core.record.phases import AFTER_TRAFFIC, Left, Phase
from flipgate.core.record.record import Condition, ConditionStatus, JournalEntry, Record, announce
from flipgate.core.spec.application import Application
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.moves import BACK, by_hand, in_a_message, plan_move
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.text import SENTENCE_BYTES, fitted
from flipgate.core.way_back.explain import fact_of
from flipgate.core.way_back.going_back import Back, NoWay, judge_rollback

ENDED: Final = Why.DRIFT_ENDED
"""Beside `Drifted` the reason of an announcement, and the step of a journal entry. Treated as API."""


@dataclass(frozen=True)
class Advice:
    """What a person does about a drift: `step` in words (no full stop), `command` to type."""

    step: str
    command: str


def advise_on_drift(record: Record, application: Application, traffic: Traffic, movable: Collection[Side]) -> Advice:
    """Returns the one next step out of a drift. `movable` are the sides that a route can be sent to.

    A rollback to the side that the record left users on; where a release that users had seen was taken back by hand, to
    the side they are on. Where none is open, by hand.
    """
    first, other = _choices(record, traffic)
    judged = {side: judge_rollback(record, application, traffic, {}, movable, side) for side in (first, other)}
    side = next((each for each, found in judged.items() if isinstance(found, Back)), None)
    if side is None:
        return _by_hand(record, application, traffic, movable, judged[record.active])
    step = _would(record, traffic, side)
    if side is first and isinstance(judged[other], Back):
        step += f"; with --to {other} instead {_would(record, traffic, other)}"
    return Advice(step, f'flipgate rollback {record.application} --to {side} --reason "..."')


def note_drift(record: Record, found: Condition, advice: Advice | None, actor: str, now: datetime) -> Record:
    """Returns the record with a drift that was not announced yet: one journal entry, one message; and the same once
    when it has ended. Routes that cannot be read, or a step under way, change nothing."""
    last = next((e for e in reversed(record.journal) if e.step in (DRIFTED, ENDED)), None)
    told = last.outcome if last and last.step == DRIFTED else ""
    if found.status is ConditionStatus.TRUE and fact_of(told) != fact_of(found.message):
        then = f". With the next command {advice.step}. Next: {_next(record, advice)}" if advice else ""
        said = f"has drifted: {fitted(found.message, SENTENCE_BYTES)}{then}"
        return _announced(record, last, DRIFTED, found.message, said, actor, now)
    if told and found.reason == Why.AS_RECORDED:
        return _announced(record, last, ENDED, found.message, f"drifts no more: {found.message}", actor, now)
    return record


def _next(record: Record, advice: Advice) -> str:
    return in_a_message([advice.command], f"flipgate status {record.application}")


def _announced(
    record: Record, last: JournalEntry | None, step: str, fact: str, sentence: str, actor: str, now: datetime
) -> Record:
    """Returns the record with the announcement. Its id is made of the fact, the epoch and the drift before it, so that
    all who find it announce the same one."""
    release, after = record.newest, last.id if last else 0
    return announce(
        records.journaled(record, step, actor, now, fact),
        f"{step}/epoch-{record.epoch}/{after}/{fact_of(fact)}",
        release=release.name if release else "none",
        side=record.active,
        text=f"{record.application} {sentence}",
        reason=step,
        at=now,
    )


def _choices(record: Record, traffic: Traffic) -> tuple[Side, Side]:
    """Returns the side to send users to, and the other one."""
    release, side = record.release, record.active
    if release:
        # Users who are on the old side all the same were taken back by hand, most likely.
        by_hand = release.phase.row.left is Left.KEPT and traffic.active is release.side.other
        side = release.side.other if by_hand or release.phase is Phase.ROLLING_BACK else side
    return side, side.other


def _would(record: Record, traffic: Traffic, side: Side) -> str:
    """Returns what a rollback to this side does, in words."""
    release = record.release
    moves = f"users stay on {side}" if traffic.active is side else f"users are sent to {side}"
    if release and release.phase in AFTER_TRAFFIC and side is not release.side:
        return f"{moves}, and release {release.name} is rolled back"
    return f"{moves}, where the record left them" if side is record.active else f"{moves}, and the record says so"


def _by_hand(
    record: Record, application: Application, traffic: Traffic, movable: Collection[Side], refused: Back | NoWay
) -> Advice:
    """Returns the advice where no rollback is allowed: no route leads to a side, or neither side may be gone to."""
    if record.active in movable and any(state.entries for state in traffic.leading):
        patches = plan_move(traffic, application.places, record.active, direction=BACK)
        why = refused.fact if isinstance(refused, NoWay) else ""
        step = f"flipgate sends nobody to {record.active} ({why}); point the routes there by hand"
        return Advice(step, " && ".join(by_hand(patch) for patch in patches))
    stuck = next((state for state in traffic.leading if not state.entries), traffic.leading[0])
    step = f"{stuck}, which no rollback can change: make it lead to {record.active} again"
    return Advice(step, f"kubectl -n {stuck.route.namespace} get {KINDS[stuck.route.kind].plural}")
