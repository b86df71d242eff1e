"""What is kept of a release that failed, in Prefect: under a name that is known before, and in nobody's way."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from tests.core.builders import release

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds
REFUSED = Refused("not Ready within 1 s: web 1/2", reason=Why.NOT_READY_IN_TIME)


@pytest.fixture
def artifacts(monkeypatch: pytest.MonkeyPatch) -> Any:
    from tasks import artifacts

    monkeypatch.setattr(artifacts, "what_failed", lambda *_: "## it failed")
    monkeypatch.setattr(artifacts.runs, "artifact_url", lambda key: f"http://prefect.example/artifacts/key/{key}")
    return artifacts


@pytest.fixture
def world() -> Any:
    said: list[str] = []
    return SimpleNamespace(application=SimpleNamespace(name="shop"), say=said.append, said=said)


def test_it_is_kept_by_the_releases_name_and_the_sentence_says_where(
    world: Any, artifacts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, str] = {}
    monkeypatch.setattr(artifacts, "create_markdown_artifact", lambda markdown, key, **_: kept.update({key: markdown}))
    key = "shop-3f2a9c01d4e8-1-failed"
    assert artifacts.keep_failure(world, release(), REFUSED) == (
        f"What its pods said: http://prefect.example/artifacts/key/{key}"
    )
    assert kept == {key: "## it failed"}

    monkeypatch.setattr(artifacts.runs, "artifact_url", lambda _: "")
    assert artifacts.keep_failure(world, release(), REFUSED) == f"What its pods said: artifact {key} of the run"
    monkeypatch.setattr(artifacts, "what_failed", lambda *_: "")
    assert artifacts.keep_failure(world, release(), REFUSED) == "", "nothing to keep"


def test_whatever_is_wrong_with_it_the_release_is_ended(
    world: Any, artifacts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts, "what_failed", lambda *_: 1 / 0)
    assert artifacts.keep_failure(world, release(), REFUSED) == ""
    assert world.said == ["what failed is not kept: ZeroDivisionError"]

    over = threading.Event()
    monkeypatch.setattr(artifacts, "KEEP_SECONDS", 0.05)
    monkeypatch.setattr(artifacts, "what_failed", lambda *_: "## it failed")
    monkeypatch.setattr(artifacts, "create_markdown_artifact", lambda **_: over.wait(5))
    assert artifacts.keep_failure(world, release(), REFUSED), "a Prefect that does not answer"
    over.set()


def test_no_link_where_prefect_did_not_take_it(world: Any, artifacts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "create_markdown_artifact", lambda **_: 1 / 0)
    assert artifacts.keep_failure(world, release(), REFUSED) == ""
    assert world.said == ["no artifact shop-3f2a9c01d4e8-1-failed: ZeroDivisionError"]
