"""Clicks that count for nothing, and Slack when something is wrong with it: each is said, and no question is lost."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.chat_app import ChatApp
from flipgate.cli._options import ClusterOptions
from flipgate.core.record import approvals
from flipgate.core.record.record import Approval, Decision, Record
from flipgate.core.record.ticks import Tick
from flipgate.core.record.who_may import WhoMay
from flipgate.core.values.base import but
from flipgate.core.values.errors import PermanentError
from flipgate.core.values.who import Identity
from flipgate.steps.releasing.clicks import Clicks
from tests.api.clicking import (
    ANA,
    ENOUGH_SECONDS,
    MEMBER,
    ask,
    buttons,
    click,
    decide,
    form,
    hearing,
    recorded,
    send,
    told,
    world_of,
)
from tests.api.desk import Desk, now
from tests.api.wire import Answer as Reply
from tests.api.wire import Through
from tests.api.wire import serving as on_the_wire
from tests.repeating import until
from tests.slack import APP, BOT, TICKET, Slack, refusing

# Who and what is refused, kindly


def answered(record: Record) -> Record:
    """Somebody has said yes to the open question by another way."""
    assert record.question
    approval = Approval(
        question=record.question.id,
        kind=record.question.kind,
        basis=record.question.basis,
        decision=Decision.APPROVE,
        by="ben",
        via="cli",
        reason="first",
        at=now(),
        identity=Identity(user="ben"),
    )
    return approvals.answer(record, approval)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (answered, "Approved by ben via cli at"),
        (approvals.withdraw, "Nobody is asked any more: release"),
        (lambda r: but(r, question=but(r.question, id="flip-2")), "Another question is open by now: Send all users"),
        (lambda r: but(r, question=but(r.question, expires_at=now())), "expiry means no"),
    ],
    ids=["answered", "withdrawn", "another", "expired"],
)
def test_a_click_on_an_old_message_is_refused_with_what_is_so_now(
    desk: Desk, slack: Slack, change: Any, words: str
) -> None:
    ask(desk, slack)
    desk.store.update(change)
    before = desk.store.read().approval
    with hearing(desk, slack):
        send(slack, click(slack))
        said = told(slack)
    assert words in said
    assert "nothing was recorded" in said
    assert (slack.told[0]["user"], slack.told[0]["channel"], slack.forms) == ("U1", "C1", [])
    assert desk.store.read().approval == before
    assert bool(slack.updated) is ("expiry" not in words), "the old message says it, too"


def test_a_message_that_nobody_remembers_says_what_became_of_it_when_somebody_clicks(desk: Desk, slack: Slack) -> None:
    ask(desk, slack)
    desk.store.update(lambda record: but(approvals.withdraw(record), in_chat=()))
    with hearing(desk, slack):
        send(slack, click(slack))
        told(slack)
    assert [update["ts"] for update in slack.updated] == ["1700000000.000001"]
    assert not buttons(slack.updated[0])


@pytest.mark.parametrize(
    ("may", "words"),
    [
        (WhoMay(users=("ana",)), "only user ana may approve"),
        (WhoMay(slack={"U2": ""}), "only Slack member U2 may approve"),
        (WhoMay(not_by="ci"), "is not known to be another person than ci"),
        (WhoMay(slack_groups=("S1",)), "only Slack group S1 may approve"),
        (WhoMay(slack_groups=("S2",)), "refused the message: no_such_subteam"),
    ],
    ids=["a login", "another member", "two persons", "not in the group", "a group that cannot be read"],
)
def test_who_may_not_approve_is_told_and_may_say_no(desk: Desk, slack: Slack, may: WhoMay, words: str) -> None:
    slack.groups = {"S1": ["U7"]}
    ask(desk, slack, who_may=may)
    with hearing(desk, slack):
        send(slack, click(slack))
        said = told(slack)
        assert (words in said, slack.forms, desk.store.read().approval) == (True, [], None), said
        assert f'By command: `flipgate approve {desk.name} --reason "..."`' in said
        decide(slack, "reject")
        assert recorded(desk, slack).decision == "reject"


def test_a_yes_that_has_to_be_ticked_is_refused_with_the_whole_command(desk: Desk, slack: Slack) -> None:
    """On a message of before: one that is posted now has no such button."""
    asked = ask(desk, slack, ticks=(Tick(name="on-call", text="somebody is on call"),))
    approve = {"action_id": "flipgate.approve", "type": "button", "value": f"{desk.name} {asked.id}"}
    with hearing(desk, slack):
        send(slack, click(slack, "reject", actions=[approve]))
        said = told(slack)
    assert "nothing was recorded" in said
    assert "lacks on-call (somebody is on call)" in said
    assert f'By command: `flipgate approve {desk.name} --tick on-call --reason "..."`' in said
    assert (slack.forms, desk.store.read().approval) == ([], None)


def test_of_a_user_group_all_may_and_which_it_was_is_kept(desk: Desk, slack: Slack) -> None:
    slack.groups = {"S1": ["U7"], "S2": ["U7", "U1"]}
    ask(desk, slack, who_may=WhoMay(slack_groups=("S1", "S2")))
    with hearing(desk, slack):
        decide(slack)
        assert recorded(desk, slack).identity == but(ANA, group="S2")


def test_who_left_the_group_while_they_wrote_the_reason_may_not(desk: Desk, slack: Slack) -> None:
    slack.groups = {"S1": ["U1"]}
    ask(desk, slack, who_may=WhoMay(slack_groups=("S1",)))
    with hearing(desk, slack):
        send(slack, click(slack))
        sent = form(slack)
        slack.groups = {"S1": []}
        send(slack, sent)
        assert "only Slack group S1 may approve" in told(slack)
    assert desk.store.read().approval is None


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"user": {**MEMBER, "team_id": "T2"}}, "is not a member of the workspace"),
        ({"user": {**MEMBER, "id": "ana"}}, "is not a member of the workspace"),
        ({"channel": {"id": "C2", "name": "general"}}, "this is not the channel of the application"),
        ({"actions": [{"action_id": "flipgate.approve", "value": "other flip-1"}]}, "no application of this name"),
        ({"actions": [{"action_id": "flipgate.approve", "value": "../x flip-1"}]}, "no application of this name"),
    ],
)
def test_what_a_payload_says_counts_for_nothing_that_the_record_does_not_know(
    desk: Desk, slack: Slack, facts: dict[str, Any], words: str
) -> None:
    ask(desk, slack)
    with hearing(desk, slack):
        send(slack, {**click(slack), **facts})
        assert words in told(slack)
        assert slack.send({"type": "block_actions", "actions": "x"}, "garbage") == {"envelope_id": "garbage"}
    assert (slack.forms, desk.store.read().approval) == ([], None)


# What goes wrong with the cluster


def is_record(desk: Desk, path: str) -> bool:
    return f"/record-{desk.name}" in path


def test_what_fails_after_the_decision_is_not_called_no_decision(desk: Desk, slack: Slack, tmp_path: Path) -> None:
    ask(desk, slack)
    written = threading.Event()

    def gone(method: str, path: str) -> Reply | None:
        if method == "PUT" and is_record(desk, path):
            written.set()
            return None
        return (403, b'{"message": "no"}') if written.is_set() and is_record(desk, path) else None

    with (
        on_the_wire(Through(desk.shop.kubeconfig, before=gone), tmp_path),
        hearing(desk, slack, kubeconfig=tmp_path / "wire.kubeconfig") as heard,
    ):
        decide(slack)
        until(
            lambda: any("a message that asked has its buttons still" in line for line in heard.said), why="it is said"
        )
    assert desk.store.read().approval
    assert slack.told == []


def test_where_the_write_is_not_answered_nobody_is_told_that_nothing_was_recorded(
    desk: Desk, slack: Slack, tmp_path: Path
) -> None:
    ask(desk, slack)

    def broken(method: str, path: str) -> Reply | None:
        return (500, b"{}") if method == "PUT" and is_record(desk, path) else None

    with (
        on_the_wire(Through(desk.shop.kubeconfig, before=broken), tmp_path),
        hearing(desk, slack, kubeconfig=tmp_path / "wire.kubeconfig"),
    ):
        decide(slack)
        assert "it is not known whether this was recorded" in told(slack)


def test_an_application_that_cannot_be_looked_at_keeps_up_no_other(desk: Desk, slack: Slack) -> None:
    ask(desk, slack)
    desk.run("reject", desk.name, "--reason", "by hand")
    options, said = ClusterOptions(str(desk.shop.kubeconfig), None, desk.shop.own), list[str]()
    worlds = {desk.name: lambda: world_of(desk, slack), "nowhere": lambda: options.world("nowhere")}
    served = ("nowhere", desk.name)
    Clicks(ChatApp(BOT, APP, slack.url), "T1", lambda name: worlds[name](), lambda: served, said.append).put_right()
    assert "by hand" in slack.updated[0]["text"]
    (line,) = said
    assert line.startswith("nowhere: messages that asked could not be looked at: ")


# What goes wrong with Slack


def test_slack_is_left_alone_for_as_long_as_it_wants(desk: Desk, slack: Slack) -> None:
    slack.faults["apps.connections.open"] = [refusing("ratelimited", 429, Retry_After="1")]
    slack.faults["chat.postEphemeral"] = [refusing("ratelimited", 429, Retry_After="1")]
    ask(desk, slack, who_may=WhoMay(users=("ana",)))
    with hearing(desk, slack) as heard:
        send(slack, click(slack))
        assert "only user ana" in told(slack)
    assert any("ratelimited); asking again in 1 s" in line for line in heard.said)


def test_where_there_are_too_many_connections_the_next_is_not_opened_at_once(desk: Desk, slack: Slack) -> None:
    with hearing(desk, slack) as heard:
        slack.disconnect("too_many_websockets")
        slack.until(lambda: slack.calls.count("apps.connections.open") > 1, "another connection")
    assert "Slack: not connected (too_many_websockets); connecting again in 1 s" in heard.said


def test_where_nothing_will_ever_be_heard_it_ends(desk: Desk, slack: Slack) -> None:
    with hearing(desk, slack) as heard:
        slack.disconnect("link_disabled")
        assert heard.ended.wait(ENOUGH_SECONDS)
    assert isinstance(heard.failed[0], PermanentError)
    assert "Socket Mode is turned off" in str(heard.failed[0])


def test_a_token_that_is_revoked_meanwhile_ends_it(desk: Desk, slack: Slack) -> None:
    ask(desk, slack)
    with hearing(desk, slack) as heard:
        slack.faults["views.open"] = [refusing("token_revoked")]
        send(slack, click(slack))
        assert heard.ended.wait(ENOUGH_SECONDS)
    assert "token_revoked (SLACK_BOT_TOKEN)" in str(heard.failed[0])


@pytest.mark.parametrize(
    ("bot", "app", "code", "words"),
    [
        ("", APP, 2, "SLACK_BOT_TOKEN: is not a token that begins with xoxb-"),
        (BOT, "", 2, "SLACK_APP_TOKEN: is not a token that begins with xapp-"),
        (APP, BOT, 2, "SLACK_BOT_TOKEN: is not a token that begins with xoxb-"),
        (BOT + "-secret", APP, 1, "invalid_auth (SLACK_BOT_TOKEN). Left untouched: all questions"),
        (BOT, APP + "-secret", 1, "invalid_auth (SLACK_APP_TOKEN). Left untouched: all questions"),
    ],
)
def test_tokens_that_are_missing_or_wrong_end_it_with_what_to_do_and_unsaid(
    desk: Desk, slack: Slack, monkeypatch: pytest.MonkeyPatch, bot: str, app: str, code: int, words: str
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", bot)
    monkeypatch.setenv("SLACK_APP_TOKEN", app)
    result = desk.run("slack", desk.name, "--slack-url", slack.url)
    assert result.exit_code == code, result.output
    assert words in result.stderr
    assert "Next: " in result.stderr
    assert not [secret for secret in (bot, app, TICKET) if secret and secret in result.output]


def test_an_application_that_is_not_there_is_named_at_once(
    desk: Desk, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", BOT)
    monkeypatch.setenv("SLACK_APP_TOKEN", APP)
    result = desk.run("slack", "nowhere", "--slack-url", slack.url)
    assert result.exit_code == 1
    assert "application nowhere: is not known to this cluster" in result.stderr
