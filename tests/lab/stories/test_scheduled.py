"""What Prefect's own scheduler starts. Nobody starts reconcile here: where the server makes no scheduled runs, nothing
expires, is repaired or put to rest, and nothing but the server's log says so."""

from __future__ import annotations

from datetime import datetime

import pytest

from flipgate.core.record.conditions import condition_of
from flipgate.core.way_back.unwatched import UNWATCHED
from flipgate.steps.watching.status import collect
from lab.control import pipelines
from lab.control.pipelines import Pipelines
from lab.control.records import Lab
from lab.machine.errors import LabError
from tests.lab import runbook
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import GREEN, SERVING, NewStage, images, phases, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

SCHEDULER_SECONDS = 180
"""Prefect looks at new deployments every five seconds, and at all of them each minute."""


def test_a_run_that_the_server_schedules_ends_a_question_and_rests_its_side(
    new_stage: NewStage, prefect_server: Pipelines
) -> None:
    prefect = PrefectApi(prefect_server)
    stage = new_stage("scheduled", policy={"approvalExpiresSeconds": 1, "keepFailedSeconds": 0})
    world = stage.world()
    release = runbook.deploy_dark(world, images("2", "api-all"))
    asking = prefect.start("flip-traffic", {"application": stage.application, "release": release.name})
    prefect.wait(asking, "PAUSED")
    assert set(stage.replicas(GREEN)) == set(SERVING)
    assert world.store.reconciled() is None

    with prefect.on_schedule("reconcile", stage.application, in_seconds=20):
        made = wait_until(
            "a run that the server scheduled",
            lambda: prefect.scheduled_runs("reconcile", stage.application),
            SCHEDULER_SECONDS,
        )
        run = made[0]["id"]
        prefect.wait(run, "COMPLETED")
        ran = prefect.flow_run(run)

    prefect.wait(asking, "COMPLETED")  # it was rung, and had nothing to do any more
    assert ran["auto_scheduled"] is True
    assert ran["created_by"]["type"] == "SCHEDULE"
    assert ran["idempotency_key"].startswith("scheduled "), "nobody else made it"
    record = stage.record()
    assert phases(record.last) == ["deploying BuildAnnounced", "dark ChecksPassed", "expired ApprovalExpired"]
    assert record.release is None
    assert record.question is None
    assert stage.replicas(GREEN) == {}, "kept for no time, and put to rest"
    noted = world.store.reconciled()
    assert noted is not None
    assert noted.succeeded > datetime.fromisoformat(ran["start_time"])
    watched = condition_of(collect(world).conditions, UNWATCHED)
    assert watched is not None
    assert (watched.status, watched.reason) == ("False", "Reconciled")


def test_a_server_that_schedules_nothing_is_no_lab(prefect_server: Pipelines, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' own server, where reconcile is paused: nothing is scheduled there, as by a scheduler that fails."""
    monkeypatch.setattr(pipelines, "SCHEDULER_PATIENCE", 1.0)
    with pytest.raises(LabError, match=r"scheduled no run of reconcile within 1 s: see .*prefect-server\.log"):
        prefect_server.need_scheduler()


def test_a_server_of_other_packages_than_are_locked_is_replaced(lab: Lab, prefect_server: Pipelines) -> None:
    assert pipelines.find_server(lab) == prefect_server
    noted = lab.dir / "prefect" / "lab-locked"
    locked = noted.read_text()
    try:
        noted.write_text("another uv.lock")
        assert pipelines.find_server(lab) is None
    finally:
        noted.write_text(locked)
