"""Where users came from, by stamps alone: what a rollback goes by that cannot read the record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flipgate.core.values.sides import Side
from flipgate.core.way_back.going_back import NoWay, older
from tests.core.builders import BLUE, GREEN, deployment, side, stamped, to_side, traffic


def judged(blue: str, green: str, *routes: str) -> Side | NoWay:
    """Users are on blue; what older() makes of the stamps of the sides and of each route."""
    found = (replace(to_side(BLUE), stamp=f"{each}.aa" if each else None) for each in routes)
    sides = {BLUE: (blue, deployment()), GREEN: (green, deployment())}
    return older(traffic(*found), {which: stamped(side(which, obj), epoch) for which, (epoch, obj) in sides.items()})


@pytest.mark.parametrize("routes", [("5",), ("5", "7"), ("",), ("", "5")], ids=str)
def test_the_other_side_was_live_where_this_one_and_the_routes_are_stamped_later(routes: tuple[str, ...]) -> None:
    assert judged("5", "4", *routes) is GREEN


@pytest.mark.parametrize("routes", [("4",), ("4", "5"), ("x",)], ids=str)
def test_a_way_back_that_was_begun_anew_and_moved_no_route_is_not_taken_for_a_flip(routes: tuple[str, ...]) -> None:
    """It has stamped the side that users are on: they came there in epoch 4, from what was flipped to before."""
    found = judged("5", "4", *routes)
    assert isinstance(found, NoWay)
    assert "green is stamped 4, blue 5, the routes" in found.fact
