"""Which side answers, through each Traefik replica: by script, and never later than it may be."""

from __future__ import annotations

import json
from pathlib import Path

from flipgate.core.values.sides import Side
from flipgate.core.way_back.facts import Observed, agreed
from flipgate.steps.looking.observe import observe
from tests.api.town import FORBIDDEN, Town, pod, world_of
from tests.api.wire import serving, silence, within


def test_each_ready_replica_is_asked_once_and_tells_its_side(tmp_path: Path) -> None:
    with serving(Town(pods=[pod("a"), pod("b"), pod("c", ready=False)]), tmp_path) as cluster:
        seen = observe(world_of(cluster))()

    assert seen == tuple(Observed(name, Side.GREEN, "HTTP 200 from green") for name in ("a", "b"))
    assert agreed(seen) is Side.GREEN


def test_one_that_says_nothing_in_time_hides_no_other_and_holds_up_nobody(tmp_path: Path) -> None:
    town = Town(pods=[pod("a"), pod("silent")])
    with (
        silence() as nothing,
        serving(lambda request: (nothing if "pods/silent" in request.path else town)(request), tmp_path) as cluster,
        within(0.9),
    ):
        seen = observe(world_of(cluster), seconds=0.4)()

    assert seen[0] == Observed("a", Side.GREEN, "HTTP 200 from green")
    assert (seen[1].replica, seen[1].side) == ("silent", None)
    assert "0.4 s" in seen[1].text
    assert agreed(seen) is None


def test_what_cannot_be_listed_says_why(tmp_path: Path) -> None:
    with serving(lambda _: (403, FORBIDDEN), tmp_path) as cluster:
        (denied,) = observe(world_of(cluster))()
    with serving(lambda _: (200, json.dumps({"items": []}).encode()), tmp_path) as cluster:
        (nobody,) = observe(world_of(cluster))()

    assert (denied.replica, denied.side) == (None, None)
    assert "403" in denied.text
    assert nobody.text.startswith("no running pod matches")


def test_an_answer_of_no_side_is_told_as_it_came(tmp_path: Path) -> None:
    with serving(Town(404, "", b"404 page not found"), tmp_path) as cluster:
        seen = observe(world_of(cluster))()

    assert seen == (Observed("a", None, "HTTP 404 from an unnamed side"),)
