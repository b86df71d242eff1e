"""What is remembered against what is: at rest, interrupted, drifted."""

from __future__ import annotations

import pytest

from flipgate.core.record.intents import BRING_UP, MOVE_ROUTES
from flipgate.core.record.record import EntryState, begin, end
from flipgate.core.traffic.traffic import RouteState, Traffic
from flipgate.core.way_back.explain import AsRecorded, Drift, OpenStep, explain, finish_move
from tests.core.builders import GREEN, NOW, ROUTES, record, route, to_side, traffic

ON_BLUE, ON_GREEN = ROUTES["blue"], ROUTES["green"]
TO_GREEN = {"to": "green", "from": "blue"}


def test_routes_where_the_record_left_them_are_settled() -> None:
    assert explain(record(), ON_BLUE) == AsRecorded()
    assert explain(record(active=GREEN), ON_GREEN) == AsRecorded()


@pytest.mark.parametrize("name", [name for name in ROUTES if name != "blue"])
def test_anything_else_is_drift_that_says_all_routes_and_the_record(name: str) -> None:
    seen = ROUTES[name]
    found = explain(record(), seen)
    assert isinstance(found, Drift)
    assert found.fact.endswith("the record says blue")
    assert all(str(state) in found.fact for state in seen.routes)


@pytest.mark.parametrize("seen", ROUTES.values(), ids=ROUTES.keys())
@pytest.mark.parametrize("step", [MOVE_ROUTES, BRING_UP])
def test_an_open_entry_explains_any_state_of_the_routes(seen: Traffic, step: str) -> None:
    noted, entry = begin(record(), step, "ci", NOW, TO_GREEN)
    assert explain(noted, seen) == OpenStep(entry)


@pytest.mark.parametrize("state", [EntryState.DONE, EntryState.UNDONE])
def test_an_ended_entry_explains_nothing_any_more(state: EntryState) -> None:
    noted, entry = begin(record(), MOVE_ROUTES, "ci", NOW, TO_GREEN)
    closed = end(noted, entry.id, state, NOW, "")
    at_home, away = (ON_GREEN, ON_BLUE) if state is EntryState.DONE else (ON_BLUE, ON_GREEN)
    assert explain(closed, at_home) == AsRecorded()
    assert isinstance(explain(closed, away), Drift)


@pytest.mark.parametrize("name", ROUTES)
def test_an_interrupted_move_is_finished_only_where_every_route_arrived(name: str) -> None:
    _, entry = begin(record(), MOVE_ROUTES, "ci", NOW, TO_GREEN)
    assert finish_move(entry, ROUTES[name]) is (name == "green")


def test_one_route_of_two_that_arrived_is_backed_out() -> None:
    _, entry = begin(record(), MOVE_ROUTES, "ci", NOW, TO_GREEN)
    routes: list[RouteState] = [to_side(GREEN), to_side(GREEN, name="b")]
    assert finish_move(entry, traffic(*routes))
    assert not finish_move(entry, traffic(routes[0], route(None, name="b")))


def test_only_moves_are_finished_by_looking_at_routes() -> None:
    _, entry = begin(record(), BRING_UP, "ci", NOW, {})
    with pytest.raises(ValueError, match="BringUp moves no traffic"):
        finish_move(entry, ON_GREEN)
