"""Questions to people, and whether a decision allows a move. No decision means no, and so does an expired, foreign or
spent one.

Questions and decisions live in the record; the changes to it that they make are here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.planned import as_evidence
from flipgate.core.record.record import Approval, Decision, Question, Record, announce, need_release
from flipgate.core.record.release import DETAIL_KEPT, Decided, Release
from flipgate.core.record.ticks import missing, options
from flipgate.core.record.who_may import NotHeard, identify, not_heard
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import cut
from flipgate.core.values.verdicts import not_passed
from flipgate.core.values.who import Speaker

WANTED_BACK: Final = timedelta(hours=1)
"""For how long at least a word counts that users are wanted back, where its question expires before: it is no yes that
grew old while nobody looked, and a run that is late must not lose it."""


@dataclass(frozen=True)
class Granted:
    """The move may go on, on this person's word."""

    by: str
    reason: str


@dataclass(frozen=True)
class NotGranted:
    """The move may not go on. `reason` is UpperCamelCase, treated as API."""

    reason: Why
    fact: str


def accept(approval: Approval | None, question: Question | None, basis: str, now: datetime) -> Granted | NotGranted:
    """Judges a decision against its question and against `basis`, the hash of what would change now.

    The clock matters twice: a decision that came after the question's expiry is none, and so is one that is used
    after it. Measurements are no part of the basis: they are judged again after the approval.
    """
    if question is None:
        return NotGranted(Why.QUESTION_GONE, "no question is open")
    if approval is None:
        if now > question.expires_at:
            return NotGranted(Why.APPROVAL_EXPIRED, f"nobody decided before {question.expires_at:%Y-%m-%d %H:%M} UTC")
        return NotGranted(Why.NO_DECISION, "nobody has decided yet")
    if approval.question != question.id:
        return NotGranted(Why.FOREIGN_APPROVAL, f"the decision answers {approval.question}, not {question.id}")
    if no := _other_than_yes(approval, question, now):
        return no
    if approval.spent_by is not None:
        return NotGranted(Why.APPROVAL_SPENT, f"the decision was used by journal entry {approval.spent_by}")
    if void := unheard(approval, question):
        return NotGranted(void.reason, void.fact)
    if not (approval.basis == question.basis == basis):
        return NotGranted(Why.BASIS_CHANGED, "what would change is no longer what was approved")
    return Granted(approval.said_by, approval.reason)


def _other_than_yes(approval: Approval, question: Question, now: datetime) -> NotGranted | None:
    if approval.decision is Decision.REJECT:
        return NotGranted(Why.REJECTED, f"{approval.said_by} said no: {approval.reason}")
    if approval.decision is Decision.ROLLBACK and now <= max(question.expires_at, approval.at + WANTED_BACK):
        return NotGranted(Why.ROLLBACK_REQUESTED, f"{approval.said_by} wants users back: {approval.reason}")
    if approval.decision is Decision.EXPIRED or max(now, approval.at) > question.expires_at:
        return NotGranted(Why.APPROVAL_EXPIRED, f"the question expired at {question.expires_at:%Y-%m-%d %H:%M} UTC")
    if approval.decision is not Decision.APPROVE:
        return NotGranted(Why.NO_DECISION, f"{approval.said_by} said {approval.decision}, which is no yes")
    return None


def unheard(approval: Approval, question: Question) -> NotHeard | None:
    """Why a yes does not count, by who gave it and what they ticked; None where it does, and for whatever is no yes."""
    if approval.decision is not Decision.APPROVE:
        return None
    if void := not_heard(approval.identity, approval.said_by, question.who_may):
        return void
    left = missing(question.ticks, approval.ticks)
    return NotHeard(Why.TICK_MISSING, f"the yes of {approval.said_by} lacks {left}") if left else None


