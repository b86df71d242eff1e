"""When a decision allows a move: rarely, once, in time, and for nothing but what was asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from flipgate.core.approvals import Granted, NotGranted, accept
from flipgate.core.record import Approval, Decision, Question
from tests.core.builders import approval, at, question

EXPIRES = 60
"""Seconds after which the builders' question expires."""


def judged(
    given: Approval | None, asked: Question | None = None, *, basis: str = "basis-1", now: datetime | None = None
) -> Granted | NotGranted:
    return accept(given, asked or question(), basis, now or at(20))


def test_a_yes_in_time_for_what_was_asked_is_granted_on_that_persons_word() -> None:
    assert judged(approval()) == Granted(by="ana", reason="looks good")


@pytest.mark.parametrize(
    ("given", "reason", "fact"),
    [
        ({"question": "flip-other-1-bb"}, "ForeignApproval", "the decision answers flip-other-1-bb, not flip-3f2a9c"),
        ({"decision": Decision.REJECT, "reason": "too late today"}, "Rejected", "ana said no: too late today"),
        ({"decision": Decision.EXPIRED}, "ApprovalExpired", "the question expired at 2026-03-01 12:01 UTC"),
        ({"at": at(EXPIRES + 1)}, "ApprovalExpired", "the question expired at 2026-03-01 12:01 UTC"),
        ({"spent_by": 7}, "ApprovalSpent", "the decision was used by journal entry 7"),
        ({"spent_by": 0}, "ApprovalSpent", "the decision was used by journal entry 0"),
        ({"basis": "basis-0"}, "BasisChanged", "what would change is no longer what was approved"),
    ],
)
def test_any_other_decision_is_no_and_only_a_new_question_helps(given: dict[str, Any], reason: str, fact: str) -> None:
    refused = judged(approval(**given))
    assert isinstance(refused, NotGranted)
    assert refused.reason == reason
    assert refused.fact.startswith(fact)


def test_no_decision_yet_is_no_for_now() -> None:
    assert judged(None) == NotGranted("NoDecision", "nobody has decided yet")


def test_nobody_in_time_is_no_for_good() -> None:
    expired = judged(None, now=at(EXPIRES + 1))
    assert expired == NotGranted("ApprovalExpired", "nobody decided before 2026-03-01 12:01 UTC")


@pytest.mark.parametrize("given", [None, approval()], ids=["no decision", "a yes"])
def test_without_a_question_there_is_nothing_to_grant(given: Approval | None) -> None:
    refused = accept(given, None, "basis-1", at(20))
    assert isinstance(refused, NotGranted)
    assert refused.reason == "QuestionGone"


@pytest.mark.parametrize("answered", [10, EXPIRES])
def test_a_yes_holds_up_to_the_moment_the_question_expires_and_not_longer(answered: float) -> None:
    given = approval(at=at(answered))
    assert isinstance(judged(given, now=at(EXPIRES)), Granted)
    late = judged(given, now=at(EXPIRES + 0.000_001))
    assert isinstance(late, NotGranted)
    assert late.reason == "ApprovalExpired"


def test_a_clock_that_went_back_does_not_revive_a_decision_that_came_too_late() -> None:
    assert isinstance(judged(approval(at=at(EXPIRES + 1)), now=at(5)), NotGranted)


@pytest.mark.parametrize(
    ("asked", "approved", "now"),
    [("new", "old", "new"), ("old", "old", "new"), ("old", "new", "new"), ("new", "new", "old"), ("old", "new", "old")],
)
def test_question_decision_and_world_must_be_about_the_same_change(asked: str, approved: str, now: str) -> None:
    refused = judged(approval(basis=approved), question(basis=asked), basis=now)
    assert isinstance(refused, NotGranted)
    assert refused.reason == "BasisChanged"


def test_a_no_stays_no_whatever_else_is_wrong_with_it() -> None:
    wrongs: list[dict[str, Any]] = [{"basis": "basis-0"}, {"spent_by": 3}, {"at": at(EXPIRES + 1)}]
    for more in wrongs:
        refused = judged(approval(decision=Decision.REJECT, **more), now=at(EXPIRES + 2))
        assert isinstance(refused, NotGranted)
        assert refused.reason == "Rejected"
