"""Workers that were autoscaled: the side that begins to work starts as many as worked on the other."""

from __future__ import annotations

import pytest

from flipgate.core.values.sides import Side
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.moving.hand_over import hand_over_workers
from tests.api.changed_shop import add, declaring, to_baking
from tests.api.shop import BLUE, GREEN, Shop, last_entry

BUILD = {"web": "shop/web:2"}
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


@pytest.mark.parametrize(("were", "start"), [((8, 4), (8, 4)), ((1, 0), (1, 0)), ((0, 0), (1, 0))])
def test_as_many_start_as_worked_at_least_the_declared_and_a_declared_0_stays_0(
    busy: Shop, were: tuple[int, int], start: tuple[int, int]
) -> None:
    for name, count in zip(("mailer", "queue"), were, strict=True):
        busy.scale(BLUE, name, count)
    to_baking(busy, busy.world(), BUILD)
    assert workers(busy) == {BLUE: (0, 0), GREEN: start}

    busy.scale(GREEN, "mailer", 12)
    busy.scale(GREEN, "queue", 0)
    with busy.playing_ready():
        done = roll_back(busy.world("ana"), "errors", by="ana")
    assert (done.left, workers(busy)) == ((), {BLUE: (12, were[1]), GREEN: (0, 0)})


def test_a_hand_over_that_died_when_the_old_ones_had_stopped_starts_as_many(busy: Shop) -> None:
    for name in ("mailer", "queue"):
        busy.scale(BLUE, name, 8)
    to_baking(busy, busy.world(), BUILD, handed_over=False)

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


def test_one_that_its_autoscaler_has_shrunk_since_is_left_as_it_is(busy: Shop) -> None:
    busy.scale(BLUE, "mailer", 8)
    world = busy.world()
    to_baking(busy, world, BUILD)
    busy.scale(GREEN, "mailer", 2)
    with busy.playing_ready(), world.acting() as acting:
        assert hand_over_workers(acting, GREEN) == ()
    assert workers(busy)[GREEN] == (2, 0)
