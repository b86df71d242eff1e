"""Waiting for a run: it goes on while Prefect's server begins anew."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from flipgate.adapters.runs import Ended
from flipgate.cli._runs import ASKED_SECONDS, AWAY_SECONDS, wait_for_question, wait_for_run
from flipgate.core.record.going_on import Run
from flipgate.core.record.record import Record
from flipgate.core.record.release import Stopped
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused, Unreachable
from flipgate.core.values.reasons import Why
from tests.core.builders import DARK, LIVE, approval, at, question, record, release

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


IMAGES = release().images
HELD = Stopped(pipeline="flip-traffic", reason="GatesNotPassed", fact="ratio: unknown: no number", at=at(20))
BEFORE = Stopped(pipeline="flip-traffic", reason="SideChanged", fact="web is acme/web:9", at=at(10))
DARK_BEFORE = record(release=release(*DARK, stopped=BEFORE))
SILENT = Unreachable("the API server did not answer")


def asked_after(seconds: float, *then: Record | Unreachable) -> tuple[Any, Callable[[], float]]:
    """A world whose release is dark, and not asked about before this time; and its clock."""
    clock, reads = [0.0], iter(then)

    def read() -> Record:
        found = DARK_BEFORE if clock[0] < seconds else next(reads)
        if isinstance(found, Unreachable):
            raise found
        return found

    world = SimpleNamespace(
        application=SimpleNamespace(name="shop"),
        store=SimpleNamespace(read=read),
        monotonic=lambda: clock[0],
        now=lambda: at(30 + clock[0]),
        sleep=lambda s: clock.__setitem__(0, clock[0] + s),
    )
    return world, lambda: clock[0]


def asked(**more: Any) -> Record:
    return record(release=release(*DARK, stopped=BEFORE), question=question(expires_at=at(600)), **more)


@pytest.mark.parametrize(
    ("seconds", "then", "waits", "told"),
    [
        (12, [asked()], 12, "asked: "),
        (3, [SILENT, asked()], 4, "asked: "),
        (0, [asked(approval=approval())], 0, ""),
        (9, [record(release=release(*DARK, stopped=HELD))], 9, "nobody is asked (GatesNotPassed): ratio: unknown"),
        (0, [record(release=release(*LIVE))], 0, ""),
        (0, [but(asked(), release=release(*DARK, images={"web": "acme/web:1"}))], 0, ""),
        (1_000, [], ASKED_SECONDS, "nobody is asked yet. Next: flipgate status shop"),
    ],
    ids=["asked", "a fault", "decided", "stopped", "goes on by itself", "another build's", "no worker"],
)
def test_who_waits_for_a_dark_side_can_decide_when_the_wait_is_over(
    seconds: float, then: list[Record], waits: float, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`flipgate approve` right after `deploy --wait` was refused: nobody was asked yet. What stopped the run before the
    deploy says nothing of this one."""
    world, clock = asked_after(seconds, *then)
    wait_for_question(world, IMAGES, DARK_BEFORE, 900)
    said = capsys.readouterr().err
    assert clock() == waits
    assert said.startswith(told)
    assert bool(said) is bool(told)


def test_it_waits_no_longer_than_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    world, clock = asked_after(1_000)
    wait_for_question(world, IMAGES, DARK_BEFORE, 10)
    assert clock() == 10
    assert "nobody is asked yet" in capsys.readouterr().err