def approval_of(
    question: Question,
    decision: Decision,
    by: Speaker,
    via: str,
    reason: str,
    now: datetime,
    ticks: tuple[str, ...] = (),
) -> Approval:
    """Makes a decision on a question, with what is known of who gives it."""
    return Approval(
        question=question.id,
        kind=question.kind,
        basis=question.basis,
        decision=decision,
        by=by.claimed if decision is Decision.EXPIRED else by.name,
        via=via,
        reason=reason,
        at=now,
        identity=identify(by.caller, question.who_may),
        ticks=ticks,
    )


def need_in_time(question: Question, decision: Decision, now: datetime) -> None:
    """Raises Refused (ApprovalExpired) for a yes that comes after its question's time."""
    if decision is Decision.APPROVE and now > question.expires_at:
        raise Refused(
            f"expired at {question.expires_at:%Y-%m-%d %H:%M} UTC, and expiry means no",
            obj=f"question {question.id}",
            reason=Why.APPROVAL_EXPIRED,
        )


def need_heard(approval: Approval, question: Question) -> None:
    """Raises Refused for a yes of somebody who may not give it (NotAnApprover, SamePerson, SelfDeclared), and for one
    that lacks a tick (TickMissing)."""
    if void := unheard(approval, question):
        untouched = "the question: it stays open"
        raise Refused(void.fact, obj=f"question {question.id}", reason=void.reason, untouched=untouched)


def answered(record: Record) -> Approval | None:
    """Returns the decision on the open question; none where it is a yes of somebody who may not give it. That one is in
    nobody's way."""
    question, approval = record.question, record.approval
    void = question and approval and approval.question == question.id and unheard(approval, question)
    return None if void else approval


