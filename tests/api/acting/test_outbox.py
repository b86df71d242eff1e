"""The outbox: told in order, kept while the chat is away, and never in the way of a release."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.adapters.chat import LONGEST_BLOCK_TEXT
from flipgate.core.record import record as records
from flipgate.core.record.announcement import Announcement
from flipgate.core.record.phases import Phase
from flipgate.core.values.errors import Conflict, LostLease, PermanentError, TemporaryError
from flipgate.steps.acting.outbox import as_blocks, deliver
from flipgate.steps.acting.world import World, utc_now
from tests.api.shop import GREEN, Shop, advanced
from tests.api.telling import Listening, heard
from tests.core.builders import declaring, release


@pytest.fixture
def world(shop_on_paper: Shop) -> World:
    """The shop, with a channel, and three messages that nobody could tell yet."""
    world = shop_on_paper.world()
    world.application = declaring(world.application, announce={"slack_channel": "#releases"})
    build, now = release(now=world.now()), world.now()
    world.store.update(lambda record: records.open_release(record, build, now))
    advanced(world, build, Phase.FLIPPING)
    assert left(world) == ["deploying", "dark", "flipping"]
    return world


def left(world: World) -> list[str]:
    """The phases whose messages are still in the outbox."""
    return [phase_in(message.text) for message in world.store.read().outbox]


def phase_in(text: str) -> str:
    return text.partition(": ")[2].partition(" ")[0]


def told_by(world: World, chat: Listening) -> list[str]:
    """The phases that this chat told, and what was said goes into `world`'s own list."""
    world.chat = chat
    deliver(world, world.store.read())
    return [phase_in(text) for text in chat.told]


def test_a_message_that_is_refused_for_its_content_lets_the_others_pass(world: World) -> None:
    said = heard(world)
    chat = Listening(faults={" dark ": PermanentError("will never take this message: invalid_blocks", obj="Slack")})
    assert told_by(world, chat) == ["deploying", "flipping"]
    assert left(world) == []
    assert len(said) == 1
    assert said[0].startswith("never told: Slack: will never take this message")


def test_one_that_may_be_taken_later_stays_with_those_behind_it(world: World) -> None:
    chat = Listening(faults={" dark ": TemporaryError("refused the message: ratelimited", obj="Slack")})
    assert told_by(world, chat) == ["deploying"]
    assert left(world) == ["dark", "flipping"]
    assert told_by(world, Listening()) == ["dark", "flipping"]


def test_what_was_told_but_could_not_be_noted_fails_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose(change: Any) -> Any:
        raise Conflict("was written by others 8 times in a row", obj="record of shop")

    said = heard(world)
    with monkeypatch.context() as patched:
        patched.setattr(world.store, "update", lose)
        assert told_by(world, Listening()) == ["deploying"]
    assert said[0].startswith("told, but not noted: record of shop")
    assert told_by(world, Listening()) == ["deploying", "dark", "flipping"], "at least once"


def test_who_was_taken_over_hears_it_here_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def overtaken(change: Any) -> Any:
        raise LostLease("has moved on")

    monkeypatch.setattr(world.store, "update", overtaken)
    with pytest.raises(LostLease):
        told_by(world, Listening())


def test_a_long_message_keeps_its_link() -> None:
    url = "https://prefect.example/run/1"
    message = Announcement(id="1", release="r-1", side=GREEN, text="x" * 5_000, url=url, at=utc_now())
    section: Any = as_blocks(message)[0]["text"]
    assert section["text"].endswith(f"x… <{url}|Look and decide>")
    assert len(section["text"]) == LONGEST_BLOCK_TEXT
