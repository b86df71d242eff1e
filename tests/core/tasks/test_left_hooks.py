"""The run that goes on with hooks which follow the end of a release, where a death has left some."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flipgate.adapters import runs
from flipgate.core.record.going_on import CANCELLED, COMPLETED, CRASHED, FAILED, Run
from tests.core.builders import release

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds


def test_another_one_is_started_while_they_are_left_though_the_one_before_completed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tasks import steps

    given: dict[str, Any] = {}

    def start(_pipeline: str, _parameters: object, **more: Any) -> Run:
        given.update(more)
        return Run("1", "run", "")

    monkeypatch.setattr(runs, "start", start)
    steps.go_on_after.fn(SimpleNamespace(application=SimpleNamespace(name="shop")), release(), "default")
    ended = {state: given["acts"](Run("1", "run", "", state)) for state in (COMPLETED, FAILED, CRASHED, CANCELLED)}
    assert not any(ended.values()), ended
    assert given["acts"](Run("1", "run", "", "RUNNING"))
