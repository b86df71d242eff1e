"""A question answered from the command line: the decision first, and then the doorbell of the run that waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from flipgate.adapters import runs
from flipgate.core.record import approvals
from flipgate.core.record.record import Approval, Decision
from flipgate.core.values.base import but
from flipgate.steps.releasing import doorbell
from tests.api.desk import DARK, Desk, question, release
from tests.api.shop import Shop


@pytest.fixture
def desk(shop_on_paper: Shop, tmp_path: Path) -> Desk:
    """Before a question that a run has asked, and may wait for."""
    desk = Desk(shop_on_paper, tmp_path)
    asked = question(flow_run=str(uuid4()))
    desk.store.update(lambda record: but(record, release=release(*DARK), question=asked))
    return desk


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Prefect's doorbell: each ring is heard or not, in this order; what was rung is kept."""
    monkeypatch.setattr(doorbell, "RING_EVERY_SECONDS", 0.01)

    def play(*heard: bool) -> list[str]:
        answers, rung = list(heard), list[str]()

        def ring(_run: str, decision: str, _reason: str, _name: str) -> bool:
            rung.append(decision)
            return answers.pop(0) if len(answers) > 1 else answers[0]

        monkeypatch.setattr(runs, "ring", ring)
        return rung

    return play


def decided(desk: Desk, verb: str) -> dict[str, Any]:
    """What `flipgate approve` or `reject` prints as data."""
    return desk.data(verb, desk.name, "--reason", "as agreed")


def recorded(desk: Desk) -> Approval:
    approval = desk.store.read().approval
    assert approval is not None
    return approval


def test_a_run_on_its_way_to_sleep_is_rung_until_it_hears_and_reject_revokes_a_yes(
    desk: Desk, bell: Callable[..., list[str]]
) -> None:
    rung = bell(False, False, True)
    answer = decided(desk, "approve")
    assert (answer["rung"], answer["note"], rung) == (True, "", ["approve"] * 3)

    decided(desk, "reject")
    assert recorded(desk).decision is Decision.REJECT


def test_a_run_that_never_sleeps_is_a_note(
    desk: Desk, bell: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorbell, "RING_SECONDS", 0.05)
    rung = bell(False)
    answer = decided(desk, "approve")

    assert len(rung) > 1
    assert not answer["rung"]
    assert "was not waiting any more" in answer["note"]
    assert recorded(desk).decision is Decision.APPROVE


def test_a_run_that_has_acted_on_the_decision_is_not_rung_again(
    desk: Desk, bell: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bell(False)
    ringing = runs.ring

    def ring_and_act(*said: str) -> bool:
        desk.store.update(approvals.withdraw)
        return ringing(*said)

    monkeypatch.setattr(runs, "ring", ring_and_act)
    began = time.monotonic()
    assert "has acted already" in decided(desk, "approve")["note"]
    assert time.monotonic() - began < doorbell.RING_SECONDS
