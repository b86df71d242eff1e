"""Whether a decision allows a move. No decision, an expired one, a foreign one or a spent one is no."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flipgate.core.record import Approval, Decision, Question


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
