"""What reconcile remembers tells nobody, and takes back nothing: whoever finds something looks anew first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.values.errors import TemporaryError
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import Outcome, recover
from flipgate.steps.moving.move import move
from flipgate.steps.releasing import questions
from flipgate.steps.watching.conditions import note_conditions
from tests.api.forms import YES, Run
from tests.api.shop import GREEN, Shop
from tests.api.steps import later


def remembering(world: World) -> World:
    """As reconcile has it; no answer gets old."""
    return replace(world, monotonic=lambda: 0.0).remembering(1.0)


@pytest.fixture
def dark(shop: Shop) -> World:
    return shop.gone_live(until=Phase.DARK)


def test_a_yes_given_in_time_stands_though_the_question_was_seen_unanswered(dark: World) -> None:
    run = Run()
    run.asks(dark)
    over = remembering(later(dark, dark.application.spec.policy.approval_expires_seconds + 1))
    over.store.read()
    run.answer(YES)
    run.asks(dark)
    assert dark.store.read().approval is not None

    assert questions.expire(over) is None
    assert dark.store.read().approval is not None


def told_of_a_drift(world: World) -> list[str]:
    record = world.store.read()
    steps = [entry.step for entry in record.journal if "Drift" in entry.step]
    return [*steps, *(message.text for message in record.outbox if "drifted" in message.text)]


def test_a_flip_between_two_looks_is_no_drift(dark: World) -> None:
    """The record is remembered as it was before the move, the routes are read after it."""
    with dark.acting() as acting:
        seen = remembering(dark)
        seen.store.read()
        move(acting, GREEN)
        note_conditions(seen)
        assert told_of_a_drift(dark) == []


def test_what_is_tried_again_looks_at_all_of_it_anew(dark: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record was read, the routes were not; before the next try users are moved."""
    from flows import reconcile

    def cut_short(world: World) -> Outcome:
        world.store.read()
        raise TemporaryError("answered 500", obj="the routes")

    def once_more(world: World) -> Outcome:
        with dark.acting() as acting:
            move(acting, GREEN)
        return recover(world)

    monkeypatch.setattr(reconcile, "recover", cut_short)
    monkeypatch.setattr(reconcile.task, "recover", once_more)
    assert "green" in reconcile.recovered(remembering(dark)).fact
