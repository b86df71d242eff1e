"""No dark side can be named unless every route points wholly at one side; rolling back does not mind."""

from __future__ import annotations

import pytest

from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving.move import move
from flipgate.steps.moving.rest import rest
from flipgate.steps.releasing.bring_up import bring_up
from tests.api.meddling import meddled_with
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, opened, under_lease

AT_REST = dict.fromkeys(COUNTS, 0)


def mix(shop: Shop) -> str:
    """Half of the users to each side."""
    shop.cluster.delete(shop.route_path())
    shop.add_route("live", BLUE, GREEN)
    return f"IngressRoute {shop.own}/live -> blue and green"


def lose(shop: Shop) -> str:
    shop.cluster.delete(shop.route_path())
    return f"IngressRoute {shop.own}/live is missing"


def point_elsewhere(shop: Shop) -> str:
    shop.point("live", "elsewhere")
    return f"IngressRoute {shop.own}/live names neither side (it names elsewhere)"


def swap(shop: Shop) -> str:
    """Somebody moved everybody by hand."""
    shop.point("live", f"{shop.name}-green")
    return "the routes say green"


def go_back_as_ben(shop: Shop) -> None:
    roll_back(shop.helped("ben"), "green is bad", by="ben", to=BLUE)


def test_no_side_is_dark_all_values_are_said_and_nothing_is_prepared(shop: Shop, world: World) -> None:
    release = opened(world)
    for change in (swap, point_elsewhere, mix, lose):
        said = change(shop)
        with pytest.raises(Refused) as refused:
            need_dark(world, look(world))
        assert refused.value.reason == "NoDarkSide"
        assert said in refused.value.fact
        assert "the record says blue" in refused.value.fact
        with pytest.raises(Refused, match="no side can be called dark"):
            under_lease(world, bring_up, release)
        assert shop.counts(GREEN) == AT_REST


def test_rolling_back_refuses_no_drift_but_a_route_that_cannot_be_moved(shop: Shop, world: World) -> None:
    for change in (point_elsewhere, swap, mix, lose):
        change(shop)
        if change in (swap, mix):
            done = roll_back(shop.helped(), "users complain", by="ana", to=BLUE)
            assert (done.to, done.recorded) == (BLUE, True)
            assert shop.where() == ("blue",)
            continue
        with pytest.raises(Refused, match=f"IngressRoute {shop.own}/live") as refused:
            roll_back(world, "users complain", by="ana", to=BLUE)
        assert refused.value.reason == "RouteUnknown"


def test_before_adopt_no_side_is_dark(shop: Shop) -> None:
    world = shop.world()
    with pytest.raises(Refused, match="flipgate adopt") as refused:
        need_dark(world, look(world))
    assert refused.value.reason == "Unmanaged"


@pytest.fixture
def on_green(shop: Shop, world: World) -> World:
    """Users are on green, blue may rest."""
    under_lease(world, move, GREEN)
    return world


def test_a_release_for_the_side_that_is_live_now_is_not_brought_up(shop: Shop, world: World) -> None:
    release = opened(world)
    under_lease(world, move, GREEN)
    with pytest.raises(Refused, match="has the live traffic now") as refused:
        under_lease(world, bring_up, release)
    assert refused.value.reason == "SideIsLive"
    assert shop.counts(GREEN) == AT_REST


def test_a_stale_scale_down_cannot_empty_the_side_that_was_chosen_meanwhile(shop: Shop, on_green: World) -> None:
    view = look(on_green)
    dark = need_dark(on_green, view)
    go_back_as_ben(shop)
    with pytest.raises(Refused, match="may be live again") as refused:
        under_lease(on_green, rest, view, dark)
    assert refused.value.reason == "SideChanged"
    assert shop.counts(BLUE) == COUNTS


def test_the_stamp_is_tested_at_each_deployment(shop: Shop, on_green: World) -> None:
    view = look(on_green)
    meddled_with(on_green, lambda: None, lambda: go_back_as_ben(shop))
    with pytest.raises(Refused):
        under_lease(on_green, rest, view, need_dark(on_green, view))
    assert sum(count == 0 for count in shop.counts(BLUE).values()) <= 1


def test_a_side_whose_deployment_somebody_else_changed_stays_as_it_is(shop: Shop, on_green: World) -> None:
    view = look(on_green)
    shop.play_ready(BLUE, "web", ready=1)  # any write counts: no stamp of ours was there to test instead
    with pytest.raises(Refused, match="Deployment"):
        under_lease(on_green, rest, view, need_dark(on_green, view))
    assert shop.counts(BLUE)["web"] == 2


def test_a_dark_side_is_put_to_rest_and_its_counts_are_remembered(shop: Shop, on_green: World) -> None:
    view = look(on_green)
    under_lease(on_green, rest, view, need_dark(on_green, view), keep=1)
    assert shop.counts(BLUE) == {"web": 1, "mailer": 0}
    assert on_green.store.read().sides[BLUE].replicas == COUNTS
