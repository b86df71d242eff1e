"""The benchmark's arithmetic: from the times of flips and answers to figures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import back, rollback
from benchmarks.back import KUBECTL, PREFECT_DOWN, Back
from benchmarks.figures import (
    FLIPGATE,
    FLOW,
    PATCH,
    ROLLBACK,
    Counted,
    Flip,
    MeasureError,
    Part,
    figures_of,
    measured,
    part_summary,
    steps_between,
    summary,
)
from benchmarks.flip import order
from benchmarks.flip_table import table
from benchmarks.timed import Asked, kind_of, steps_of
from lab.load import LoadReport
from lab.load.tally import Row, Tally


def answers(*rows: tuple[float, str]) -> LoadReport:
    tally = Tally()
    for at, side in rows:
        tally.add(Row(at, 0.001, side, 200, ""))
    return tally.report()


def failing(channel: str, at: float) -> LoadReport:
    tally = Tally()
    tally.add(Row(at, 5.0, "", 502, "status-502", channel))
    return tally.report()


BARE = Flip(PATCH, 0, "blue", "green", began=10.0, patched=10.0, ended=10.005)
MOVE = Flip(FLIPGATE, 0, "green", "blue", began=20.0, patched=20.1, ended=20.12, lease=0.02, steps={"1. GET": 90.0})
REPORT = answers((9.9, "blue"), (10.04, "blue"), (10.05, "green"), (20.14, "green"), (20.15, "blue"))
THERE = Flip(FLOW, 0, "blue", "green", began=30.0, patched=37.0, ended=33.0, steps={"imports": 3000.0})
AGAIN = Flip(ROLLBACK, 0, "green", "blue", began=40.0, patched=40.5, ended=42.0)
ROUND = answers((30.1, "blue"), (37.25, "green"), (40.2, "green"), (40.75, "blue"))


def part(flips: list[Flip], report: LoadReport, *others: LoadReport, changes: int | None = None) -> Part:
    return Part(50, measured(flips, report), Counted.of([report, *others]), changes)


PAIRS, ROUNDS = part([BARE, MOVE], REPORT), part([THERE, AGAIN], ROUND)
QUICK = replace(PAIRS, measured=[*PAIRS.measured, *ROUNDS.measured], counted=PAIRS.counted + ROUNDS.counted)


def test_pairs_are_neighbours_and_take_turns_in_going_first() -> None:
    assert order(range(3)) == [(PATCH, 0), (FLIPGATE, 0), (FLIPGATE, 1), (PATCH, 1), (PATCH, 2), (FLIPGATE, 2)]


def test_a_flip_is_measured_from_its_call_and_from_its_patch() -> None:
    figures = {name: round(ms, 3) for name, ms in figures_of(MOVE, REPORT, float("inf")).items()}
    assert figures == {
        "call": 120.0,
        "before_patch": 100.0,
        "first_new": 150.0,
        "first_new_from_patch": 50.0,
        "first_new_with_lease": 170.0,
        "last_old": 140.0,
        "last_old_from_patch": 40.0,
    }


def test_answers_after_the_next_flip_began_are_not_of_this_one() -> None:
    with pytest.raises(MeasureError, match="no user saw an answer of green"):
        figures_of(BARE, REPORT, until=10.05)
    assert round(figures_of(BARE, REPORT, until=15.0)["last_old"], 3) == 40.0


def test_the_ratio_is_flipgates_time_by_the_patchs_in_the_same_pair() -> None:
    found = part_summary(PAIRS)
    assert found["patch_ratio"] == 3.0
    assert found["patch_ratio_from_patch"] == 1.0
    assert found["first_new_answer_ms"] == {PATCH: 50.0, FLIPGATE: 150.0}
    assert (found["requests_sent"], found["requests_lost"], found["flips"]) == (5, 0, {PATCH: 1, FLIPGATE: 1})
    assert (found["approve_to_moved_seconds"], found["rollback_seconds"]) == (None, None)


def test_each_goal_is_judged_by_the_part_at_the_short_throttle_and_requests_by_both() -> None:
    found = summary(QUICK, part([BARE, MOVE], REPORT, failing("long", 20.3), changes=7))
    assert (found["approve_to_moved_seconds"], found["rollback_seconds"]) == (7.0, 0.75)
    assert (found["requests_sent"], found["requests_lost"]) == (15, 1)
    assert found["requests_by_kind"]["long"] == {"sent": 1, "lost": 1}
    met = {"patch_ratio": False, "requests_lost": False, "approve_to_moved_seconds": False, "rollback_seconds": True}
    assert found["met"] == met
    assert found["default_throttle"]["requests_by_kind"]["long"] == {"sent": 1, "lost": 1}


def test_the_table_says_how_many_of_each_and_where_the_time_goes_only_where_a_goal_is_missed() -> None:
    shown = table(summary(QUICK, part([BARE, MOVE], REPORT, changes=7)))
    assert "no pods come or go; flips: 1 x bare patch, 1 x flipgate move, 1 x flow from approve" in shown
    assert "pods come and go (7 changes of endpoints)" in shown
    assert "rollback_seconds 0.75 (met: at most 1)" in shown
    assert "approve_to_moved_seconds 7.0 (MISSED: at most 6)" in shown
    assert "    3000.0  imports" in shown
    assert "where the time goes, flipgate rollback" not in shown
    alone = summary(QUICK, None)
    assert (alone["requests_sent"], alone["default_throttle"]) == (9, None)
    assert "pods come and go" not in table(alone)


def test_a_failure_is_of_the_flip_before_it() -> None:
    tally = Tally()
    for row in (Row(10.05, 0.1, "green", 200, ""), Row(12, 0.1, "", 502, "status-502"), Row(20.2, 0, "blue", 200, "")):
        tally.add(row)
    assert [each.lost for each in measured([BARE, MOVE], tally.report())] == [1, 0]


def test_steps_lie_between_marks_and_one_that_nobody_noted_is_in_the_next() -> None:
    marks = [("approve", 11.0), ("doorbell", None), ("worker", 13.5), ("of another run", 9.0), ("patch", 14.0)]
    assert steps_between(10.0, marks) == {"approve": 1000.0, "worker": 2500.0, "patch": 500.0}


def test_a_moves_requests_are_named_and_what_lies_between_them_is_python() -> None:
    asked = [
        Asked("GET configmaps", 9.0, 9.1),
        Asked("PUT configmaps", 10.25, 10.5),
        Asked("PATCH ingressroutes", 11.0, 11.1),
    ]
    assert steps_of(asked, 10.0, 11.0) == {"1. PUT configmaps": 250.0, "flipgate's own Python before the patch": 750.0}


def test_a_request_is_named_by_its_resource() -> None:
    assert kind_of("/api/v1/namespaces/flipgate/configmaps/record-a") == "configmaps"
    assert kind_of("/apis/apps/v1/namespaces/blue/deployments") == "deployments"
    assert kind_of("/apis") == "apis"


HAND = Back(KUBECTL, 0, "blue", began=10.0, ended=10.12)
UP = Back(back.ROLLBACK, 0, "blue", began=20.0, ended=21.5)
DOWN = Back(PREFECT_DOWN, 0, "blue", began=30.0, ended=31.7)
HEARD = [(9.0, "green"), (10.1, "blue"), (15.0, "green"), (20.4, "blue"), (25.0, "green"), (30.6, "blue")]
USERS = answers((9.9, "blue"), (10.2, "blue"), (15.1, "green"), (20.5, "blue"), (25.1, "green"), (30.7, "blue"))


def test_each_round_goes_through_its_ways_backwards_every_other_time() -> None:
    assert [way for way, number in rollback.order(2) if number == 1] == [PREFECT_DOWN, ROLLBACK, KUBECTL]


def test_a_way_back_is_measured_from_enter_and_judged_by_its_slower_kind() -> None:
    found = back.summary([HAND, UP, DOWN], HEARD, USERS, throttle_ms=50)
    assert (found["kubectl_seconds"], found["kubectl_to_patch_seconds"]) == (0.2, 0.1)
    assert (found["rollback_to_patch_seconds"], found["rollback_to_answer_seconds"]) == (0.4, 0.5)
    assert (found["prefect_down_to_patch_seconds"], found["prefect_down_to_answer_seconds"]) == (0.6, 0.7)
    assert (found["rollback_ratio"], found["prefect_down_ratio"]) == (2.5, 3.5)
    assert found["met"] == {"enter_to_patch": False, "enter_to_answer": True}
    assert "enter_to_patch NOT met (0.5 s), enter_to_answer met (1.0 s)" in back.table(found)


def test_a_way_back_that_nobody_heard_or_saw_has_no_figures() -> None:
    with pytest.raises(MeasureError, match="round 0, rollback: the API server told of no patch to blue"):
        back.figures_of(UP, HEARD, USERS, until=20.3)
    with pytest.raises(MeasureError, match="round 0, rollback: no user saw an answer of blue"):
        back.figures_of(UP, HEARD, USERS, until=20.45)