def ask_for(record: Record, kind: QuestionKind, basis: str, summary: str, now: datetime, expires: float) -> Question:
    """Makes a question with an id of its own: asked again, after it expired or was closed, it is another one.

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
    """Returns the record's question where asking this one would ask people the same again: a run that comes back finds
    it.

    None when it is another one, over (expired, refused, used up), or where pods say by now that they run what nobody
    was shown. Those that say nothing, as between two crashes, tell nothing new: their content is looked at again before
    the move.
    """
    old = record.question
    if old is None or question.asked_at > old.expires_at or _about(old) != _about(question):
        return None
    if any(not {*ids} <= {*old.content.get(ref, ())} for ref, ids in question.content.items()):
        return None
    return old if record.approval is None or (answered(record) and record.approval.unspent) else None


def answered_meanwhile(record: Record, question: Question) -> bool:
    """Whether a person has said yes or no to the very same by now, or that users are wanted back, asked by another run:
    asking once more would make their word void, and nobody would hear it. A no to putting the old side to rest is none
    for ever: who starts that again is asked again."""
    old = record.question
    if old is None or (old.kind, old.release) != (question.kind, question.release):
        return False
    decided = accept(record.approval, old, question.basis, question.asked_at)
    if isinstance(decided, Granted):
        return _bound(old) == _bound(question)
    rejected = decided.reason == Why.REJECTED and question.kind is QuestionKind.FLIP
    return rejected or decided.reason == Why.ROLLBACK_REQUESTED


def _about(question: Question) -> tuple[object, ...]:
    return question.kind, question.release, question.flow_run, question.basis, _bound(question)


def _bound(question: Question) -> tuple[object, ...]:
    """What a yes is bound to beside the basis."""
    return question.services, question.who_may, question.ticks, question.gates


def pose(record: Record, question: Question) -> Record:
    """Puts a question into the record; an older one and its answer are void. Raises Refused when its release is not
    open."""
    release = record.under_way
    if release is None or release.name != question.release:
        raise Refused(
            f"release {question.release} is not open any more", obj=f"question {question.id}", reason=Why.RELEASE_GONE
        )
    posed = but(record, question=question, approval=None)
    return announce(
        posed,
        f"{question.id}/{question.flow_run}",
        release=release.name,
        side=release.side,
        reason=Why.DECISION_WANTED,
        text=" ".join(_said(record, release, question)),
        url=question.url,
        at=question.asked_at,
        question=question.id,
    )


def _said(record: Record, release: Release, question: Question) -> Iterator[str]:
    yield f"{record.application} {release.name}: {question.summary}"
    if question.look_first:
        yield f"To look at it first: {' ; '.join(question.look_first)}."
    if bad := not_passed(question.evidence):
        yield f"Not passed: {cut('; '.join(f'{each.gate}: {each.verdict}' for each in bad), DETAIL_KEPT)}."
    if question.ticks:
        yield f"To be said with a yes: {'; '.join(map(str, question.ticks))}."
    if question.who_may:
        yield who_approves(record.application, question)
    yield f"No decision before {question.expires_at:%Y-%m-%d %H:%M} UTC means no."


def who_approves(application: str, question: Question) -> str:
    """Says who may say yes, and by which command, where the policy says it."""
    told = options(question.ticks)
    return f'O{str(question.who_may)[1:]}: flipgate approve {application}{told} --reason "...". A no is anybody\'s.'


def answer(record: Record, approval: Approval) -> Record:
    """Writes a decision into the record, with its release too. A no also revokes a yes that no move has used yet; a yes
    revokes nothing.

    Raises Refused when it answers no open question or one that is answered already, and for a yes of somebody who may
    not give it (NotAnApprover, SamePerson, SelfDeclared).
    """
    question = record.question
    if question is None or question.id != approval.question:
        raise Refused(
            "the question is gone: nothing waits for this decision",
            obj=f"approval for {approval.question}",
            reason=Why.QUESTION_GONE,
        )
    given = answered(record)
    if given is not None and not (given.unspent and approval.decision is not Decision.APPROVE):
        raise Refused(
            f"is answered already: {given.decision} by {given.said_by}",
            obj=f"question {question.id}",
            reason=Why.ALREADY_ANSWERED,
        )
    need_heard(approval, question)
    said = Decided(
        kind=question.kind,
        decision=approval.decision,
        by=approval.said_by,
        via=approval.via,
        reason=approval.reason,
        at=approval.at,
        evidence=(*question.evidence, *as_evidence(question.plan)),
        identity=approval.identity,
        question=question.id,
        ticks=approval.ticks,
    )
    return _remember(but(record, approval=approval), said)


def answerable(record: Record, question: Question) -> bool:
    """Whether this is the open question, and nobody has answered it."""
    return record.question is not None and record.question.id == question.id and answered(record) is None


def lapse(record: Record, reason: str, *, by: str, via: str, now: datetime) -> Record:
    """Notes with the release that nobody answered its question in time; changes nothing where it was answered."""
    question = record.question
    if question is None or answered(record) is not None:
        return record
    said = Decided(
        kind=question.kind,
        decision=Decision.EXPIRED,
        by=by,
        via=via,
        reason=reason,
        at=now,
        evidence=(*question.evidence, *as_evidence(question.plan)),
        question=question.id,
    )
    return _remember(record, said)


def _remember(record: Record, said: Decided) -> Record:
    """Keeps the decision with the release, for the history: question and approval go when their phase is over. That
    nobody decided is kept once of many in a row, or weeks of it would leave no room for what people said."""
    release = record.release
    if release is None or (said.decision == Decision.EXPIRED and _again(release, said)):
        return record
    return but(record, release=release.decided(said))


def _again(release: Release, said: Decided) -> bool:
    last = release.decisions[-1] if release.decisions else None
    return last is not None and (last.kind, last.decision) == (said.kind, said.decision)


def withdraw(record: Record) -> Record:
    """Takes back the open question, and any answer with it: what is asked next is a new question."""
    return but(record, question=None, approval=None)


def spend(record: Record, entry_id: int) -> Record:
    """Marks the approval as used by one journal entry, so that no second move can stand on it.

    Raises Refused when there is none to spend by now: withdrawn, a no, or spent already.
    """
    approval = record.approval
    if approval is None or not approval.unspent:
        raise Refused("no approval stands for this move by now", reason=Why.NO_APPROVAL, untouched="all routes")
    return but(record, approval=but(approval, spent_by=entry_id))
