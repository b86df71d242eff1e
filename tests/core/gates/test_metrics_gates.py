"""Judging declared gates: what fails a bake, what only stays unknown, and what people read of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flipgate.core.gates.declared import STALE_SECONDS, judge
from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.kinds.promql import NO_OLD_SIDE, window_of
from flipgate.core.gates.kinds.restarts import Container, read_containers, restarts_since
from flipgate.core.gates.prometheus import read_number
from flipgate.core.gates.sample import GateSample
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import NOW, at

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def promql(**facts: Any) -> Gate:
    """At most 10, unless `min` is given."""
    limit = {} if "min" in facts else {"max": 10}
    return Gate(**{"name": "slow", "promql": "x{{namespace}}[{window}]", "of": "namespace", **limit, **facts})


def found(gate: Gate, *values: float | None, **facts: Any) -> Evidence:
    """One look a second; None is a look without a number."""
    samples = [
        GateSample(second, value, "no data" if value is None else "", **facts) for second, value in enumerate(values)
    ]
    return judge(gate, samples, len(samples) - 1, "shop-green")


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([], UNKNOWN),
        ([None, None], UNKNOWN),
        ([float("nan")] * 3, UNKNOWN),
        ([float("inf")] * 3, UNKNOWN),  # no number, so no number too high
        ([10], PASS),  # at the limit is within it
        ([11], UNKNOWN),  # one look is no verdict, and no pass either
        ([11, 11], FAIL),
        ([11, None, 11], FAIL),  # a look without a number is no good one
        ([11, 11, None], FAIL),
        ([11, 9, 11], UNKNOWN),
        ([11, 9], PASS),
        ([9, None], PASS),
        ([9, *[None] * 9], PASS),
        ([9, *[None] * 10], UNKNOWN),  # what was seen before says nothing about now
    ],
)
def test_two_bad_looks_in_a_row_fail_and_no_number_never_passes(values: list[float | None], verdict: Verdict) -> None:
    assert STALE_SECONDS == 10
    assert found(promql(), *values).verdict is verdict


@pytest.mark.parametrize(("failures", "verdict"), [(1, FAIL), (2, FAIL), (3, UNKNOWN)])
def test_how_many_in_a_row_is_declared(failures: int, verdict: Verdict) -> None:
    assert found(promql(failures=failures), 11, 11).verdict is verdict


def test_a_minimum_is_the_other_way_round() -> None:
    assert found(promql(min=5), 4, 4).verdict is FAIL
    assert found(promql(min=5), 5).verdict is PASS


@pytest.mark.parametrize(
    ("value", "old", "why", "verdict"),
    [
        (3, 2, "", PASS),
        (3.1, 2, "", FAIL),
        (11, 100, "", FAIL),  # the absolute limit counts besides
        (3, None, "no data", UNKNOWN),
        (11, None, "no data", FAIL),
        (3, None, NO_OLD_SIDE, PASS),
        (3, 0, "", PASS),  # any error at all would be too many: then the absolute limit alone decides
    ],
)
def test_relative_to_the_old_side(value: float, old: float | None, why: str, verdict: Verdict) -> None:
    gate = promql(relative_to="old", factor=1.5)
    assert found(gate, value, value, old=old, old_why=why).verdict is verdict


def test_relative_to_the_old_side_with_a_minimum() -> None:
    gate = promql(min=1, relative_to="old", factor=0.5)
    assert found(gate, 4, 4, old=10).verdict is FAIL
    assert found(gate, 5, 5, old=10).verdict is PASS


@pytest.mark.parametrize(
    ("gate", "values", "verdict"),
    [
        (Gate(name="a", alerts={"a": "b"}), [0], PASS),
        (Gate(name="a", alerts={"a": "b"}), [1, 1], FAIL),
        (Gate.model_validate({"name": "a", "logs": {"pattern": "x", "max": 3}}), [3], PASS),
        (Gate.model_validate({"name": "a", "logs": {"pattern": "x", "max": 3}}), [4, 4], FAIL),
        (Gate(name="a", restarts=0), [0], PASS),
        (Gate(name="a", restarts=0), [1, 1], FAIL),
    ],
)
def test_the_other_kinds_have_a_largest_number(gate: Gate, values: list[float], verdict: Verdict) -> None:
    assert found(gate, *values).verdict is verdict


def test_a_count_that_was_cut_short_can_fail_and_never_passes() -> None:
    gate = Gate.model_validate({"name": "a", "logs": {"pattern": "x", "max": 3}})
    assert found(gate, 4, 4, at_least=True).verdict is FAIL
    cut = found(gate, 0, 0, at_least=True)
    assert (cut.verdict, cut.answer) == (
        UNKNOWN,
        "at least 0 in shop-green's pods since the flip; 0 of 2 looks bad, 2 unknown (not all was read)",
    )


def test_the_evidence_says_number_limit_and_how_it_belongs_to_the_side() -> None:
    evidence = found(promql(relative_to="old", factor=1.5), 1, None, 2.25, old=2)
    assert evidence == Evidence(
        "slow",
        PASS,
        "x{{namespace}}[{window}]",
        "Prometheus, of shop-green by namespace",
        "2.25 of shop-green by namespace; 0 of 3 looks bad, 1 unknown (no data)",
        "at most 10, and at most 1.5 x the old side's 2",
    )
    assert found(promql(), None).answer == "no number (no data) of shop-green by namespace; 0 of 1 looks bad, 1 unknown"
    assert "by Traefik's target" in found(promql(of="target"), 1).answer
    assert "by time since the flip" in found(promql(of="time", promql="x"), 1).answer
    assert found(promql(relative_to="old", factor=2), 1, old_why="no data").threshold.endswith("(no data)")
    assert found(promql(relative_to="old", factor=2), 1, old=0).threshold.endswith("the old side's 0: no measure")
    alerts = Gate(name="a", alerts={"namespace": "{namespace}", "a": "b"})
    assert found(alerts, 0, beside="before: X").answer.startswith("0 (before: X) of shop-green by namespace")


@pytest.mark.parametrize(
    ("result", "number", "why"),
    [
        ([{"metric": {}, "value": [1.5, "0.25"]}], 0.25, ""),
        ([1.5, "0.25"], 0.25, ""),
        ([], None, "no data"),
        ([{"value": [1, "1"]}, {"value": [1, "2"]}], None, "2 series"),
        ([{"value": [1, "NaN"]}], None, "no traffic"),
        ([{"value": [1, "+Inf"]}], None, "+Inf is no number"),
        ([{"values": [[1, "1"]]}], None, "not one number"),
        ([{"value": [1, "x"]}], None, "not a number"),
        ({"a": 1}, None, "not a Prometheus answer"),
        (None, None, "not a Prometheus answer"),
    ],
)
def test_only_one_finite_number_is_a_number(result: Any, number: float | None, why: str) -> None:
    read, reason = read_number(result)
    assert read == number
    assert why in reason
    assert bool(reason) is (number is None)


@pytest.mark.parametrize(("elapsed", "window"), [(0.2, 1), (12.9, 12), (500, 60)])
def test_the_window_never_reaches_behind_the_flip(elapsed: float, window: int) -> None:
    assert window_of(promql(), elapsed) == window


def test_restarts_count_from_the_flip_on() -> None:
    old = Container("uid-1", "web", 3, at(-60), None)

    def count(first: Container, restarts: int) -> int:
        return restarts_since({first.key: first}, {first.key: first._replace(restarts=restarts)}, NOW)

    assert count(old, 3) == 0
    assert count(old, 5) == 2
    assert count(old._replace(ended=at(-30)), 3) == 0
    assert count(old._replace(ended=at(1)), 3) == 1  # it ended between the flip and the first look
    assert count(old._replace(created=NOW + timedelta(seconds=2)), 3) == 3


def test_containers_are_read_from_a_pods_status() -> None:
    terminated = {"terminated": {"finishedAt": "2026-03-01T12:00:01Z"}}
    status = {"name": "web", "restartCount": 2, "lastState": terminated}
    pod = {"metadata": {"uid": "u", "creationTimestamp": "2026-03-01T11:00:00Z"}, "status": {}}
    assert read_containers(pod) == []
    assert read_containers({**pod, "status": {"containerStatuses": [status]}}) == [
        Container("u", "web", 2, at(-3600), at(1))
    ]


def test_the_verdict_is_of_the_last_look_that_had_a_number() -> None:
    samples = [GateSample(0, 11), GateSample(1, 2), replace(GateSample(2, None), why="no answer in 3 s")]
    evidence = judge(promql(), samples, 2, "shop-green")
    assert evidence.verdict is PASS
    assert evidence.answer == "2 of shop-green by namespace; 1 of 3 looks bad, 1 unknown (no answer in 3 s)"
