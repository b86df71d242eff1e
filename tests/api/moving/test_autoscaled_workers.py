"""Workers that were autoscaled: the side that begins to work starts as many as worked on the other."""

from __future__ import annotations

import pytest

from flipgate.core.values.sides import Side
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.moving.hand_over import hand_over_workers
from tests.api.changed_shop import add, at_bake, declaring
from tests.api.shop import BLUE, GREEN, Shop, last_entry

QUEUE = "{name: queue, role: worker, replicas: 0}"


def workers(shop: Shop) -> dict[Side, tuple[int, int]]:
    """How many `mailer` and `queue` each side asks for."""
    return {side: (shop.counts(side)["mailer"], shop.counts(side)["queue"]) for side in Side}


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """The shop with a second worker, declared with no pods: its autoscaler gives it some when there is work."""
    shop = declaring(shop, QUEUE)
    for side in Side:
        add(shop, side, "queue", 0)
    shop.adopted()
    return shop


def test_as_many_start_as_worked_and_one_that_its_autoscaler_has_shrunk_since_is_left_as_it_is(busy: Shop) -> None:
    """How many at least is in tests/core/workloads/test_counts.py."""
    for name, count in (("mailer", 8), ("queue", 4)):
        busy.scale(BLUE, name, count)
    world = at_bake(busy)
    assert workers(busy) == {BLUE: (0, 0), GREEN: (8, 4)}

    busy.scale(GREEN, "mailer", 2)
    with busy.playing_ready(), world.acting() as acting:
        assert hand_over_workers(acting, GREEN) == ()
    assert workers(busy)[GREEN] == (2, 4)

    busy.scale(GREEN, "mailer", 12)
    busy.scale(GREEN, "queue", 0)
    with busy.playing_ready():
        done = roll_back(busy.world("ana"), "errors", by="ana")
    assert (done.left, workers(busy)) == ((), {BLUE: (12, 4), GREEN: (0, 0)})


def test_a_hand_over_that_died_when_the_old_ones_had_stopped_starts_as_many(busy: Shop) -> None:
    for name in ("mailer", "queue"):
        busy.scale(BLUE, name, 8)
    at_bake(busy, handed_over=False)

    def dies() -> None:
        if busy.counts(BLUE)["mailer"] == 0:
            raise KeyboardInterrupt

    world = busy.world()
    with pytest.raises(KeyboardInterrupt), busy.playing_ready(), world.acting() as acting:
        hand_over_workers(acting, GREEN, meanwhile=dies)
    assert (last_entry(world).state, workers(busy)) == ("begun", {BLUE: (0, 0), GREEN: (0, 0)})
    with busy.playing_ready():
        recover(busy.world("reconcile"), patience_seconds=0.1)
    assert workers(busy) == {BLUE: (0, 0), GREEN: (8, 8)}
