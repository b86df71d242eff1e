"""Handing the workers back bears faults that pass: what is not handed back works nowhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.values.errors import FlipgateError, LostLease, TemporaryError
from flipgate.steps.going_back import attempted, hand_back, once_back
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.moving.hand_over import hand_over_workers
from tests.api.moving.workers import mailers
from tests.api.shop import GREEN, Shop, meanwhile

Failing = Callable[[int], list[int]]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    """So many hand-overs end by a fault of the API server; the list is that of all."""

    def fail(times: int) -> list[int]:
        calls: list[int] = []

        def handed_over(*given: Any, **more: Any) -> tuple[str, ...]:
            calls.append(1)
            if len(calls) <= times:
                raise TemporaryError("the API server said 500: etcdserver: request timed out", obj="deployments/mailer")
            return hand_over_workers(*given, **more)

        monkeypatch.setattr(hand_back, "hand_over_workers", handed_over)
        return calls

    return fail


@pytest.fixture
def live(shop: Shop) -> Shop:
    """Users and the worker are on green."""
    shop.gone_live("pipeline")
    shop.scaled(GREEN, "mailer", 1)
    shop.play_all_ready()
    return shop


def test_a_fault_that_passes_is_borne(live: Shop, failing: Failing) -> None:
    calls = failing(3)
    done = roll_back(meanwhile(live.world("ana"), live.play_all_ready), "orders fail", by="ana")
    assert (done.left, len(calls)) == ((), 4)
    assert (mailers(live), live.where()) == ((1, 0), ("blue",))
    assert live.world().store.read().phase is Phase.ROLLED_BACK


def test_one_that_lasts_leaves_it_to_whoever_goes_on(
    live: Shop, failing: Failing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempted, "PATIENCE_SECONDS", 0.0)
    failing(2)
    world = meanwhile(live.world("ana"), live.play_all_ready)
    (left,) = roll_back(world, "orders fail", by="ana").left
    assert "The release stays `rolling_back`: reconcile hands them back" in left
    assert (live.where(), world.store.read().phase) == (("blue",), Phase.ROLLING_BACK)
    assert roll_back(world, "goes on after an interruption", by="reconcile").left == ()
    assert (mailers(live), world.store.read().phase) == ((1, 0), Phase.ROLLED_BACK)


@pytest.mark.parametrize(
    "fault",
    [TemporaryError("the API server said 500: etcdserver: request timed out"), LostLease("was taken over by a check")],
    ids=["500", "the Lease"],
)
def test_a_move_that_could_not_be_noted_leaves_the_workers_to_whoever_goes_on(
    live: Shop, monkeypatch: pytest.MonkeyPatch, fault: FlipgateError
) -> None:
    """Its entry stays open, so no hand-over can begin: the release must not end without one."""

    def unnoted(*_: Any) -> None:
        raise fault

    monkeypatch.setattr(attempted, "PATIENCE_SECONDS", 0.0)
    world = meanwhile(live.world("ana"), live.play_all_ready)
    with monkeypatch.context() as failing:
        failing.setattr(once_back, "_close", unnoted)
        left = roll_back(world, "orders fail", by="ana").left
    assert "note the move" in left[0]
    assert "The release stays `rolling_back`: reconcile hands them back" in left[-1]
    assert (live.where(), world.store.read().phase) == (("blue",), Phase.ROLLING_BACK)
    assert roll_back(world, "goes on after an interruption", by="reconcile").left == ()
    assert (mailers(live), world.store.read().phase) == ((1, 0), Phase.ROLLED_BACK)
