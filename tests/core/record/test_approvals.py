"""When a decision allows a move: rarely, once, in time, and for nothing but what was asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from flipgate.core.record.approvals import Granted, NotGranted, accept, answered_meanwhile, ask_for, asked_already
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Approval, Decision, Question, Record
from flipgate.core.values.errors import Refused
from tests.core.builders import approval, at, question, record, release

EXPIRES = 60
"""Seconds after which the builders' question expires."""


def judged(
    given: Approval | None, asked: Question | None = None, *, basis: str = "basis-1", now: datetime | None = None
) -> Granted | NotGranted:
    return accept(given, asked or question(), basis, now or at(20))


def refused(given: Approval | None, asked: Question | None = None, **more: Any) -> NotGranted:
    found = judged(given, asked, **more)
    assert isinstance(found, NotGranted)
    return found


def test_a_yes_in_time_for_what_was_asked_is_granted_on_that_persons_word() -> None:
    assert judged(approval()) == Granted(by="ana", reason="looks good")


@pytest.mark.parametrize(
    ("given", "reason", "fact"),
    [
        ({"question": "flip-other-1-bb"}, "ForeignApproval", "the decision answers flip-other-1-bb, not flip-3f2a9c"),
        ({"decision": Decision.REJECT, "reason": "too late today"}, "Rejected", "ana said no: too late today"),
        ({"decision": Decision.EXPIRED}, "ApprovalExpired", "the question expired at 2026-03-01 12:01 UTC"),
        ({"decision": Decision.EXTEND}, "NoDecision", "ana said extend, which is no yes"),
        ({"at": at(EXPIRES + 1)}, "ApprovalExpired", "the question expired at 2026-03-01 12:01 UTC"),
        ({"spent_by": 7}, "ApprovalSpent", "the decision was used by journal entry 7"),
        ({"spent_by": 0}, "ApprovalSpent", "the decision was used by journal entry 0"),
        ({"basis": "basis-0"}, "BasisChanged", "what would change is no longer what was approved"),
    ],
)
def test_any_other_decision_is_no_and_only_a_new_question_helps(given: dict[str, Any], reason: str, fact: str) -> None:
    found = refused(approval(**given))
    assert found.reason == reason
    assert found.fact.startswith(fact)


def test_no_decision_yet_is_no_for_now() -> None:
    assert judged(None) == NotGranted("NoDecision", "nobody has decided yet")


def test_nobody_in_time_is_no_for_good() -> None:
    expired = judged(None, now=at(EXPIRES + 1))
    assert expired == NotGranted("ApprovalExpired", "nobody decided before 2026-03-01 12:01 UTC")


@pytest.mark.parametrize("given", [None, approval()], ids=["no decision", "a yes"])
def test_without_a_question_there_is_nothing_to_grant(given: Approval | None) -> None:
    found = accept(given, None, "basis-1", at(20))
    assert isinstance(found, NotGranted)
    assert found.reason == "QuestionGone"


@pytest.mark.parametrize("answered", [10, EXPIRES])
def test_a_yes_holds_up_to_the_moment_the_question_expires_and_not_longer(answered: float) -> None:
    given = approval(at=at(answered))
    assert isinstance(judged(given, now=at(EXPIRES)), Granted)
    assert refused(given, now=at(EXPIRES + 0.000_001)).reason == "ApprovalExpired"


def test_a_clock_that_went_back_does_not_revive_a_decision_that_came_too_late() -> None:
    assert refused(approval(at=at(EXPIRES + 1)), now=at(5))


@pytest.mark.parametrize(
    ("asked", "approved", "now"),
    [("new", "old", "new"), ("old", "old", "new"), ("old", "new", "new"), ("new", "new", "old"), ("old", "new", "old")],
)
def test_question_decision_and_world_must_be_about_the_same_change(asked: str, approved: str, now: str) -> None:
    assert refused(approval(basis=approved), question(basis=asked), basis=now).reason == "BasisChanged"


def test_a_no_stays_no_whatever_else_is_wrong_with_it() -> None:
    wrongs: list[dict[str, Any]] = [{"basis": "basis-0"}, {"spent_by": 3}, {"at": at(EXPIRES + 1)}]
    for more in wrongs:
        assert refused(approval(decision=Decision.REJECT, **more), now=at(EXPIRES + 2)).reason == "Rejected"


