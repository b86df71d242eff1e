"""Waiting for a run: it goes on while Prefect's server begins anew."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flipgate.adapters.runs import Ended
from flipgate.cli._runs import AWAY_SECONDS, wait_for_run
from flipgate.core.record.going_on import Run
from flipgate.core.values.errors import Refused, Unreachable
from flipgate.core.values.reasons import Why

RUN = Run("run-1", "deploy dark shop", "")
WORLD: Any = SimpleNamespace(
    application=SimpleNamespace(name="shop"),
    store=SimpleNamespace(read=lambda: SimpleNamespace(release=None)),
    monotonic=lambda: 0.0,
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Each wait takes the time that it asks for, and no other."""
    clock = [0.0]
    monkeypatch.setattr(
        "flipgate.cli._runs.time",
        SimpleNamespace(monotonic=lambda: clock[0], sleep=lambda s: clock.__setitem__(0, clock[0] + s)),
    )
    return clock


@pytest.mark.parametrize("away", [20.0, AWAY_SECONDS])
def test_a_run_is_waited_for_though_prefect_begins_anew(
    away: float, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(_: str) -> Ended | None:
        if 10 <= clock[0] < 10 + away or 100 <= clock[0] < 100 + away:
            raise Unreachable("Prefect did not answer as expected: ConnectError")
        return Ended(True, "dark") if clock[0] >= 200 else None

    monkeypatch.setattr("flipgate.adapters.runs.ended", ended)
    wait_for_run(RUN, WORLD, 600)
    assert clock[0] >= 200


def test_who_waits_for_a_run_is_told_once_prefect_stays_away(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(_: str) -> Ended | None:
        raise Unreachable("Prefect did not answer as expected: ConnectError")

    monkeypatch.setattr("flipgate.adapters.runs.ended", ended)
    with pytest.raises(Unreachable):
        wait_for_run(RUN, WORLD, 600)
    assert AWAY_SECONDS < clock[0] < AWAY_SECONDS + 5


SUSPENDED = Refused(
    "Kustomization flux-system/green is suspended",
    obj="release r-1 on green",
    reason=Why.NOT_APPLIED,
    untouched="the repository",
    next_command="flux -n flux-system resume kustomization green, then the same build again",
)


@pytest.mark.parametrize(
    ("message", "then"),
    [
        (f"Flow run encountered an exception: Refused: {SUSPENDED}", SUSPENDED.next_command),
        ("the worker was lost", "flipgate status shop"),
    ],
    ids=["says it", "says nothing"],
)
def test_a_run_that_failed_says_one_next_command(message: str, then: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flipgate.adapters.runs.ended", lambda _: Ended(False, message))
    with pytest.raises(Refused) as failed:
        wait_for_run(RUN, WORLD, 600)
    assert failed.value.next_command == then
    assert str(failed.value).count("Next: ") == 1
