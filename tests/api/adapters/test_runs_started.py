"""A run that is started through a Prefect server whose answer is lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.adapters import runs
from tests.api.played import PlayedPrefect, prefect_played
from tests.api.wire import Answer, Handler

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds


@pytest.fixture
def prefect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PlayedPrefect]:
    """Does what it is asked, and the first answer to who starts a run is lost on its way."""
    answer, lost = PlayedPrefect.__call__, []

    def played(self: PlayedPrefect, request: Handler) -> Answer:
        given = answer(self, request)
        if request.path.endswith("/create_flow_run") and not lost:
            lost.append(given)
            return 502, b""
        return given

    monkeypatch.setattr(PlayedPrefect, "__call__", played)
    monkeypatch.setattr("prefect.client.base.time.sleep", lambda _: None)
    with prefect_played(tmp_path / "prefect") as prefect:
        yield prefect


def test_a_run_that_somebody_types_is_started_once_where_prefect_s_answer_is_lost(prefect: PlayedPrefect) -> None:
    """Prefect's client sends it again: two flips of one release would each ask a person."""
    first = runs.start("flip-traffic", {"application": "shop", "release": "one"})
    assert [run["id"] for run in prefect.of("flip-traffic")] == [first.id]

    assert runs.start("flip-traffic", {"application": "shop", "release": "one"}).id != first.id, "typed once more"
