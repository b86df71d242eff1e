"""Ready-made gates: whose metrics are asked, that they are judged as promql gates, and what keys a file may have."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.kinds.ready_made import SOURCES
from flipgate.core.gates.traefik_counters import Counters
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Verdict
from tests.core.gates.played_reader import PlayedReader, Said, gate_of, looked

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
SUCCESS = gate_of(**{"success-ratio": 99})
P99 = gate_of(**{"p99-seconds": 0.5})


def having(*metrics: str, value: Said = 99.5, requests: Said = 5000) -> PlayedReader:
    """A Prometheus that has these metrics."""

    def numbers(promql: str, when: datetime | None) -> Said:
        if promql.startswith("count("):
            return 2 if any(metric in promql for metric in metrics) else None
        return requests if "increase(" in promql else value

    return PlayedReader(numbers)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (["traefik_service_requests_total", "http_requests_total"], "from: traefik"),
        (["http_requests_total"], "from: http"),
        (["http_server_request_duration_seconds_count"], "from: otel"),
    ],
)
def test_the_first_source_that_prometheus_has_is_taken_and_named(metrics: list[str], said: str) -> None:
    sample = looked(SUCCESS, having(*metrics))
    assert sample.beside == f"of 5000 samples, {said}"
    assert SUCCESS.kind.verdict(SUCCESS, sample) is PASS


def test_where_prometheus_has_none_of_them_the_gate_is_unknown() -> None:
    sample = looked(SUCCESS, having())
    assert (SUCCESS.kind.verdict(SUCCESS, sample), sample.why) == (
        UNKNOWN,
        "no data of either side by traefik, http, otel",
    )


def test_who_cannot_be_asked_has_not_said_that_there_is_none() -> None:
    reader = PlayedReader(lambda promql, _: "Prometheus said HTTP 503" if "traefik" in promql else 99)
    measure = SUCCESS.kind.measure(SUCCESS, reader)
    assert measure(0).why == "Prometheus said HTTP 503"
    reader.numbers = having("traefik_service_requests_total").numbers
    assert "from: traefik" in measure(1).beside, "and is asked again"


@pytest.mark.parametrize(
    ("gate", "value", "requests", "verdict"),
    [
        (SUCCESS, 99, 100, PASS),
        (SUCCESS, 98.9, 100, FAIL),
        (SUCCESS, 100, 99, UNKNOWN),
        (SUCCESS, "NaN: no traffic?", 0, UNKNOWN),
        (P99, 0.5, 100, PASS),
        (P99, 0.501, 100, FAIL),
        (P99, 0.1, 99, UNKNOWN),
        (P99, None, 100, UNKNOWN),
        (gate_of(**{"success-ratio": 99, "minRequests": 10}), 100, 10, PASS),
        (gate_of(**{"success-ratio": 99, "minRequests": 10}), 100, 9, UNKNOWN),
    ],
)
def test_they_are_judged_by_their_threshold_and_by_how_many_requests_there_were(
    gate: Gate, value: Said, requests: Said, verdict: Verdict
) -> None:
    reader = having("http_requests_total", "http_request_duration_seconds_bucket", value=value, requests=requests)
    assert gate.kind.verdict(gate, looked(gate, reader)) is verdict


def test_it_is_held_against_its_past_as_a_promql_gate_is() -> None:
    gate = gate_of(**{"p99-seconds": 0.5, "from": "http", "relativeTo": "past", "factor": 1.5})
    reader = PlayedReader(lambda promql, when: 500 if "increase(" in promql else 0.1 if when else 0.2)
    sample = looked(gate, reader)
    assert gate.kind.verdict(gate, sample) is FAIL
    assert "1.5 x blue's a week before (2026-02-22 11:30 to 12:30 UTC), 0.1" in gate.kind.threshold(gate, sample)


def test_traefik_is_asked_for_what_the_routes_lead_to_on_either_side() -> None:
    gate = gate_of(**{"success-ratio": 99, "from": "traefik", "relativeTo": "old", "factor": 0.99})
    reader = having("traefik_service_requests_total")
    assert looked(gate, reader).of == "target"
    assert 'service=~"shop-green-web-80@kubernetescrd"' in reader.asked[0]
    assert 'service=~"shop-blue-web-80@kubernetescrd"' in reader.asked[2]
    by_rule = having("traefik_service_requests_total")
    by_rule.counted = Counters(frozenset({"shop-green-rule-0a1b@kubernetescrd"}), "time")
    assert looked(gate, by_rule).of == "time"
    assert 'service=~"shop-green-rule-0a1b@kubernetescrd"' in by_rule.asked[2], "one counter for both sides"


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("gate", [{"success-ratio": 99}, {"p99-seconds": 0.5}], ids=["success", "p99"])
def test_each_source_is_asked_for_its_own_names_of_one_side_within_the_window(
    source: str, gate: dict[str, Any]
) -> None:
    reader = having(*(name for names in SOURCES.values() for name in names[:2]))
    looked(gate_of(**gate, **{"from": source}), reader)
    for promql in reader.asked:
        assert any(name in promql for name in SOURCES[source][:2])  # type: ignore[index]
        assert "{namespace}" not in promql
        assert "{window}" not in promql
        assert "[60s]" in promql
        assert "shop-green" in promql
        assert "shop-blue" not in promql


def test_what_is_in_flight_is_asked_of_the_side_that_users_left() -> None:
    gate = gate_of(inFlight={"max": 0}, at="scale-down")
    for value, verdict in ((0, PASS), (1, FAIL), (None, UNKNOWN)):
        reader = PlayedReader(lambda *_, value=value: value)  # type: ignore[misc]
        assert gate.kind.verdict(gate, looked(gate, reader)) is verdict
        assert reader.asked == [f"busy {Side.BLUE}"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"success-ratio": 99, "p99-seconds": 1}, "needs exactly one of"),
        ({"success-ratio": 101}, "less than or equal to 100"),
        ({"success-ratio": 99, "from": "statsd"}, "Input should be 'traefik', 'http' or 'otel'"),
        ({"success-ratio": 99, "relativeTo": "past"}, "needs both relativeTo and factor"),
        ({"success-ratio": 99, "max": 1}, "has max, which only a promql gate has"),
        (
            {"promql": "x", "of": "time", "max": 1, "minRequests": 3},
            "has minRequests, which only a success-ratio gate has",
        ),
        ({"promql": "x", "of": "time", "max": 1, "relativeTo": "old", "factor": 2}, "is of time"),
        (
            {"promql": "x{namespace}", "of": "namespace", "max": 1, "minSamples": {"promql": "y", "count": 3}},
            "has minSamples whose promql does not name {namespace}",
        ),
        ({"restarts": 0, "fired": True}, "has fired, which only a alerts gate has"),
        ({"alerts": {"a": "b"}, "fired": False}, "Input should be True"),
        ({"alerts": {"a": "b"}, "watchdog": {"a-b": "c"}}, 'asks for the label "a-b"'),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("{", r"\{").replace("(", r"\(")):
        gate_of(**keys)


def test_a_gate_without_the_new_keys_means_what_it_meant() -> None:
    """Releases have pinned the hash of it."""
    keys = "alerts factor failures logs max min name of promql relativeTo restarts traefik windowSeconds"
    assert sorted(gate_of(restarts=0).model_dump(mode="json", by_alias=True)) == sorted(keys.split())
