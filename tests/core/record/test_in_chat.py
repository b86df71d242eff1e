"""Questions in Slack: what a message shows, what a click may say, and what becomes of the message afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flipgate.core.record import approvals, in_chat, soak
from flipgate.core.record import record as records
from flipgate.core.record.announcement import InChat
from flipgate.core.record.asking import CHOICES, LONGEST_SECTION, asking, form, told
from flipgate.core.record.click import About, Click, read_click
from flipgate.core.record.phases import Phase, QuestionKind, Reason
from flipgate.core.record.planned import Part
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.size import SHORT_BYTES
from flipgate.core.record.ticks import Tick
from flipgate.core.values.base import but
from flipgate.core.values.text import fitted
from flipgate.core.values.who import Speaker, slack_caller
from tests.core.builders import DARK, LIVE, at, question, record, release

MESSAGE = InChat(question=question().id, channel="C1", message="1.2", text="shop r-1: Send all users to green?")
ANA = Speaker("", slack_caller("U1", "T1", "ana"))


def asked(**facts: Any) -> Record:
    return in_chat.kept(record(release=release(*DARK), question=question(**facts)), MESSAGE)


def given(said: Record, decision: Decision, seconds: int = 10, reason: str = "as agreed") -> Record:
    assert said.question
    approval = approvals.approval_of(said.question, decision, ANA, "slack", reason, at(seconds))
    return approvals.answer(said, approval)


# What became of it


def test_while_nobody_has_answered_a_message_keeps_its_buttons() -> None:
    assert [*in_chat.due(asked())] == []


def test_a_decision_is_told_once_and_a_no_after_a_yes_again() -> None:
    yes = given(asked(), Decision.APPROVE)
    ((message, text),) = in_chat.due(yes)
    assert (message, text) == (MESSAGE, "Approved by U1 / ana via slack at 2026-03-01 12:00:10 UTC: as agreed")
    done = in_chat.said(yes, message, text)
    assert [*in_chat.due(done)] == []
    ((_, again),) = in_chat.due(given(done, Decision.REJECT, 20))
    assert again.startswith("Rejected by U1 / ana via slack")


@pytest.mark.parametrize("decision", [*Decision, "of another version"])
def test_whatever_was_decided_is_told_once(decision: str) -> None:
    said = given(asked(), Decision.APPROVE)
    assert said.release
    (yes,) = said.release.decisions
    other = but(said, release=but(said.release, decisions=(but(yes, decision=decision),)))
    ((message, text),) = in_chat.due(other)
    assert text.endswith(": as agreed")
    assert [*in_chat.due(in_chat.said(other, message, text))] == []


@pytest.mark.parametrize("reason", ["x" * 2_000, "é" * 2_000, "🙂" * 2_000])
def test_the_longest_reason_is_told_once(reason: str) -> None:
    said = given(asked(), Decision.APPROVE, reason=reason)
    ((message, text),) = in_chat.due(said)
    done = in_chat.said(said, message, text)
    assert [*in_chat.due(done)] == []
    (kept,) = done.in_chat
    assert [*in_chat.due(but(done, in_chat=(but(kept, said=fitted(text, SHORT_BYTES)),)))] == [], "as a full record is"


def test_that_the_old_side_is_kept_longer_is_told_as_a_decision_on_the_question() -> None:
    soaked = record(release=release(*LIVE), question=question(kind=QuestionKind.SCALE_DOWN))
    kept = soak.extend(in_chat.kept(soaked, MESSAGE), 5, ANA, "cli", "the fix comes tomorrow", at(10))
    ((_, text),) = in_chat.due(kept)
    assert text.startswith("The old side is kept longer, by U1 / ana via cli")


def test_a_decision_is_told_when_the_release_has_gone_on_and_the_question_is_gone() -> None:
    gone_on = records.advance(given(asked(), Decision.REJECT), Phase.REJECTED, Reason.REJECTED, at(20), actor="x")
    assert (gone_on.question, gone_on.release) == (None, None)
    ((_, text),) = in_chat.due(gone_on)
    assert text.startswith("Rejected by U1 / ana")


def test_nobody_in_time_another_question_and_the_end_of_the_release_are_told() -> None:
    late = approvals.lapse(asked(), "nobody decided before 13:00", by="x", via="reconcile", now=at(20))
    assert "which means no: nobody decided before 13:00" in next(iter(in_chat.due(late)))[1]
    another = but(asked(), question=question(id="flip-2", summary="And now?"))
    assert next(iter(in_chat.due(another)))[1] == "Another question is open by now: And now?"
    over = records.advance(asked(), Phase.ABORTED, Reason.DEPLOY_ABORTED, at(20), actor="x", message="ana: no")
    ((message, text),) = in_chat.due(over)
    assert text.startswith("Nobody is asked any more: release")
    assert [*in_chat.due(in_chat.said(over, message, "anything"))] == [], "told once, whatever comes of the release"


def test_no_more_than_a_few_messages_are_kept() -> None:
    said = asked()
    for number in range(20):
        said = in_chat.kept(said, but(MESSAGE, message=f"{number}.0"))
    assert [each.message for each in said.in_chat] == ["15.0", "16.0", "17.0", "18.0", "19.0"]


# What is shown

NASTY = "<!channel> *bold* `code` <https://evil.example|click>"


def texts(found: object) -> list[str]:
    """All that Slack would read as mrkdwn."""
    if isinstance(found, dict):
        own = [found["text"]] if found.get("type") == "mrkdwn" else []
        return own + [text for each in found.values() for text in texts(each)]
    return [text for each in found for text in texts(each)] if isinstance(found, list) else []


def test_a_question_has_a_button_for_each_choice_what_would_change_and_the_commands() -> None:
    blocks = asking("shop", question(id="flip-1", changes=[f"web: {n} to {n + 1}" for n in range(7)]))
    (actions,) = (block for block in blocks if block["type"] == "actions")
    assert [(each["action_id"], each["value"]) for each in actions["elements"]] == [
        ("flipgate.approve", "shop flip-1"),
        ("flipgate.reject", "shop flip-1"),
    ]
    shown = "\n".join(texts(blocks))
    assert "• web: 4 to 5\nand 2 more: flipgate status shop" in shown
    assert '`flipgate approve shop --reason "..."`' in shown
    assert "question `flip-1`" in shown


def test_a_question_shows_the_plan_in_short() -> None:
    back = Part(of="a rollback", lines=("it brings back: web shop/web:1", "fast"))
    shown = "\n".join(texts(asking("shop", question(changes=["web: 1 to 2"], plan=(back,)))))
    assert "• web: 1 to 2\nA rollback: it brings back: web shop/web:1 (and 1 more)" in shown


def test_what_has_to_be_ticked_is_approved_by_command_alone() -> None:
    ticks = (Tick(name="on-call", text="somebody is on call"), Tick(name="calm", text="no match is on", required=False))
    blocks = asking("shop", question(id="flip-1", ticks=ticks))
    (actions,) = (block for block in blocks if block["type"] == "actions")
    assert [each["action_id"] for each in actions["elements"]] == ["flipgate.reject"]
    assert '`flipgate approve shop --tick on-call --reason "..."`' in "\n".join(texts(blocks))
    (actions,) = (b for b in asking("shop", question(ticks=ticks[1:])) if b["type"] == "actions")
    assert len(actions["elements"]) == 2, "what may be left out keeps no button away"


@pytest.mark.parametrize("kind", QuestionKind)
def test_what_else_the_end_of_a_soak_offers_is_there_by_command(kind: QuestionKind) -> None:
    shown = "\n".join(texts(asking("shop", question(kind=kind))))
    for other in ('`flipgate extend shop --hours 24 --reason "..."`', '`flipgate rollback shop --reason "..."`'):
        assert (other in shown) is (kind is QuestionKind.SCALE_DOWN)


def test_other_people_s_text_calls_nobody_and_is_bounded() -> None:
    nasty = question(changes=[NASTY] * 9, summary=NASTY + "x" * 2_000)
    shown = [*asking("shop", nasty), form(click(), nasty), *told(NASTY * 200, NASTY)[1]]
    for text in texts(shown):
        assert "<" not in text
        assert len(text) <= LONGEST_SECTION
    assert "<" not in told(NASTY, NASTY)[0]
    assert len(json.dumps(form(click(), nasty))) < 10_000


# What is clicked


def payload(**facts: Any) -> dict[str, Any]:
    """A click as Slack sends it."""
    usual: dict[str, Any] = {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ana", "name": "ana", "team_id": "T1"},
        "trigger_id": "12.34.ab",
        "team": {"id": "T1", "domain": "shop"},
        "channel": {"id": "C1", "name": "releases"},
        "message": {"ts": "1.2", "thread_ts": "1.1"},
        "actions": [{"action_id": "flipgate.approve", "type": "button", "value": "shop flip-1"}],
    }
    return {**usual, **facts}


def click() -> Click:
    found = read_click(payload())
    assert found
    return found


def sent(metadata: object, reason: object = "quiet\nnow", **view: Any) -> dict[str, Any]:
    values = {"reason": {"reason": {"type": "plain_text_input", "value": reason}}}
    made = {"id": "V1", "callback_id": "flipgate.decide", "state": {"values": values}, **view}
    return payload(type="view_submission", view={"private_metadata": json.dumps(metadata), **made})


def test_a_click_and_its_form_are_read() -> None:
    about = About("shop", "flip-1", Decision.APPROVE, "C1", "releases", "1.2", "1.1")
    assert click() == Click(about, "U1", "ana", "T1", "button 12.34.ab", "12.34.ab")
    assert read_click(sent(click().remembered())) == Click(about, "U1", "ana", "T1", "form V1", reason="quiet now")


@pytest.mark.parametrize(
    "foreign",
    [
        None,
        [],
        {},
        payload(type="message_action"),
        payload(actions=[]),
        payload(actions=["flipgate.approve"]),
        payload(actions=[{"action_id": "other.approve", "value": "shop flip-1"}]),
        payload(actions=[{"action_id": "flipgate.expired", "value": "shop flip-1"}]),
        payload(actions=[{"action_id": "flipgate.approve", "value": "shop"}]),
        payload(actions=[{"action_id": "flipgate.approve", "value": {"shop": "flip-1"}}]),
        payload(actions=[{"action_id": "flipgate.approve", "value": "shop " + "x" * 5_000}]),
        payload(channel="C1"),
        sent("not an object"),
        sent({"application": "shop", "question": "flip-1", "decision": "expired", "channel": "C1"}),
        sent({}, callback_id="other"),
    ],
)
def test_what_is_none_of_ours_is_nothing(foreign: object) -> None:
    assert read_click(foreign) is None


@pytest.mark.parametrize("reason", [None, 7, ["quiet"], "x" * 10_000, "  "])
def test_a_form_without_a_reason_has_an_empty_one(reason: object) -> None:
    found = read_click(sent(click().remembered(), reason))
    assert found
    assert found.reason == ""


def test_a_message_stands_in_the_channel_that_the_file_names() -> None:
    assert [click().stands_in(each) for each in ("#releases", "releases", "C1")] == [True] * 3
    assert [click().stands_in(each) for each in ("", "#", "#other", "C2")] == [False] * 4


def test_every_choice_can_be_read_back() -> None:
    assert {each.decision for each in CHOICES} == {Decision.APPROVE, Decision.REJECT}
