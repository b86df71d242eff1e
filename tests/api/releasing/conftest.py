"""Prefect, played, for the tests of releases that flows make; and Slack, for those of its buttons."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flipgate.cli import slack as command
from tests.api.clicking import dark_desk, speaking
from tests.api.desk import Desk
from tests.api.played import PlayedPrefect, SuspendedError, prefect_played
from tests.api.shop import Shop
from tests.slack import Slack


@pytest.fixture
def prefect(tmp_path: Path) -> Iterator[PlayedPrefect]:
    with prefect_played(tmp_path / "prefect") as prefect:
        yield prefect


@pytest.fixture
def suspending(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that would be suspended ends there, as its process does."""
    from flows import approval

    def suspend(**_: Any) -> None:
        raise SuspendedError

    monkeypatch.setattr(approval, "suspend_flow_run", suspend)


@pytest.fixture
def slack() -> Iterator[Slack]:
    with speaking() as slack:
        yield slack


@pytest.fixture
def desk(shop_on_paper: Shop, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A release that is dark, where Slack's buttons may be clicked."""
    monkeypatch.setattr(command, "SWEEP_SECONDS", 0.05)
    return dark_desk(shop_on_paper)
