"""What the last day's numbers come to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipgate.core.gates.sample import Limit, Point
from flipgate.core.gates.tried import BARS, NO_NUMBER, WIDTH, past_of
from tests.core.builders import NOW

START, STEP = NOW - timedelta(days=1), 288


def points(*values: float | None) -> list[Point]:
    """One each step, from the start on."""
    return [(START.timestamp() + index * STEP, value) for index, value in enumerate(values)]


def test_each_number_is_told_with_how_often_the_limit_would_have_failed_and_how_often_there_was_none() -> None:
    past = past_of(points(*map(float, range(1, 101)), None), Limit(90), START, NOW, STEP)
    assert (past.least, past.median, past.p95, past.most) == (1, 50.5, 95, 100)
    assert (past.looks, past.failed, past.missing) == (301, 10, 201)


def test_a_smallest_good_number_fails_the_other_way_round_and_its_line_shows_the_lowest() -> None:
    past = past_of(points(99.0, 50.0, 99.0, *[100.0] * 298), Limit(99, least=True), START, NOW, STEP)
    assert (past.failed, past.missing) == (1, 0)
    assert past.line == BARS[0] + BARS[-1] * (WIDTH - 1)


@pytest.mark.parametrize("values", [[], [None, None]])
def test_no_number_at_any_look_is_no_zero(values: list[float | None]) -> None:
    past = past_of(points(*values), Limit(1), START, NOW, STEP)
    assert (past.least, past.median, past.p95, past.most, past.failed) == (None, None, None, None, 0)
    assert (past.missing, past.line) == (past.looks, NO_NUMBER * WIDTH)


@given(st.lists(st.none() | st.floats(-1e9, 1e9), max_size=301), st.floats(-1e9, 1e9), st.booleans())
def test_whatever_the_numbers_are_they_add_up(values: list[float | None], limit: float, least: bool) -> None:
    past = past_of(points(*values), Limit(limit, least), START, NOW, STEP)
    known = [value for value in values if value is not None]
    assert past.looks - past.missing == len(known)
    assert len(past.line) == WIDTH
    assert set(past.line) <= {*BARS, NO_NUMBER}
    if known:
        assert min(known) == past.least
        assert max(known) == past.most
        assert past.p95 in known
        assert past.failed == sum(value < limit if least else value > limit for value in known)
