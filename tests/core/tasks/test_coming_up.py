"""Pods that are waited for, in Prefect's UI: one bar and one table for the whole wait, and few requests."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from tests.core.builders import release

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds
HALF, ALL = {"web": (1, 2)}, {"web": (2, 2)}


def joined() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("artifact "):
            thread.join(5)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What Prefect was told, in its order."""
    from tasks import artifacts

    told: list[tuple[Any, ...]] = []

    def create_bar(progress: float, key: str, description: str) -> str:
        told.append((key, progress, description))
        return "bar"

    def create_table(table: list[dict[str, object]], key: str, description: str) -> str:
        told.append((key, table))
        return "table"

    def update(artifact_id: str, artifact: Any) -> None:
        told.append((artifact_id, artifact.data))

    monkeypatch.setattr(artifacts, "create_progress_artifact", create_bar)
    monkeypatch.setattr(artifacts, "create_table_artifact", create_table)
    monkeypatch.setattr(
        artifacts, "update_progress_artifact", lambda bar, **facts: told.append((bar, facts["progress"]))
    )
    monkeypatch.setattr(artifacts, "get_client", lambda **_: SimpleNamespace(update_artifact=update))
    return told


def test_one_bar_and_one_table_are_changed_in_place_and_the_last_place_is_shown(shown: list[tuple[Any, ...]]) -> None:
    from tasks import artifacts

    world: Any = SimpleNamespace(application=SimpleNamespace(name="shop"), say=print)
    with artifacts.showing_pods(world, release()) as coming:
        coming("1 of 2 pods Ready", HALF)
        while len(shown) < 2:
            threading.Event().wait(0.01)
        for _ in range(500):  # pods that come and go
            coming("2 of 2 pods Ready", ALL)
            coming("1 of 2 pods Ready", HALF)
        coming("2 of 2 pods Ready", ALL)
    joined()
    row = {"service": "web", "Ready": 1, "wanted": 2, "image": "acme/web:2"}
    assert shown == [
        ("shop-progress", 50.0, "3f2a9c01d4e8-1 coming up on green: 1 of 2 pods Ready"),
        ("shop-pods", [row]),
        ("bar", 100.0),
        ("table", '[{"service": "web", "Ready": 2, "wanted": 2, "image": "acme/web:2"}]'),
    ]


def test_a_prefect_that_is_away_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import artifacts

    said: list[str] = []
    world: Any = SimpleNamespace(application=SimpleNamespace(name="shop"), say=said.append)
    monkeypatch.setattr(artifacts, "create_progress_artifact", lambda **_: 1 / 0)
    with artifacts.showing_pods(world, release()) as coming:
        coming("1 of 2 pods Ready", HALF)
    joined()
    assert said == ["no artifact shop-progress: ZeroDivisionError"]
