"""What an error says, and that it survives a trip between processes."""

from __future__ import annotations

import pickle

import pytest

from flipgate.core.values import errors
from flipgate.core.values.reasons import Why


def test_an_error_reads_as_one_paragraph() -> None:
    error = errors.Refused(
        "points at neither side (production-red)",
        obj="route monitoring/api-live",
        reason="RouteUnknown",
        untouched="all routes",
        next_command="flipgate status",
    )
    assert str(error) == (
        "route monitoring/api-live: points at neither side (production-red). "
        "Left untouched: all routes. Next: flipgate status"
    )


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.BadInput("no"), 2),
        (errors.Refused("no", reason="No"), 1),
        (errors.Unreachable("no"), 1),
        (errors.Interrupted("no"), 1),
    ],
)
def test_scripts_can_use_the_exit_code(error: errors.FlipgateError, exit_code: int) -> None:
    assert error.exit_code == exit_code


def test_errors_survive_pickling() -> None:
    error = errors.LostLease("is held by ci-7", obj="Lease flipgate/flipgate-shop", untouched="all routes")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.reason) == (errors.LostLease, str(error), "LostLease")


@pytest.mark.parametrize("kind", [errors.Conflict, errors.Unreachable])
def test_trying_again_makes_sense_after(kind: type[errors.FlipgateError]) -> None:
    assert issubclass(kind, errors.TemporaryError)


@pytest.mark.parametrize("kind", [errors.NotFound, errors.Forbidden])
def test_trying_again_is_useless_after(kind: type[errors.FlipgateError]) -> None:
    assert issubclass(kind, errors.PermanentError)


def test_what_is_the_same_for_a_block_is_said_once() -> None:
    with pytest.raises(errors.Refused) as refused, errors.about("shop", untouched="both sides"):
        raise errors.Refused("nothing waits for this decision", reason=Why.NO_QUESTION)
    assert str(refused.value) == (
        "application shop: nothing waits for this decision. Left untouched: both sides. Next: flipgate status shop"
    )


def test_what_is_more_precise_stays_from_the_inside_out() -> None:
    with (
        pytest.raises(errors.Refused) as refused,
        errors.about("shop", obj="out", untouched="out", next_command="out"),
        errors.about(obj="near", next_command="near"),
    ):
        raise errors.Refused("is so", reason=Why.DRIFTED, obj="own")
    error = refused.value
    assert (error.obj, error.untouched, error.next_command) == ("own", "out", "near")


@pytest.mark.parametrize("kind", [errors.Conflict, errors.NotFound, errors.Interrupted])
def test_after_a_fault_nobody_claims_what_is_untouched(kind: type[errors.FlipgateError]) -> None:
    with pytest.raises(kind) as failed, errors.about("shop", untouched="everything"):
        raise kind("is so")
    error = failed.value
    assert (type(error), error.obj, error.untouched, error.next_command) == (kind, "application shop", "", "")


def test_an_error_is_told_its_context_by_a_decorator_each_time() -> None:
    @errors.about("shop", untouched="the cluster")
    def need_even(number: int) -> int:
        """The number."""
        if number % 2:
            raise errors.Refused(f"{number} is odd", reason=Why.MOVED_ON)
        return number

    assert (need_even(4), need_even.__doc__) == (4, "The number.")
    for odd in (1, 3):
        with pytest.raises(errors.Refused, match=rf"^application shop: {odd} is odd\. Left untouched: the cluster\."):
            need_even(odd)


def test_what_cannot_be_meant_has_changed_nothing() -> None:
    assert str(errors.BadInput("names no image", obj="event build")) == (
        "event build: names no image. Left untouched: everything."
    )


def test_context_survives_pickling_and_other_exceptions_pass_as_they_are() -> None:
    with pytest.raises(errors.LostLease) as lost, errors.about("shop"):
        raise errors.LostLease("was taken over")
    copy = pickle.loads(pickle.dumps(lost.value))
    assert str(copy) == str(lost.value) == "application shop: was taken over. Next: flipgate status shop"
    with pytest.raises(ZeroDivisionError), errors.about("shop"):
        raise ZeroDivisionError
