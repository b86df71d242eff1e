"""Who may say yes: judged where it is typed, and where it is spent, by what stands in the record."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.record import approvals
from flipgate.core.record.approvals import Granted, NotGranted, accept, answer, answerable, answered, asked_already
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Decision, Question, Record
from flipgate.core.record.who_may import WhoMay, identify, not_heard, who_may
from flipgate.core.spec.policy import Approver
from flipgate.core.values.base import but
from flipgate.core.values.who import BUILD_EVENT, Caller, Identity, Speaker, slack_caller
from flipgate.core.way_back.facts import question_state
from tests.core.builders import ANA, BEN, DARK, approval, at, question, record, refuses, release

NAMED = WhoMay(users=("ana",), groups=("release-managers",))
TWO = WhoMay(not_by="ana")
MANAGER = Speaker("carl@laptop", Caller("carl", frozenset({"system:authenticated", "release-managers", "staff"})))
CLAIM = Speaker("ana")


def asked(may: WhoMay | None = NAMED, **facts: Any) -> Record:
    return record(release=release(*DARK), question=question(who_may=may, **facts))


def given(who: Speaker, may: WhoMay | None = NAMED, decision: Decision = Decision.APPROVE) -> Any:
    return approvals.approval_of(question(who_may=may), decision, who, "cli", "looks good", at(10))


def judged(who: Speaker, may: WhoMay | None) -> Granted | NotGranted:
    """As it is judged where it is spent."""
    return accept(given(who, may), question(who_may=may), "basis-1", at(20))


# The policy


def test_a_policy_that_names_nobody_asks_nothing_of_names() -> None:
    assert who_may((), "ci (self-declared)", two_persons=False) is None
    assert judged(CLAIM, None) == Granted("ana (self-declared)", "looks good")
    assert judged(ANA, None) == Granted("ana", "looks good")


def test_a_question_has_the_policy_with_it() -> None:
    approvers = (Approver(user="ana"), Approver(group="release-managers"))
    assert who_may(approvers, "ci (self-declared)", two_persons=False) == NAMED
    assert who_may((), "ana (self-declared)", two_persons=True) == TWO
    assert who_may((), "kubernetes-admin, says ana (self-declared)", two_persons=True) == WhoMay(
        not_by="kubernetes-admin"
    )


@pytest.mark.parametrize("who", [ANA, MANAGER], ids=["a user", "of a group"])
def test_whom_the_policy_names_may_approve(who: Speaker) -> None:
    assert isinstance(judged(who, NAMED), Granted)
    assert answer(asked(), given(who)).approval == given(who)


@pytest.mark.parametrize(
    ("who", "may", "reason", "fact"),
    [
        (BEN, NAMED, "NotAnApprover", "ben may not approve: only user ana or group release-managers may approve"),
        (CLAIM, NAMED, "SelfDeclared", "ana (self-declared) may not approve: nobody has proven that name, and only us"),
        (CLAIM, TWO, "SelfDeclared", "nobody has proven that name, and only who has a login of the cluster may appr"),
        (ANA, TWO, "SamePerson", "ana opened the release, and another person has to approve it (twoPersons)"),
        (ANA, WhoMay(users=("ana",), not_by="ana"), "SamePerson", "ana opened the release"),
        (BEN, WhoMay(users=("ana",), not_by="ana"), "NotAnApprover", "and not ana, who opened the release"),
    ],
)
def test_anybody_else_may_not_when_they_type_it_and_when_it_is_spent(
    who: Speaker, may: WhoMay, reason: str, fact: str
) -> None:
    spent = judged(who, may)
    assert isinstance(spent, NotGranted)
    assert (spent.reason, fact in spent.fact) == (reason, True)
    with refuses(reason, "the question: it stays open") as refused:
        answer(asked(may), given(who, may))
    assert fact in str(refused.value)


@pytest.mark.parametrize("who", [CLAIM, BEN], ids=["a claim", "another"])
def test_anybody_may_say_no(who: Speaker) -> None:
    no = given(who, decision=Decision.REJECT)
    said = answer(asked(), no)
    assert said.approval == no
    assert accept(said.approval, said.question, "basis-1", at(20)) == NotGranted(
        "Rejected", f"{who.name} said no: looks good"
    )


def test_who_opened_it_by_ci_leaves_it_to_anybody_with_a_login() -> None:
    may = who_may((), "image build event (self-declared)", two_persons=True)
    assert isinstance(judged(ANA, may), Granted)
    assert str(may) == "only who has a login of the cluster may approve", "no event is kept apart from anybody"


def test_a_shared_login_is_one_person_whoever_says_what_beside_it() -> None:
    may = who_may((), "kubernetes-admin, says ana@laptop (self-declared)", two_persons=True)
    refused = judged(Speaker("ben@laptop", Caller("kubernetes-admin")), may)
    assert isinstance(refused, NotGranted)
    assert refused.reason == "SamePerson"


def test_a_decision_keeps_the_login_the_door_and_the_group_that_counted_and_no_other() -> None:
    assert identify(MANAGER.caller, NAMED) == Identity(user="carl", group="release-managers")
    assert identify(ANA.caller, NAMED) == Identity(user="ana")
    assert identify(MANAGER.caller, None) == Identity(user="carl", door="cluster identity")
    assert identify(None, NAMED) is None


def test_a_group_of_its_author_that_the_policy_does_not_name_counts_for_nothing() -> None:
    found = not_heard(Identity(user="carl", group="staff"), "carl", NAMED)
    assert found
    assert found.reason == "NotAnApprover"


def test_a_name_that_is_empty_matches_nothing() -> None:
    assert not_heard(Identity(user="carl"), "carl", WhoMay(groups=("release-managers",)))
    assert not_heard(Identity(user="", group=""), "", WhoMay(users=("ana",)))


# Slack

ANA_CLICKED = Speaker("", slack_caller("U1", "T1", "ana"))
BEN_CLICKED = Speaker("", slack_caller("U2", "T1", "ben"))
OF_A_GROUP = Speaker("", slack_caller("U3", "T1", "carl", frozenset({"S1", "release-managers"})))
IN_SLACK = WhoMay(slack={"U1": ""}, slack_groups=("S1",))
MAPPED = WhoMay(slack={"U1": "ana", "U2": "ben"}, not_by="ana")


@pytest.mark.parametrize("who", [ANA_CLICKED, OF_A_GROUP], ids=["a member", "of a group"])
def test_whom_the_policy_names_in_slack_may_approve_there(who: Speaker) -> None:
    assert isinstance(judged(who, IN_SLACK), Granted)
    assert isinstance(judged(BEN_CLICKED, MAPPED), Granted)
    assert isinstance(judged(BEN_CLICKED, WhoMay(slack_groups=("S1",), slack={"U2": ""}, not_by=BUILD_EVENT)), Granted)
    assert isinstance(judged(BEN_CLICKED, None), Granted), "a policy that names nobody"


@pytest.mark.parametrize(
    ("who", "may", "reason", "fact"),
    [
        (BEN_CLICKED, IN_SLACK, "NotAnApprover", "U2 / ben may not approve: only Slack member U1 or Slack group S1"),
        (ANA_CLICKED, WhoMay(users=("ana", "U1 / ana", "U1")), "NotAnApprover", "only user ana or user U1 / ana"),
        (OF_A_GROUP, WhoMay(groups=("release-managers", "S1")), "NotAnApprover", "only group release-managers"),
        (Speaker("", Caller("U1 / ana", frozenset({"S1"}))), IN_SLACK, "NotAnApprover", "only Slack member U1"),
        (Speaker("", Caller("U1")), IN_SLACK, "NotAnApprover", "only Slack member U1"),
        (ANA_CLICKED, MAPPED, "SamePerson", "opened the release, and another person has to"),
        (ANA_CLICKED, TWO, "SamePerson", "is not known to be another person than ana, who opened the release"),
        (OF_A_GROUP, WhoMay(slack_groups=("S1",), not_by="ana"), "SamePerson", "{user: ana, slack: U0123ABC}"),
    ],
)
def test_each_door_proves_what_it_knows_and_nothing_else(who: Speaker, may: WhoMay, reason: str, fact: str) -> None:
    spent = judged(who, may)
    assert isinstance(spent, NotGranted)
    assert (spent.reason, fact in spent.fact) == (reason, True), spent


def test_a_decision_keeps_the_member_the_workspace_and_the_group_that_counted() -> None:
    kept = identify(OF_A_GROUP.caller, IN_SLACK)
    assert kept == Identity(user="U3 / carl", group="S1", door="Slack identity", team="T1")
    assert not_heard(but(kept, door="by word of mouth"), "U3 / carl", IN_SLACK), "a door that nobody knows"


def test_a_policy_maps_members_to_logins() -> None:
    approvers = (Approver(user="ana", slack="U1"), Approver(slack="U2"), Approver(slack_group="S1"))
    may = who_may(approvers, "ci", two_persons=True)
    assert may == WhoMay(users=("ana",), slack={"U1": "ana", "U2": ""}, slack_groups=("S1",), not_by="ci")


# An answer that came into the record by another way


def written(**facts: Any) -> Record:
    """A yes that stands in the record, though nobody has typed it who may."""
    return record(release=release(*DARK), question=question(who_may=NAMED), approval=approval(**facts))


FORGED = [{"identity": None}, {"by": "the boss", "identity": None}, {"by": "ben", "identity": Identity(user="ben")}]


@pytest.mark.parametrize("facts", FORGED, ids=["a known name", "any name", "a login that may not"])
def test_a_yes_that_somebody_wrote_into_the_record_counts_no_more_than_a_claim(facts: dict[str, Any]) -> None:
    now = written(**facts)
    assert now.question
    assert isinstance(accept(now.approval, now.question, "basis-1", at(20)), NotGranted)
    assert answered(now) is None
    assert answerable(now, now.question)
    assert question_state(now, now.question, at(20)) == "open"


@pytest.mark.parametrize("facts", FORGED, ids=["a known name", "any name", "a login that may not"])
def test_it_is_in_nobodys_way(facts: dict[str, Any]) -> None:
    now = written(**facts)
    assert answer(now, given(ANA)).approval == given(ANA)
    assert asked_already(now, question(id="again", who_may=NAMED)) is None, "and the next question is another one"


def test_without_a_policy_it_is_shown_as_a_claim_wherever_it_is_shown() -> None:
    forged = approval(by="the boss", identity=None)
    assert accept(forged, question(), "basis-1", at(20)) == Granted("the boss (self-declared)", "looks good")
    said = answer(asked(None), forged).release
    assert said
    assert [each.by for each in said.decisions] == ["the boss (self-declared)"]


def test_that_nobody_decided_is_no_claim_of_anybodys() -> None:
    assert approval(decision=Decision.EXPIRED, by="reconcile-1", identity=None).said_by == "reconcile-1"


# What people are told


def test_a_question_says_who_may_and_by_which_command() -> None:
    asking = question(who_may=NAMED)
    told = approvals.pose(record(release=release(*DARK)), asking).outbox[-1].text
    assert "Only user ana or group release-managers may approve: flipgate approve shop --reason" in told
    assert "A no is anybody's" in told


def test_a_question_that_other_people_may_answer_is_another_question() -> None:
    def again(may: WhoMay | None) -> Question | None:
        return asked_already(asked(), question(id="again", who_may=may))

    assert again(NAMED)
    assert not again(TWO)
    assert not again(None)


def test_the_end_of_the_soak_is_asked_in_the_same_way() -> None:
    asking = question(kind=QuestionKind.SCALE_DOWN, who_may=NAMED)
    assert isinstance(accept(approval(kind=QuestionKind.SCALE_DOWN, by="ben"), asking, "basis-1", at(20)), NotGranted)
