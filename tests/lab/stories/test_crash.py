"""A rollback that was typed is killed, and typed again: it is joined. All other crashes: tests/faults/walk.py."""

from __future__ import annotations

import signal

import pytest

from flipgate.core.record.intents import MOVE_ROUTES
from flipgate.core.record.phases import Phase
from flipgate.core.values.sides import Side
from tests import dying
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, SERVING, WORKERS, NewStage, images, lost_none

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


@pytest.mark.parametrize(("edge", "side"), [("begun", GREEN), ("done", BLUE)])
def test_killed_rollback_is_joined_by_the_next(new_stage: NewStage, edge: str, side: Side) -> None:
    stage = new_stage(f"crash-back-{edge}", policy={"soakSeconds": 3600})
    world = stage.world()
    runbook.go_live(world, images("2", "api-all"))
    words = ["rollback", stage.application, "--reason", "orders fail"]
    with stage.load() as load:
        stage.typed(*words, env=dying.at(MOVE_ROUTES, edge), code=-signal.SIGKILL)
        record = stage.record()
        assert record.phase is Phase.ROLLING_BACK
        assert record.both_protected
        stage.wait_for_users_on(side)

        stage.typed(*words)
        assert stage.answering() == BLUE
        lost_none(load)
    record = stage.record()
    assert record.phase is Phase.ROLLED_BACK
    assert record.open_entry is None
    assert record.active is BLUE
    assert set(stage.replicas(BLUE)) == {*SERVING, *WORKERS}
