"""`kill -9` right before and right after a change to the world: the next run finds the entry, looks, and goes on."""

from __future__ import annotations

import signal

import pytest

from flipgate.core.record.intents import MOVE_ROUTES, REST_SIDE
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import EntryState
from flipgate.core.values.sides import Side
from flipgate.steps.going_back.recover import recover
from tests import dying
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, SERVING, WORKERS, NewStage, Stage, images, lost_none

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


def need_interrupted(stage: Stage, side: Side) -> None:
    """The entry is open, neither side is dark, and users are on one side all the same."""
    record = stage.record()
    assert record.open_entry is not None
    assert record.open_entry.step == MOVE_ROUTES
    assert record.phase is Phase.FLIPPING
    assert record.both_protected
    stage.wait_for_users_on(side)


def test_killed_before_the_patch_is_undone_and_asked_again(new_stage: NewStage) -> None:
    stage = new_stage("crash-begun")
    world = stage.world()
    runbook.dark_and_approved(world, images("2", "api-all", "venue-football-ncaa"))
    with stage.load() as load:
        stage.die_at("flip", MOVE_ROUTES, "begun")
        need_interrupted(stage, BLUE)

        outcome = recover(world)
        assert outcome.changed
        assert outcome.pipeline == "flip-traffic"
        record = stage.record()
        assert record.open_entry is None
        assert record.phase is Phase.DARK
        assert next(e for e in record.journal if e.step == MOVE_ROUTES).state is EntryState.UNDONE
        assert record.approval is None, "an approval is spent by the move it allowed, even by one that was undone"
        assert stage.answering() == BLUE
        assert not recover(world).changed, "recovering twice is fine"

        runbook.approve(world, QuestionKind.FLIP)
        runbook.flip_traffic(world)
        runbook.scale_down(world)
        lost_none(load)
    assert stage.record().phase is Phase.SETTLED
    assert stage.answering() == GREEN
    assert stage.replicas(BLUE) == {}


def test_killed_after_the_patch_is_kept_and_goes_on_without_a_new_question(new_stage: NewStage) -> None:
    stage = new_stage("crash-done")
    world = stage.world()
    runbook.dark_and_approved(world, images("2", "api-all", "venue-football-ncaa"))
    with stage.load() as load:
        stage.die_at("flip", MOVE_ROUTES, "done")
        need_interrupted(stage, GREEN)

        outcome = recover(world)
        assert outcome.changed
        assert outcome.pipeline == "flip-traffic"
        record = stage.record()
        assert record.open_entry is None
        assert record.phase is Phase.FLIPPING
        assert record.active is GREEN
        assert next(e for e in record.journal if e.step == MOVE_ROUTES).state is EntryState.DONE

        runbook.flip_traffic(world)
        assert stage.record().phase is Phase.LIVE
        runbook.scale_down(world)
        report = lost_none(load)
    assert [(old, new) for _, old, new in report.transitions if old][-1] == ("blue", "green")
    assert stage.record().phase is Phase.SETTLED
    assert stage.replicas(BLUE) == {}


def test_killed_before_the_old_side_goes_to_rest_goes_on(new_stage: NewStage) -> None:
    stage = new_stage("crash-rest")
    world = stage.world()
    runbook.go_live(world, images("2", "api-all"))
    with stage.load() as load:
        stage.die_at("scale-down", REST_SIDE, "begun")
        assert stage.record().phase is Phase.SETTLING

        assert recover(world).pipeline == "scale-down"
        runbook.settle_on(world)
        report = lost_none(load)
    assert set(report.by_side) == {"green"}
    assert stage.record().phase is Phase.SETTLED
    assert stage.replicas(BLUE) == {}


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
