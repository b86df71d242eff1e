"""A whole release on a real cluster under load, step by step, and releases that must not reach or keep users."""

from __future__ import annotations

import re
from typing import Any

import pytest

from flipgate.core.record.conditions import WAY_BACK_READY, condition_of
from flipgate.core.record.phases import QuestionKind
from flipgate.core.values.errors import Refused
from flipgate.core.way_back.facts import agreed
from flipgate.steps.looking.look import look
from flipgate.steps.watching.status import collect
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, SERVING, WORKERS, NewStage, images, lost_none, phases, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def test_release_whole(new_stage: NewStage) -> None:
    stage = new_stage("whole")
    world = stage.world()
    with stage.load() as load:
        dark = runbook.deploy_dark(world, images("2"))
        assert stage.answering() == BLUE
        assert set(stage.replicas(GREEN)) == set(SERVING), "workers stay down on the dark side"
        before_flip = load.snapshot()
        assert set(before_flip.by_side) == {"blue"}

        runbook.approve(world, QuestionKind.FLIP)
        live = runbook.flip_traffic(world)
        assert stage.answering() == GREEN
        assert set(WORKERS) <= set(stage.replicas(GREEN))
        assert set(stage.replicas(BLUE)) == set(SERVING), "the way back stays up, its workers are handed over"
        assert live.first_new_answer_ms is not None
        seen = collect(world)
        assert agreed(seen.observed) is GREEN, seen.observed
        assert [(each.type, each.status) for each in seen.conditions] == [
            ("WayBackReady", "True"),
            ("Drifted", "False"),
            ("LiveSideReady", "True"),
            ("Unwatched", "False"),
        ]
        assert condition_of(stage.record().conditions, WAY_BACK_READY), "judged by the bake at its end"

        settled = runbook.scale_down(world)
        assert stage.replicas(BLUE) == {}
        report = lost_none(load)
    assert report.by_side["green"] > 100
    assert report.transitions[-1][1:] == ("blue", "green")
    assert phases(settled) == [
        "deploying BuildAnnounced",
        "dark ChecksPassed",
        "flipping Approved",
        "baking TrafficProven",
        "live BakePassed",
        "settling SettleApproved",
        "settled OldSideAtRest",
    ]
    record = stage.record()
    assert record.release is None
    assert record.open_entry is None
    assert record.active is GREEN
    assert [release.name for release in world.store.history()] == [dark.name]
    assert stage.images(GREEN) == images("2")


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    # Between two crashes a container runs: which of the two it is at the end of the time is chance.
    [("never-ready", "readiness probe fails"), ("crash", r"CrashLoopBackOff|running again after \d+ restarts")],
)
def test_release_that_does_not_come_up_is_refused_and_users_see_nothing(
    new_stage: NewStage, behaviour: str, cause: str
) -> None:
    stage = new_stage(behaviour, policy={"readyTimeoutSeconds": 15})
    world = stage.world()
    blue = stage.versions(BLUE)
    with stage.load() as load:
        with pytest.raises(Refused) as refused:
            runbook.deploy_dark(world, images(f"2-{behaviour}", "api-all"))
        report = lost_none(load)
    assert refused.value.reason == "NotReadyInTime"
    assert "api-all 0/2" in str(refused.value)
    assert re.search(cause, str(refused.value))
    assert "blue" in refused.value.untouched
    assert set(report.by_side) == {"blue"}
    assert stage.versions(BLUE) == blue
    record = stage.record()
    assert record.release is None
    assert phases(record.last) == ["deploying BuildAnnounced", "failed NotReadyInTime"]
    assert phases(world.store.history()[0]) == phases(record.last)


def healthy_is_enough(document: dict[str, Any]) -> None:
    """Without the check that asks what users ask. The proof keeps its patience: one error in ten breaks a row of good
    answers now and then."""
    document["spec"]["checks"] = [check for check in document["spec"]["checks"] if check["path"] == "/health"]


@pytest.mark.parametrize(
    ("behaviour", "reasons"),
    [
        ("errors-100pct", ["rolling_back TrafficNotProven"]),
        ("errors-10pct", ["baking TrafficProven", "rolling_back BakeFailed"]),
    ],
)
def test_release_that_is_bad_for_users_goes_back_by_itself(
    new_stage: NewStage, behaviour: str, reasons: list[str]
) -> None:
    stage = new_stage(behaviour, policy={"bakeSeconds": 30}, edit=healthy_is_enough)
    world = stage.world()
    runbook.dark_and_approved(world, images(f"2-{behaviour}", "api-all"))
    with stage.load() as load:
        with pytest.raises(Refused) as refused:
            runbook.flip_traffic(world)
        after = load.snapshot().sent
        wait_until("users of blue go on", lambda: load.snapshot().sent > after + 100)
        report = load.stop()
    assert refused.value.reason in ("TrafficNotProven", "BakeFailed")
    assert "traffic" not in refused.value.untouched, "it has gone back: nobody may read that it stays"
    assert set(report.failures_by_kind) == {"status-500"}, "nothing but what the version itself answered"
    assert max(failure.at for failure in report.failures) < (report.last_answer("blue") or 0)
    assert stage.answering() == BLUE
    record = stage.record()
    assert phases(record.release) == [
        "deploying BuildAnnounced",
        "dark ChecksPassed",
        "flipping Approved",
        *reasons,
        "rolled_back TrafficRestored",
    ]
    assert set(stage.replicas(BLUE)) == {*SERVING, *WORKERS}
    assert not set(stage.replicas(GREEN)) & set(WORKERS), "no worker of the bad version is left"
    assert look(world).active is BLUE
    assert phases(world.store.history()[0]) == phases(record.release)
