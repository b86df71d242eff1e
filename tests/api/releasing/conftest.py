"""Prefect, played, for the tests of releases that flows make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.played import PlayedPrefect, SuspendedError, prefect_played


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
