"""What a run shows in Prefect's UI: beside what goes on, and never in its way."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from flipgate.core.values.verdicts import Evidence, Verdict

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

EVIDENCE = [
    Evidence("errors", Verdict.PASS, "a|b", "Traefik", "0 of 9", "at most 1.0%"),
    Evidence("in flight on blue", Verdict.INFO, "busy", "Prometheus", "3", ""),
]


@pytest.fixture
def artifacts() -> Any:
    """Imports Prefect, so not before a test asks for it."""
    from tasks import artifacts

    return artifacts


@pytest.fixture
def world() -> Any:
    said: list[str] = []
    return SimpleNamespace(application=SimpleNamespace(name="shop"), say=said.append, said=said)


def joined() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("artifact "):
            thread.join(5)


def test_a_prefect_that_does_not_answer_holds_up_nobody_and_is_said(
    world: Any, artifacts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def away(**_: str) -> None:
        over.wait(5)
        raise ConnectionError("Prefect is away")

    monkeypatch.setattr(artifacts, "create_markdown_artifact", away)
    artifacts.show_evidence(world, "watched", EVIDENCE)
    artifacts.show_graphs(world, "watched", lambda: ["![ratio](data:...)"])
    assert world.said == [], "both are under way"
    over.set()
    joined()
    assert sorted(world.said) == [
        "no artifact shop-bake: ConnectionError",
        "no artifact shop-evidence: ConnectionError",
    ]


def test_a_bar_moves_to_the_newest_place_and_a_prefect_that_is_away_holds_up_nobody(
    world: Any, artifacts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[float, str]] = []
    asked, go_on = threading.Event(), threading.Event()

    def create(progress: float, key: str, description: str) -> str:
        shown.append((progress, f"{key}: {description}"))
        asked.set()
        go_on.wait(5)
        return "id"

    def update(_id: str, progress: float, description: str) -> None:
        shown.append((progress, description))

    monkeypatch.setattr(artifacts, "create_progress_artifact", create)
    monkeypatch.setattr(artifacts, "update_progress_artifact", update)
    with artifacts.showing_progress(world, "watched") as moved:
        moved(0, "begun")
        asked.wait(5)
        moved(40, "more")
        moved(80, "last")
    go_on.set()
    joined()
    assert shown == [(0, "shop-progress: watched: begun"), (80, "watched: last")]

    monkeypatch.setattr(artifacts, "create_progress_artifact", lambda **_: 1 / 0)
    with artifacts.showing_progress(world, "watched") as moved:
        moved(0, "begun")
    joined()
    assert world.said == ["no artifact shop-progress: ZeroDivisionError"]


def test_what_is_shown(world: Any, artifacts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[str, str] = {}
    monkeypatch.setattr(
        artifacts, "create_markdown_artifact", lambda markdown, key, description: shown.update({key: markdown})
    )
    artifacts.show_evidence(world, "watched", EVIDENCE)
    artifacts.show_graphs(world, "watched", list)
    joined()
    assert set(shown) == {"shop-evidence"}, "no picture, no artifact"
    assert "| errors | **pass** | a\\|b | Traefik | 0 of 9 | at most 1.0% |" in shown["shop-evidence"]


def test_checks_are_a_table_of_data_and_a_prefect_that_is_away_is_said(
    world: Any, artifacts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[dict[str, Any]] = []
    monkeypatch.setattr(artifacts, "create_table_artifact", lambda **given: made.append(given))
    bad = Evidence("suite", Verdict.FAIL, "npm run", "green", "exit code 1", "exit code 0", "long text", 3.5)
    artifacts.show_checks(world, "checks of r-1", [bad])
    joined()
    row = {"check": "suite", "verdict": "fail", "seconds": 3.5, "asked": "npm run", "of whom": "green"}
    row |= {"found": "exit code 1", "wanted": "exit code 0"}
    assert made == [{"table": [row], "key": "shop-checks", "description": "checks of r-1"}]
    monkeypatch.setattr(artifacts, "create_table_artifact", lambda **_: 1 / 0)
    artifacts.show_checks(world, "checks", [bad])
    joined()
    assert world.said == ["no artifact shop-checks: ZeroDivisionError"]
