"""What is asked, and whether a decision allows a move. None is no, and so is an expired, foreign or spent one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from flipgate.core.record import Approval, Decision, Question, QuestionKind, Record, need_release


@dataclass(frozen=True)
class Granted:
    """The move may go on, on this person's word."""

    by: str
    reason: str


@dataclass(frozen=True)
class NotGranted:
    """The move may not go on. `reason` is UpperCamelCase, treated as API."""

    reason: str
    fact: str


def accept(approval: Approval | None, question: Question | None, basis: str, now: datetime) -> Granted | NotGranted:
    """Judges a decision against its question and against `basis`, the hash of what would change now.

    The clock matters twice: a decision that came after the question's expiry is none, and so is one that is used
    after it. Measurements are no part of the basis: they are judged again after the approval.
    """
    if question is None:
        return NotGranted("QuestionGone", "no question is open")
    if approval is None:
        if now > question.expires_at:
            return NotGranted("ApprovalExpired", f"nobody decided before {question.expires_at:%Y-%m-%d %H:%M} UTC")
        return NotGranted("NoDecision", "nobody has decided yet")
    if approval.question != question.id:
        return NotGranted("ForeignApproval", f"the decision answers {approval.question}, not {question.id}")
    if approval.decision is Decision.REJECT:
        return NotGranted("Rejected", f"{approval.by} said no: {approval.reason}")
    if approval.decision is Decision.EXPIRED or max(now, approval.at) > question.expires_at:
        return NotGranted("ApprovalExpired", f"the question expired at {question.expires_at:%Y-%m-%d %H:%M} UTC")
    if approval.spent_by is not None:
        return NotGranted("ApprovalSpent", f"the decision was used by journal entry {approval.spent_by}")
    if not (approval.basis == question.basis == basis):
        return NotGranted("BasisChanged", "what would change is no longer what was approved")
    return Granted(approval.by, approval.reason)


def ask_for(record: Record, kind: QuestionKind, basis: str, summary: str, now: datetime, expires: float) -> Question:
    """A question with an id of its own: one that expired or was closed, asked again, is another one.

    So no answer to the old one counts for the new one, and Prefect, which keeps all forms of a run, can't hand it out.
    """
    release = need_release(record).name
    number = uuid5(NAMESPACE_URL, f"{record.application}/{release}/{kind}/{basis}/{now.isoformat()}").hex[:10]
    return Question(
        id=f"{kind}-{release}-{number}",
        kind=kind,
        release=release,
        basis=basis,
        summary=summary,
        asked_at=now,
        expires_at=now + timedelta(seconds=expires),
    )


def asked_already(record: Record, question: Question) -> Question | None:
    """The record's question, where asking this one would ask the same of people again: a run that comes back finds it.

    None when it is another one, or over: expired, refused, or used up.
    """
    old = record.question
    if old is None or question.asked_at > old.expires_at or _about(old) != _about(question):
        return None
    return old if record.approval is None or record.approval.unspent else None


def _about(question: Question) -> tuple[str, ...]:
    return question.kind, question.release, question.basis, question.flow_run
