"""The benchmark's arithmetic: from the times of flips and answers to figures."""

from __future__ import annotations

import pytest

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
