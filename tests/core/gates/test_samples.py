"""Response times over several answers: which of them may be late, when it is known, and what people read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flipgate.core.gates.checks import Check, Sample, judge_samples, undecided
from flipgate.core.gates.samples import at_percentile, in_numbers, late_allowed
from flipgate.core.values.answer import Answer
from flipgate.core.values.verdicts import Verdict


def check(samples: int, percentile: int = 100, **keys: object) -> Check:
    given = {"name": "fast", "service": "api", "path": "/", "samples": samples, "percentile": percentile, **keys}
    return Check.model_validate(given)


def took(seconds: Sequence[float], status: int = 200) -> list[Sample]:
    return [Sample(Answer(status, {}, b"", each), each) for each in seconds]


def test_all_in_time_pass_with_their_numbers() -> None:
    result = judge_samples(check(4), took([0.01, 0.02, 0.03, 2.0]))
    numbers = "4 answers: min 0.010, median 0.025, p95 2.000, max 2.000 s"
    assert (result.verdict, result.facts) == (Verdict.PASS, ("status 200", numbers))


def test_one_late_answer_fails_unless_the_percentile_lets_it_pass() -> None:
    times = took([0.1] * 19 + [2.5])
    strict = judge_samples(check(20), times)
    assert (strict.verdict, strict.facts[0]) == (Verdict.FAIL, "1 took longer than 2 s, where none may")
    assert judge_samples(check(20, 95), times).verdict is Verdict.PASS
    two = judge_samples(check(20, 95), took([0.1] * 18 + [2.5] * 2))
    assert (two.verdict, two.facts[0]) == (Verdict.FAIL, "2 took longer than 2 s, where 1 of 20 may")


def test_nobody_is_asked_on_once_it_can_only_fail() -> None:
    assert undecided(check(20, 95), took([2.5]))
    assert not undecided(check(20, 95), took([2.5, 2.5]))
    assert not undecided(check(20), took([0.1], status=500))
    assert not undecided(check(20), [Sample("connection refused", 0.1)])
    assert not undecided(check(2), took([0.1, 0.1]))


def test_a_bad_answer_fails_and_none_at_all_is_unknown_whatever_the_times() -> None:
    bad = judge_samples(check(3), took([0.1, 0.1]) + took([0.1], status=503))
    assert (bad.verdict, bad.facts[0]) == (Verdict.FAIL, "answer 3 of 3: status 503, expected 200")
    none = judge_samples(check(3), [*took([0.1]), Sample("connection refused", 0.4)])
    assert (none.verdict, none.facts[0]) == (Verdict.UNKNOWN, "answer 2 of 3: no answer: connection refused")


def test_an_answer_that_came_at_the_second_request_is_as_late_as_the_first() -> None:
    late = Sample(Answer(200, {}, b"", 0.01), 3.0)
    assert judge_samples(check(2), [*took([0.1]), late]).verdict is Verdict.FAIL


@given(st.lists(st.floats(0, 5), min_size=2, max_size=50), st.integers(1, 100))
def test_the_percentile_is_in_time_exactly_when_no_more_are_late_than_may_be(times: list[float], percent: int) -> None:
    late = sum(each > 2 for each in times)
    assert (at_percentile(times, percent) <= 2) is (late <= late_allowed(len(times), percent))


def test_one_answer_is_counted_as_one() -> None:
    assert in_numbers([0.5]).startswith("1 answer: min 0.500")


@pytest.mark.parametrize(
    ("keys", "fact"),
    [
        ({"samples": 51}, "less than or equal to 50"),
        ({"samples": 0}, "greater than or equal to 1"),
        ({"samples": 1, "percentile": 95}, 'check "fast" has percentile, which needs samples'),
        ({"samples": 50, "withinSeconds": 10}, 'check "fast" may take 500 s: samples times withinSeconds is at most'),
    ],
)
def test_what_cannot_be_meant_or_takes_too_long_is_refused(keys: dict[str, object], fact: str) -> None:
    with pytest.raises(ValidationError, match=fact):
        Check.model_validate({"name": "fast", "service": "api", "path": "/", **keys})
