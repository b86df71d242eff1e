"""A stale run's last word names who took over, also when it wakes after the other has finished."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing import questions, settle
from flipgate.steps.releasing.flip import FLIPPABLE, need_release
from flipgate.steps.releasing.settle import ended_meanwhile, need_soaked
from tests.api.played import played
from tests.api.shop import BLUE, COUNTS, Shop
from tests.api.steps import approved

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

BACK = r"was rolled back \(RollbackRequested\) at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC by ana: checkout is slow"


@pytest.fixture
def live(shop: Shop) -> World:
    """A release that has soaked, and the run that will put its old side to rest."""
    return shop.gone_live("scale down")


def back(shop: Shop) -> None:
    with shop.playing_ready():
        roll_back(shop.world("ana"), "checkout is slow", by="ana")


def wakes_in_the_middle(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scale-down looks around, sleeps through a whole rollback, and wakes."""
    looks = settle.stamped_look

    def look_and_sleep(*args: Any) -> Any:
        seen = looks(*args)
        monkeypatch.setattr(settle, "stamped_look", looks)
        back(shop)
        return seen

    monkeypatch.setattr(settle, "stamped_look", look_and_sleep)


def wakes_late(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sleeps before it has the Lease."""
    needs = settle.need_dark

    def sleep_first(*args: Any) -> Any:
        monkeypatch.setattr(settle, "need_dark", needs)
        back(shop)
        return needs(*args)

    monkeypatch.setattr(settle, "need_dark", sleep_first)


@pytest.mark.parametrize("sleeps", [wakes_in_the_middle, wakes_late])
def test_a_scale_down_that_slept_through_a_rollback_ends_overtaken_and_it_and_each_look_say_by_whom(
    shop: Shop, live: World, monkeypatch: pytest.MonkeyPatch, sleeps: Callable[..., None]
) -> None:
    release = live.store.read().release
    assert release
    approved(live, questions.QuestionKind.SCALE_DOWN)
    sleeps(shop, monkeypatch)
    with played(live) as flows:
        state = flows.scale_down(shop.name, release.name)
    assert state.name == "Overtaken"
    assert state.is_completed()
    assert re.fullmatch(rf"release {release.name} {BACK}", state.message)
    assert (shop.counts(BLUE), live.store.read().phase) == (COUNTS, Phase.ROLLED_BACK)
    assert live.store.read().release.stopped is None  # type: ignore[union-attr]

    assert re.search(BACK, ended_meanwhile(live, release.name))
    looks: list[Callable[[], Any]] = [
        lambda: need_soaked(live),
        lambda: need_soaked(live, release.name),
        lambda: need_release(live, release.name, FLIPPABLE),
        lambda: questions.need_phase(live, live.store.read(), questions.QuestionKind.FLIP),
    ]
    for look in looks:
        with pytest.raises(Refused, match=f"release {release.name}: {BACK}"):
            look()
