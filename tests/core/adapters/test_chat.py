"""Slack: whatever goes wrong is one of two errors, without a secret in it, and what it would refuse is cut."""

from __future__ import annotations

import json
import traceback
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from flipgate.adapters.chat import LONGEST_BLOCK_TEXT, LONGEST_TEXT, NOWHERE, Chat, Posted
from flipgate.adapters.chat_app import ChatApp
from flipgate.adapters.web_api import RETRY_SECONDS, RateLimited
from flipgate.core.values.errors import BadInput, FlipgateError, PermanentError, TemporaryError
from tests.core.answering import Answering, answering

SECRET = "T0SECRETB0"
BLOCKS: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}]


def slack(status: int = 200, body: bytes = b'{"ok": true, "ts": "1.2"}') -> AbstractContextManager[Answering]:
    return answering(status, body)


def posted(there: Answering) -> list[dict[str, Any]]:
    return [json.loads(body) for _, body in there.asked]


def api(url: str) -> Chat:
    return Chat(channel="#c", token=SECRET, base_url=f"{url}/")


def webhook(url: str) -> Chat:
    return Chat(webhook_url=f"{url}/services/{SECRET}")


def shown(error: BaseException) -> str:
    """All that a log could show of it."""
    return "".join(traceback.format_exception(error)) + repr(error)


def test_a_message_is_sent_and_its_thread_is_known() -> None:
    with slack() as there:
        assert api(there.url).post("hello", BLOCKS) == Posted("1.2", "#c", "1.2")
        assert api(there.url).post("again", BLOCKS, thread="0.9") == Posted("0.9", "#c", "1.2")
        assert webhook(there.url).post("hello", BLOCKS) == NOWHERE
    assert [message["text"] for message in posted(there)] == ["hello", "again", "hello"]


def test_a_message_is_changed_in_its_place() -> None:
    with slack() as there:
        api(there.url).update("C1", "1.2", "it is decided", BLOCKS)
    (message,) = posted(there)
    assert (message["channel"], message["ts"], message["text"]) == ("C1", "1.2", "it is decided")


@pytest.mark.parametrize("word", ["message_not_found", "cant_update_message", "edit_window_closed"])
def test_one_that_cannot_be_changed_any_more_is_permanent(word: str) -> None:
    with slack(200, json.dumps({"ok": False, "error": word}).encode()) as there, pytest.raises(PermanentError):
        api(there.url).update("C1", "1.2", "it is decided", BLOCKS)


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("0", 1), ("", RETRY_SECONDS), ("soon", RETRY_SECONDS)])
def test_who_asks_too_much_is_told_for_how_long_to_stop(header: str, seconds: float) -> None:
    refusal = b'{"ok": false, "error": "ratelimited"}'
    with answering(429, refusal, {"retry-after": header}) as there, pytest.raises(RateLimited) as caught:
        api(there.url).post("hello", BLOCKS)
    assert caught.value.seconds == seconds


@pytest.mark.parametrize("app", [Chat(token="x", webhook_url="https://a.example/x"), Chat(webhook_url="https://a.b/x")])
def test_messages_by_a_webhook_have_no_buttons(app: Chat) -> None:
    assert not replace(app, buttons=True).asks_by_buttons
    assert not app.changes_messages


@pytest.mark.parametrize("url", ["https://slack.example/link", "wss://slack.example/link", "", None])
def test_an_address_to_connect_to_that_is_not_like_the_api_s_own_is_not_taken(url: str | None) -> None:
    answer, unsafe = json.dumps({"ok": True, "url": url}).encode(), "as safe as its own"
    with slack(200, answer) as there, pytest.raises(TemporaryError, match=unsafe):
        ChatApp("xoxb-1", "xapp-1", f"{there.url}/").socket_url()


@pytest.mark.parametrize("url", ["slack.com/api", "https://", "ftp://slack.example/", "https://a b/"])
def test_an_address_that_is_none_is_not_tried_for_ever(url: str) -> None:
    with pytest.raises(BadInput, match="is not an address like"):
        ChatApp("xoxb-1", "xapp-1", url)


@pytest.mark.parametrize("word", ["invalid_blocks", "msg_too_long", "msg_blocks_too_long", "no_text"])
def test_what_slack_will_never_take_is_permanent(word: str) -> None:
    refusal = json.dumps({"ok": False, "error": word}).encode()
    with slack(200, refusal) as there, pytest.raises(PermanentError, match=word):
        api(there.url).post("hello", BLOCKS)
    with slack(400, word.encode()) as there, pytest.raises(PermanentError, match=word):
        webhook(there.url).post("hello", BLOCKS)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"ok": false, "error": "channel_not_found"}'),
        (200, b'{"ok": false}'),
        (200, b"not JSON"),
        (200, b"[]"),
        (500, b""),
        (429, b'{"ok": false, "error": "ratelimited"}'),
        (404, b"no_service"),
    ],
)
def test_anything_else_may_pass_and_is_temporary(status: int, body: bytes) -> None:
    with slack(status, body) as there:
        with pytest.raises(TemporaryError) as caught:
            api(there.url).post("hello", BLOCKS)
        assert SECRET not in shown(caught.value)
        if status != 200:  # a webhook says all in its status
            with pytest.raises(TemporaryError) as caught:
                webhook(there.url).post("hello", BLOCKS)
            assert SECRET not in shown(caught.value)


@pytest.mark.parametrize(
    "chat",
    [
        Chat(token=SECRET, base_url="http://127.0.0.1:1/"),
        Chat(token=f"{SECRET}\n", base_url="http://127.0.0.1:1/"),
        Chat(token=SECRET, base_url=f"nowhere/{SECRET}"),
        Chat(webhook_url=f"http://127.0.0.1:1/{SECRET}"),
        Chat(webhook_url=f"http://{SECRET}..example/x"),
        Chat(webhook_url=f"http://127.0.0.1:1/{SECRET}/é"),
    ],
    ids=str,
)
def test_no_fault_of_the_way_shows_a_secret(chat: Chat) -> None:
    with pytest.raises(TemporaryError, match=r"could not be told: [A-Za-z]+") as caught:
        chat.post("hello", BLOCKS)
    assert SECRET not in shown(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        f"hooks.slack.com/services/{SECRET}",
        f"ftp://hooks.slack.com/{SECRET}",
        f"https:///{SECRET}",
        f"https://hooks.slack.com/{SECRET}\n",
        f"https://hooks.slack.com/ {SECRET}",
        f"https://hooks.slack.com:{SECRET}/x",
        f"https://[{SECRET}/x",
        SECRET,
    ],
)
def test_an_address_that_cannot_be_one_is_refused_unsaid(url: str) -> None:
    with pytest.raises(BadInput, match="Slack webhook: is not an address") as caught:
        Chat(webhook_url=url)
    assert SECRET not in shown(caught.value)
    assert isinstance(caught.value, FlipgateError)


def test_long_texts_are_cut_to_what_slack_takes() -> None:
    section: dict[str, Any] = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 5_000}}
    with slack() as there:
        api(there.url).post("y" * 50_000, [section, {"type": "divider"}])
    (message,) = posted(there)
    assert len(message["text"]) == LONGEST_TEXT
    assert message["blocks"][0]["text"]["text"] == "x" * (LONGEST_BLOCK_TEXT - 1) + "…"
    assert message["blocks"][1] == {"type": "divider"}
    assert len(section["text"]["text"]) == 5_000, "the caller's own stays as it is"
