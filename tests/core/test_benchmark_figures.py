"""The benchmark's arithmetic: from the times of flips and answers to figures."""

from __future__ import annotations

import pytest

from benchmarks import back, rollback
from benchmarks.back import KUBECTL, PREFECT_DOWN, ROLLBACK, Back
from benchmarks.figures import FLIPGATE, PATCH, Flip, MeasureError, figures_of, summary, table
from benchmarks.flip import order
from lab.load import LoadReport
from lab.load.tally import Row, Tally


def answers(*rows: tuple[float, str]) -> LoadReport:
    tally = Tally()
    for at, side in rows:
        tally.add(Row(at, 0.001, side, 200, ""))
    return tally.report()


BARE = Flip(PATCH, 0, "blue", "green", began=10.0, patched=10.0, ended=10.005)
MOVE = Flip(FLIPGATE, 0, "green", "blue", began=20.0, patched=20.1, ended=20.12, lease=0.02)
REPORT = answers((9.9, "blue"), (10.04, "blue"), (10.05, "green"), (20.14, "green"), (20.15, "blue"))


def test_pairs_are_neighbours_and_take_turns_in_going_first() -> None:
    assert order(3) == [(PATCH, 0), (FLIPGATE, 0), (FLIPGATE, 1), (PATCH, 1), (PATCH, 2), (FLIPGATE, 2)]


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
    found = summary([BARE, MOVE], REPORT, throttle_ms=50)
    assert found["patch_ratio"] == 3.0
    assert found["patch_ratio_from_patch"] == 1.0
    assert found["first_new_answer_ms"] == {PATCH: 50.0, FLIPGATE: 150.0}
    assert (found["requests_sent"], found["requests_lost"], found["flips"]) == (5, 0, 1)
    assert "5 sent, 0 lost" in table(found)


HAND = Back(KUBECTL, 0, "blue", began=10.0, ended=10.12)
UP = Back(ROLLBACK, 0, "blue", began=20.0, ended=21.5)
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