@pytest.mark.parametrize(
    ("said", "now", "reason"),
    [
        (10, EXPIRES, "RollbackRequested"),
        (EXPIRES - 1, EXPIRES + 3_598, "RollbackRequested"),
        (EXPIRES - 1, EXPIRES + 3_600, "ApprovalExpired"),
        (EXPIRES + 100, EXPIRES + 200, "RollbackRequested"),
        (EXPIRES + 100, 10, "RollbackRequested"),
    ],
    ids=["in time", "right before the end", "an hour later", "after the end", "a clock that went back"],
)
def test_that_users_are_wanted_back_counts_for_an_hour_at_least(said: float, now: float, reason: str) -> None:
    assert refused(approval(decision=Decision.ROLLBACK, at=at(said)), now=at(now)).reason == reason


# Asking


def dark(**facts: Any) -> Record:
    return record(release=release(Phase.DEPLOYING, Phase.DARK), **facts)


def asked_at(seconds: float, **facts: Any) -> Question:
    """The builders' question, asked once more."""
    return question(id="another", asked_at=at(seconds), expires_at=at(seconds + EXPIRES), **facts)


def test_a_question_is_another_one_each_time_it_is_asked() -> None:
    def id_of(kind: QuestionKind = QuestionKind.FLIP, basis: str = "a", now: float = 0) -> str:
        return ask_for(dark(), kind, basis, "?", at(now), EXPIRES).id

    assert len({id_of(), id_of(now=0.000_001), id_of(basis="b"), id_of(QuestionKind.SCALE_DOWN)}) == 4


def test_a_question_expires_after_the_policys_seconds() -> None:
    assert ask_for(dark(), QuestionKind.FLIP, "a", "?", at(5), EXPIRES).expires_at == at(5 + EXPIRES)


def test_nothing_is_asked_about_a_release_that_is_not_there() -> None:
    with pytest.raises(Refused, match="has no open release"):
        ask_for(record(), QuestionKind.FLIP, "a", "?", at(), EXPIRES)


@pytest.mark.parametrize("answer", [None, approval()], ids=["no decision", "a yes"])
def test_a_run_that_comes_back_finds_its_own_question(answer: Approval | None) -> None:
    now = dark(question=question(), approval=answer)
    assert asked_already(now, asked_at(EXPIRES)) == question()


@pytest.mark.parametrize(
    ("now", "stands"),
    [
        ({}, True),
        ({"a:2": ("1",)}, True),
        ({"a:2": ("1", "2")}, True),
        ({"a:2": ("3",)}, False),
        ({"b:2": ("1",)}, False),
    ],
    ids=["no pod says it", "one that is gone says it", "the same", "other content", "another image"],
)
def test_pods_that_say_nothing_for_a_moment_have_nobody_asked_again(
    now: dict[str, tuple[str, ...]], stands: bool
) -> None:
    """As those of a service that crashes, made anew."""
    shown = question(content={"a:2": ("1", "2")})
    assert (asked_already(dark(question=shown), asked_at(1, content=now)) is not None) is stands


@pytest.mark.parametrize(
    "facts",
    [{"basis": "basis-2"}, {"kind": QuestionKind.SCALE_DOWN}, {"release": "other-1"}, {"flow_run": "another"}],
    ids=lambda facts: next(iter(facts)),
)
def test_another_question_is_asked_anew(facts: dict[str, Any]) -> None:
    assert asked_already(dark(question=question()), asked_at(1, **facts)) is None


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (None, EXPIRES + 1),
        (approval(), EXPIRES + 1),
        (approval(spent_by=7), 1),
        (approval(decision=Decision.REJECT), 1),
        (approval(decision=Decision.EXPIRED), 1),
    ],
)
def test_a_question_that_is_over_is_asked_anew(answer: Approval | None, seconds: float) -> None:
    assert asked_already(dark(question=question(), approval=answer), asked_at(seconds)) is None
    assert asked_already(dark(), asked_at(seconds)) is None


@pytest.mark.parametrize(
    "answer",
    [approval(decision=each) for each in (Decision.APPROVE, Decision.REJECT, Decision.ROLLBACK)],
    ids=["yes", "no", "back"],
)
def test_what_a_person_said_while_another_run_looked_is_not_asked_once_more(answer: Approval) -> None:
    another = asked_at(20, flow_run="another")
    assert answered_meanwhile(dark(question=question(), approval=answer), another)


@pytest.mark.parametrize(
    ("answer", "facts"),
    [
        (None, {}),
        (approval(spent_by=7), {}),
        (approval(), {"basis": "basis-2"}),
        (approval(), {"kind": QuestionKind.SCALE_DOWN}),
        (approval(decision=Decision.REJECT), {"release": "other-1"}),
        (approval(decision=Decision.EXPIRED), {}),
    ],
)
def test_what_was_said_of_something_else_or_is_over_answers_nothing(
    answer: Approval | None, facts: dict[str, Any]
) -> None:
    assert not answered_meanwhile(dark(question=question(), approval=answer), asked_at(20, **facts))
    assert not answered_meanwhile(dark(), asked_at(20, **facts))
