"""Slack's buttons: `flipgate slack` hears a click, asks for the reason, and decides as the command line does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import yaml

from flipgate.adapters import runs
from flipgate.core.rights.rule import Account, held_by
from flipgate.core.rights.rules import rules_of
from flipgate.steps.acting.outbox import deliver
from tests.api.accounts import acting_as, apply, printed, until_it_counts
from tests.api.clicking import (
    ANA,
    ENOUGH_SECONDS,
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
from tests.api.desk import Desk
from tests.api.wire import Through, serving
from tests.slack import Answer, Slack, refusing

# The message


def test_a_message_that_asks_has_buttons_where_somebody_hears_them_and_is_as_before_where_not(
    desk: Desk, slack: Slack
) -> None:
    ask(desk, slack, buttons=False)
    assert (buttons(slack.posted[0]), desk.store.read().in_chat) == ([], ())
    asked = ask(desk, slack, id="flip-2")
    assert buttons(slack.posted[1])
    assert slack.posted[1]["text"] == slack.posted[0]["text"], "the plain text is the same"
    assert slack.posted[1]["thread_ts"] == "1700000000.000001", "in the release's thread"
    (kept,) = desk.store.read().in_chat
    assert (kept.question, kept.channel, kept.message, kept.said) == (asked.id, "C1", "1700000000.000002", "")


def test_a_decision_by_command_is_told_in_the_message_by_whoever_delivers_next(desk: Desk, slack: Slack) -> None:
    ask(desk, slack)
    assert desk.run("approve", desk.name, "--reason", "by hand").exit_code == 0
    world = world_of(desk, slack)
    deliver(world, deliver(world, desk.store.read()))
    (update,) = slack.updated
    assert "via cli" in update["text"]
    assert update["text"].endswith(": by hand")
    assert (update["channel"], update["ts"], buttons(update)) == ("C1", "1700000000.000001", [])


@pytest.mark.parametrize(
    ("answer", "left", "words"),
    [
        (refusing("internal_error", 500), "", "It is tried again"),
        (refusing("ratelimited", 429, Retry_After="1"), "", "It is tried again"),
        (refusing("message_not_found"), None, "stays as it is"),
    ],
)
def test_a_message_that_cannot_be_changed_fails_nothing(
    desk: Desk, slack: Slack, answer: Answer, left: str | None, words: str
) -> None:
    ask(desk, slack)
    desk.run("reject", desk.name, "--reason", "by hand")
    slack.faults["chat.update"] = [answer]
    world, said = world_of(desk, slack), list[str]()
    world.say = said.append
    deliver(world, desk.store.read())
    kept = desk.store.read().in_chat
    assert words in "".join(said)
    assert [each.said for each in kept] == ([] if left is None else [left])
    deliver(world, desk.store.read())
    assert len(slack.updated) == (0 if left is None else 1)


# Deciding


def test_a_click_approves_under_the_member_s_id_and_the_run_is_woken(
    desk: Desk, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[str, ...]] = []
    monkeypatch.setattr(runs, "ring", lambda *said: rung.append(said) or True)
    asked = ask(desk, slack, flow_run="f8a1")
    with hearing(desk, slack) as heard:
        send(slack, click(slack))
        view = slack.until(lambda: slack.forms, "a form")[0]
        assert "Send all users to green?" in str(view["blocks"][0])
        assert "payload" not in send(slack, form(slack, "checks looked at")), "the form closes"
        approval = recorded(desk, slack)
    assert "Slack: connected (1 in all)" in heard.said
    assert (approval.decision, approval.via, approval.reason) == ("approve", "slack", "checks looked at")
    assert (approval.by, approval.identity, approval.question) == ("U1 / ana", ANA, asked.id)
    assert rung == [("f8a1", "approve", "checks looked at", "U1 / ana")]
    update = slack.updated[0]  # the sweep may say the same once more
    assert "Approved by U1 / ana via slack at" in update["text"]
    assert (update["ts"], buttons(update)) == ("1700000000.000001", [])
    assert slack.told == []


def test_a_click_rejects(desk: Desk, slack: Slack) -> None:
    ask(desk, slack)
    with hearing(desk, slack):
        decide(slack, "reject", "orders fail")
        approval = recorded(desk, slack)
    assert (approval.decision, approval.by, approval.reason) == ("reject", "U1 / ana", "orders fail")
    assert "Rejected by U1 / ana via slack" in slack.updated[0]["text"]


def test_a_click_is_acknowledged_before_the_cluster_has_answered(desk: Desk, slack: Slack, tmp_path: Path) -> None:
    ask(desk, slack)
    answers = threading.Event()
    answers.set()

    def slow(_method: str, _path: str) -> None:
        assert answers.wait(ENOUGH_SECONDS)

    with (
        serving(Through(desk.shop.kubeconfig, before=slow), tmp_path),
        hearing(desk, slack, kubeconfig=tmp_path / "wire.kubeconfig"),
    ):
        answers.clear()
        assert send(slack, click(slack))
        assert slack.forms == []
        answers.set()
        send(slack, form(slack))
        recorded(desk, slack)


def test_a_form_without_a_reason_is_shown_again(desk: Desk, slack: Slack) -> None:
    ask(desk, slack)
    with hearing(desk, slack):
        send(slack, click(slack))
        answer = send(slack, form(slack, "  "))
        assert answer["payload"]["response_action"] == "errors"
        assert desk.store.read().approval is None
        send(slack, form(slack, "quiet"))
        assert recorded(desk, slack).reason == "quiet"


def test_what_is_sent_again_is_one_decision_whichever_of_two_processes_hears_it(desk: Desk, slack: Slack) -> None:
    ask(desk, slack)
    with hearing(desk, slack, 2):
        first, second = [*slack.links]
        clicked = click(slack)
        slack.send(clicked, "a", first)
        slack.send(clicked, "a", first)
        slack.until(lambda: slack.forms, "a form")
        sent = form(slack)
        slack.send(sent, "b", first)
        recorded(desk, slack)
        slack.send(sent, "b", second)
        slack.send(sent, "b", first)
        send(slack, click(slack, "approve"))  # another click is answered after those
        assert "Approved by U1 / ana via slack" in told(slack)
    assert len(slack.told) == 1, "and to what came again nobody said anything"
    record = desk.store.read()
    assert record.release
    assert len(record.release.decisions) == 1
    assert len(slack.forms) == 1


def test_a_connection_that_ends_loses_no_click(desk: Desk, slack: Slack) -> None:
    ask(desk, slack)
    with hearing(desk, slack) as heard:
        slack.disconnect("refresh_requested")
        slack.until(lambda: slack.calls.count("apps.connections.open") > 1, "another connection")
        send(slack, click(slack))
        slack.links[0].socket.close()  # in the middle, without a word
        send(slack, form(slack))
        recorded(desk, slack)
    assert "Slack: not connected (refresh_requested); connecting again" in heard.said
    record = desk.store.read()
    assert record.release
    assert len(record.release.decisions) == 1


def test_what_was_decided_by_command_is_told_though_nobody_delivers(desk: Desk, slack: Slack) -> None:
    ask(desk, slack)
    slack.faults["chat.update"] = [refusing("internal_error", 500)] * 2
    with hearing(desk, slack):
        desk.run("reject", desk.name, "--reason", "by hand")
        slack.until(lambda: slack.updated, "an update")
    assert slack.updated[0]["text"].endswith("by hand")


def test_the_account_that_is_printed_for_it_has_what_it_takes(desk: Desk, slack: Slack, tmp_path: Path) -> None:
    roles = yaml.safe_load_all(printed(desk.shop, tmp_path, "--apart"))
    apply(desk.shop, yaml.safe_dump_all(each for each in roles if "flipgate-slack" in each["metadata"]["name"]))
    until_it_counts(desk.shop, "flipgate-slack", held_by(rules_of(desk.shop.application, desk.shop.own), Account.SLACK))
    ask(desk, slack)
    path = tmp_path / "flipgate-slack" / "wire.kubeconfig"
    with (
        acting_as(desk.shop, tmp_path, "flipgate-slack") as (_, counting),
        hearing(desk, slack, kubeconfig=path),
    ):
        decide(slack)
        assert recorded(desk, slack).identity == ANA
    assert counting.denied == []
