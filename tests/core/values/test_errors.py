"""What an error says, and that it survives a trip between processes."""

from __future__ import annotations

import pickle

import pytest

from flipgate.core.values import errors


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
