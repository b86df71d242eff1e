"""A gate before the flip, on logs that a kubelet has, and what becomes of the run that would have asked a person."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.watching.points import gates_before
from lab.control.pipelines import Pipelines
from tests.lab import runbook
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import BLUE, NewStage, Stage, images, wait_until
from tests.lab.stories.test_gates import behave

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

LIMIT = 10
LINES: dict[str, Any] = {"name": "error-lines", "logs": {"pattern": "level=error", "max": LIMIT}, "at": "flip"}


def error_lines(document: dict[str, Any]) -> None:
    """The checks ask for what never fails, so that none of the lines is theirs."""
    spec = document["spec"]
    spec["checks"] = [check for check in spec["checks"] if check["path"] == "/health"]
    spec["gates"] = [LINES]


def fail(stage: Stage, times: int) -> None:
    """So many requests to green's api end with a 500, each with a line in a pod's log."""
    cluster, green = Cluster.connect(stage.lab.kubeconfig), stage.place.green

    def failed() -> bool:
        return cluster.through_service(green, "api-service", 8080, "/api/venues", timeout=10).status == 500

    for _ in range(times):
        wait_until("a request to green that fails", failed)


def written(stage: Stage) -> int:
    """The lines of errors that the kubelet has of green's api."""
    return stage.kubectl("-n", stage.place.green, "logs", "-l", "app=api-all", "--tail=-1").count("level=error")


def test_eleven_error_lines_in_the_hour_before_the_flip_and_nobody_is_asked(
    new_stage: NewStage, prefect_server: Pipelines
) -> None:
    prefect = PrefectApi(prefect_server)
    stage = new_stage("error-lines", edit=error_lines)
    world = stage.world()
    release = runbook.deploy_dark(world, images("2", "api-all"))
    behave(stage, "errors-100pct")
    fail(stage, LIMIT)
    wait_until("the kubelet to have ten lines", lambda: written(stage) == LIMIT)
    (found,) = gates_before(world, QuestionKind.FLIP)
    assert (found.verdict, found.answer.partition(" ")[0]) == (Verdict.PASS, "10"), found

    fail(stage, 1)
    wait_until("the kubelet to have eleven", lambda: written(stage) == LIMIT + 1)
    run = prefect.start("flip-traffic", {"application": stage.application, "release": release.name})
    prefect.wait(run, "COMPLETED")
    state = prefect.flow_run(run)["state"]
    assert state["name"] == "Held", state
    assert f"error-lines: fail: 11 in {stage.place.green}'s pods since " in state["message"], state
    record = stage.record()
    assert (record.phase, record.question) == (Phase.DARK, None)
    assert record.release
    assert record.release.stopped
    assert record.release.stopped.reason == "GatesNotPassed"
    assert stage.answering() == BLUE
