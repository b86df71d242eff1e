"""A number held against its own past, and what it has to rest on."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flipgate.core.gates.kinds.promql import NO_OLD_SIDE
from flipgate.core.gates.past import WEEK, hour_of_a_week_before, moves, side_through
from flipgate.core.record.phases import Phase
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Verdict
from tests.core.builders import NOW, at, release
from tests.core.gates.played_reader import PlayedReader, Said, gate_of, looked

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
BLUE, GREEN = Side.BLUE, Side.GREEN
PAST = gate_of(promql='x{namespace="{namespace}"}[{window}]', of="namespace", max=10, relativeTo="past", factor=1.5)
WEEK_AGO = hour_of_a_week_before(NOW)


def by_hours(now: Said, week: Said, hour: Said) -> PlayedReader:
    """What Prometheus has of now, of a week before and of the hour before the flip."""

    def numbers(promql: str, when: datetime | None) -> Said:
        assert ("[3600s]" in promql) is (when is not None)
        return now if when is None else week if when == WEEK_AGO else hour

    return PlayedReader(numbers)


@pytest.mark.parametrize(
    ("now", "week", "hour", "verdict", "threshold"),
    [
        (3, 2, 100, PASS, "1.5 x blue's a week before (2026-02-22 11:30 to 12:30 UTC), 2"),
        (3.1, 2, 100, FAIL, "12:30 UTC), 2"),
        (3, None, 2, PASS, "1.5 x the old side's hour before the flip (a week before: no data), 2"),
        (3.1, None, 2, FAIL, "the old side's hour before the flip (a week before: no data), 2"),
        (3.1, "NaN: no traffic?", 2, FAIL, "the old side's hour before the flip (a week before: NaN: no traffic?), 2"),
        (3, None, None, UNKNOWN, "(a week before: no data), (no data)"),
        (3, "Prometheus cannot be reached", 2, UNKNOWN, "12:30 UTC), (Prometheus cannot be reached)"),
        (3, "7 series where one number is wanted", 2, UNKNOWN, "12:30 UTC), (7 series where one number is wanted)"),
        (11, None, None, FAIL, "at most 10"),
        (3, 0, 1, PASS, "12:30 UTC), 0: no measure"),
        (None, 2, 2, UNKNOWN, "at most 10"),
    ],
)
def test_its_past_is_a_week_before_else_the_hour_before_the_flip_and_the_threshold_says_which(
    now: Said, week: Said, hour: Said, verdict: Verdict, threshold: str
) -> None:
    sample = looked(PAST, by_hours(now, week, hour))
    assert PAST.kind.verdict(PAST, sample) is verdict
    assert threshold in PAST.kind.threshold(PAST, sample)


def test_where_nobody_knows_which_side_was_live_the_hour_before_the_flip_is_taken() -> None:
    reader = by_hours(3, 2, 1)
    reader.lived = None
    sample = looked(PAST, reader)
    assert (sample.old, PAST.kind.verdict(PAST, sample)) == (1, FAIL)
    assert "no one side is known to have been live through it" in PAST.kind.threshold(PAST, sample)


def test_a_first_release_has_no_past_and_is_held_against_its_limit_alone() -> None:
    reader = by_hours(3, None, 1)
    reader.ran = False
    sample = looked(PAST, reader)
    assert (sample.old_why, PAST.kind.verdict(PAST, sample)) == (NO_OLD_SIDE, PASS)


def test_a_past_that_is_known_is_not_asked_for_again_and_one_that_is_not_is() -> None:
    known, unknown = by_hours(3, 2, 1), by_hours(3, "Prometheus said HTTP 503", 1)
    for reader, asked in ((known, 3), (unknown, 4)):
        measure = PAST.kind.measure(PAST, reader)
        measure(0), measure(1)
        assert len(reader.asked) == asked


def test_a_number_of_either_side_has_a_past_too() -> None:
    gate = gate_of(promql="x[{window}]", of="time", max=10, relativeTo="past", factor=1.5)
    assert "x its a week before (2026-02-22 11:30 to 12:30 UTC), 2" in gate.kind.threshold(
        gate, looked(gate, by_hours(3, 2, 1))
    )


# What a number rests on

MIN = gate_of(
    promql='x{namespace="{namespace}"}',
    of="namespace",
    max=10,
    minSamples={"promql": 'n{namespace="{namespace}"}', "count": 100},
)


@pytest.mark.parametrize(
    ("value", "samples", "verdict", "why"),
    [
        (3, 100, PASS, ""),
        (11, 100, FAIL, ""),
        (3, 99.4, UNKNOWN, "99 samples, not 100"),
        (11, 99, UNKNOWN, "99 samples, not 100"),
        (3, None, UNKNOWN, "its samples: no data"),
        (3, "Prometheus said HTTP 500", UNKNOWN, "its samples: Prometheus said HTTP 500"),
        (None, 100, UNKNOWN, "no data"),
    ],
)
def test_too_few_samples_are_unknown_whatever_the_number_is(
    value: Said, samples: Said, verdict: Verdict, why: str
) -> None:
    sample = looked(MIN, PlayedReader(lambda promql, _: samples if promql.startswith("n") else value))
    assert (MIN.kind.verdict(MIN, sample), sample.why) == (verdict, why)
    assert sample.beside == ("of 100 samples" if verdict is not UNKNOWN else "")


def test_a_past_hour_of_too_few_samples_is_none() -> None:
    gate = gate_of(
        promql='x{namespace="{namespace}"}[{window}]',
        of="namespace",
        max=10,
        relativeTo="past",
        factor=1.5,
        minSamples={"promql": 'n{namespace="{namespace}"}[{window}]', "count": 100},
    )

    def numbers(promql: str, when: datetime | None) -> Said:
        return 2 if promql.startswith("x") else 5 if when == WEEK_AGO else 200

    sample = looked(gate, PlayedReader(numbers))
    assert "the old side's hour before the flip (a week before: 5 samples, not 100), 2" in (
        gate.kind.threshold(gate, sample)
    )


def test_numbers_of_a_day_that_rest_on_too_few_samples_are_gaps() -> None:
    lines = {
        'x{namespace="shop-green"}': ((1.0, 3.0), (2.0, 4.0), (3.0, 5.0)),
        'n{namespace="shop-green"}': ((1.0, 100.0), (2.0, 9.0)),
    }
    found, _ = MIN.kind.numbers(MIN, PlayedReader(lines=lines), NOW, NOW)
    assert found == ((1.0, 3.0), (2.0, None), (3.0, None))


# Where users were


def moved(seconds: float, side: Side) -> tuple[datetime, Side]:
    return at(seconds), side


@pytest.mark.parametrize(
    ("moved", "now_on", "then"),
    [
        ([], BLUE, BLUE),
        ([moved(-5, BLUE)], BLUE, BLUE),  # before that time
        ([moved(5, GREEN)], GREEN, BLUE),
        ([moved(5, GREEN), moved(9, BLUE)], BLUE, BLUE),
        ([moved(5, BLUE), moved(9, GREEN)], GREEN, GREEN),
        ([moved(5, GREEN), moved(9, GREEN)], GREEN, None),  # one between is not remembered
        ([moved(5, GREEN)], BLUE, None),  # nor is the last one
    ],
)
def test_where_users_were_is_told_by_each_move_since_or_not_at_all(
    moved: list[tuple[datetime, Side]], now_on: Side, then: Side | None
) -> None:
    assert side_through(at(0), at(0), moved, now_on) is then
    assert side_through(at(0), at(0), reversed(moved), now_on) is then


@pytest.mark.parametrize(
    ("moved", "now_on", "through"),
    [
        ([moved(-9, GREEN)], GREEN, GREEN),
        ([moved(-5, GREEN)], GREEN, None),  # a release at the same hour, a week before
        ([moved(-5, GREEN), moved(-1, BLUE)], BLUE, None),  # and its way back
        ([moved(5, GREEN)], GREEN, BLUE),
    ],
)
def test_an_hour_in_which_users_were_moved_is_no_sides(
    moved: list[tuple[datetime, Side]], now_on: Side, through: Side | None
) -> None:
    assert side_through(at(-8), at(0), moved, now_on) is through


@given(st.sampled_from(Side), st.lists(st.integers(1, 999), unique=True), st.integers(0, 1000))
def test_of_moves_that_all_are_remembered_any_time_is_told(first: Side, times: list[int], when: int) -> None:
    made = [moved(second, first.other if index % 2 == 0 else first) for index, second in enumerate(sorted(times))]
    then = ([first, *(side for when_moved, side in made if when_moved <= at(when))])[-1]
    assert side_through(at(when), at(when), made, made[-1][1] if made else first) is then


def test_moves_are_those_of_releases_there_and_back() -> None:
    live = release(Phase.DEPLOYING, Phase.DARK, Phase.FLIPPING, Phase.BAKING, now=NOW - WEEK)
    back = release(
        Phase.DEPLOYING, Phase.DARK, Phase.FLIPPING, Phase.ROLLING_BACK, Phase.ROLLED_BACK, now=NOW - timedelta(days=1)
    )
    assert [side for _, side in moves([back, live])] == [live.side, back.side, back.side.other]
    assert moves([release(Phase.DEPLOYING, Phase.DARK)]) == []
