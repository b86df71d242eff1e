"""The pipelines as Prefect runs: started by an event, from the UI and by each other, approved, refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import pytest

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Record
from lab.control.pipelines import Pipelines
from tests.lab import runbook
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import BLUE, GREEN, NewStage, Stage, images, lost_none, phases, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

YES = {"decision": "approve", "reason": "the checks are green", "name": "ana"}


@pytest.fixture
def prefect(prefect_server: Pipelines) -> PrefectApi:
    return PrefectApi(prefect_server)


def wait_for_record(stage: Stage, what: str, condition: Callable[[Record], object]) -> Record:
    """The record, once it is so."""

    def look() -> Record | None:
        record = stage.record()
        return record if condition(record) else None

    found: Record = wait_until(what, look, 200)
    return found


def wait_for_question(stage: Stage, prefect: PrefectApi, kind: QuestionKind) -> str:
    """The run that waits for a person, once its question stands in the record and the run is suspended."""
    asked = wait_for_record(stage, f"the {kind} question", lambda r: r.question and r.question.kind is kind)
    assert asked.question is not None
    prefect.wait(asked.question.flow_run, "PAUSED")
    return asked.question.flow_run


def decide_by_cli(stage: Stage, server: Pipelines, verb: str) -> None:
    """A decision from the command line: into the record, then the doorbell."""
    _, err = stage.typed(verb, stage.application, "--reason", "soaked well", env=server.env())
    assert "note:" not in err, err


def test_event_to_settled_with_two_approvals(
    new_stage: NewStage, prefect: PrefectApi, prefect_server: Pipelines
) -> None:
    stage = new_stage("event")
    event = prefect.build_completed(stage.application, images("2", "api-all", "contest-football-ncaa"))
    with stage.load() as load:
        prefect.emit(event)
        prefect.emit(event)
        flip = wait_for_question(stage, prefect, QuestionKind.FLIP)
        record = stage.record()
        assert record.phase is Phase.DARK
        assert record.question is not None
        assert record.question.url.endswith(flip)
        assert record.question.look_first[0].startswith(f"kubectl -n {stage.place.green} port-forward service/")
        judged = {each.gate: each.verdict for each in record.question.evidence if each.verdict != "info"}
        assert set(judged.values()) == {"pass"}
        checks = {check.name for check in stage.world().application.spec.checks}
        assert len(checks) == 13
        assert judged.keys() > checks, "no other route, and what was asked before the first pod"
        assert len(prefect.runs("deploy-dark", stage.application)) == 1

        prefect.emit({**event, "id": str(uuid4())})
        again = wait_until("another run for the same build", lambda: prefect.runs("deploy-dark", stage.application)[1:])
        prefect.wait(again[0]["id"], "COMPLETED")
        assert stage.record().question == record.question
        assert len(prefect.runs("flip-traffic", stage.application)) == 1

        wrong = ({**YES, "decision": each} for each in ("perhaps", "expired"))
        for form in (None, {}, {"decision": "approve"}, *wrong):
            assert prefect.resume(flip, form) == "REJECT", form
            assert prefect.state(flip) == "PAUSED"
        assert stage.record().approval is None
        assert stage.answering() == BLUE

        assert prefect.resume(flip, YES) == "ACCEPT"
        prefect.wait(flip, "COMPLETED")
        assert stage.answering() == GREEN
        live = stage.record().release
        assert live is not None
        assert (live.phase, live.settle_after is not None) == (Phase.LIVE, True)
        (planned,) = prefect.runs("scale-down", stage.application)
        assert datetime.fromisoformat(planned["expected_start_time"]) == live.settle_after, "after the soak"

        down = wait_for_question(stage, prefect, QuestionKind.SCALE_DOWN)
        assert down == prefect.wait_for_run("scale-down", stage.application)
        decide_by_cli(stage, prefect_server, "approve")
        prefect.wait(down, "COMPLETED")
        lost_none(load)
    record = stage.record()
    assert record.release is None
    assert phases(record.last)[-3:] == ["live BakePassed", "settling SettleApproved", "settled OldSideAtRest"]
    assert stage.replicas(BLUE) == {}
    assert len(stage.world().store.history()) == 1
    for pipeline in ("flip-traffic", "scale-down"):
        assert len(prefect.runs(pipeline, stage.application)) == 1, pipeline


def test_an_event_that_cannot_be_read_starts_nothing_and_people_hear(new_stage: NewStage, prefect: PrefectApi) -> None:
    stage = new_stage("misread")
    event = prefect.build_completed(stage.application, images("2"))
    event["payload"]["images"] = list(event["payload"]["images"].values())
    prefect.emit(event)
    refused = wait_until("the record to name the event", lambda: stage.record().refused_build)
    assert "has a list for images" in refused.fact
    assert prefect.runs("deploy-dark", stage.application) == []


def test_started_from_the_ui_bad_or_rejected_users_see_nothing(new_stage: NewStage, prefect: PrefectApi) -> None:
    stage = new_stage("ui", policy={"readyTimeoutSeconds": 8})
    blue = stage.versions(BLUE)
    parameters = {"application": stage.application, "images": images("2-never-ready", "api-all")}
    with stage.load() as load:
        bad = prefect.start("deploy-dark", parameters)
        prefect.wait(bad, "FAILED")
        prefect.wait_for_log(bad, "not Ready within 8 s: api-all 0/2")
        failed = stage.record().last
        assert phases(failed) == ["deploying BuildAnnounced", "failed NotReadyInTime"]
        assert prefect.runs("flip-traffic", stage.application) == []

        stage.apply(policy={"readyTimeoutSeconds": 600})
        deploy = prefect.start("deploy-dark", {**parameters, "images": images("2", "api-all")})
        flip = wait_for_question(stage, prefect, QuestionKind.FLIP)
        prefect.wait(deploy, "COMPLETED")
        key = f"{stage.application}-question"
        whole = wait_until("the question with both sides", lambda: prefect.artifact(key))  # the run's process ends
        assert "### Both sides" in whole
        assert f"{stage.place.blue} -&gt; {stage.place.green}" in whole, "the routes' fields"
        assert prefect.resume(flip, {**YES, "decision": "reject", "reason": "not on a Friday"}) == "ACCEPT"
        prefect.wait(flip, "COMPLETED")
        report = lost_none(load)
    assert set(report.by_side) == {"blue"}
    assert stage.versions(BLUE) == blue
    record = stage.record()
    assert record.release is None
    assert record.last is not None
    assert phases(record.last) == ["deploying BuildAnnounced", "dark ChecksPassed", "rejected Rejected"]
    assert "ana (self-declared)" in record.last.changes[-1].message
    assert "not on a Friday" in record.last.changes[-1].message


def approved(stage: Stage) -> str:
    """A release that is dark and approved, brought there without Prefect; its name."""
    return runbook.dark_and_approved(stage.world(), images("2", "api-all")).name


def test_nobody_decides_about_the_old_side_the_run_asks_again_and_its_form_sends_users_back(
    new_stage: NewStage, prefect: PrefectApi
) -> None:
    stage = new_stage("unheard", policy={"soakSeconds": 0, "approvalExpiresSeconds": 30})
    release = approved(stage)
    runbook.flip_traffic(stage.world())
    stage.apply(policy={"soakSeconds": 0, "approvalExpiresSeconds": 1})
    down = prefect.start("scale-down", {"application": stage.application, "release": release})
    wait_for_question(stage, prefect, QuestionKind.SCALE_DOWN)
    first = stage.record().question
    assert first is not None
    stage.apply(policy={"soakSeconds": 0, "approvalExpiresSeconds": 3600})
    prefect.wait(prefect.start("reconcile", {"application": stage.application}), "COMPLETED")
    again = wait_for_record(stage, "another question", lambda r: r.question and r.question.id != first.id)
    assert again.phase is Phase.LIVE
    assert again.release is not None
    assert [each.decision for each in again.release.decisions] == ["approve", "expired"]
    assert [entry.step for entry in again.journal if entry.step == "OldSideKept"], "it is told"
    prefect.wait(down, "PAUSED")
    assert prefect.runs("scale-down", stage.application)[1:] == [], "it is the same run"

    assert prefect.resume(down, {**YES, "decision": "rollback", "reason": "orders fail"}) == "ACCEPT"
    prefect.wait(down, "COMPLETED")
    assert prefect.flow_run(down)["state_name"] == "RolledBack"
    assert stage.answering() == BLUE
    back = stage.record().release
    assert back is not None
    assert back.phase is Phase.ROLLED_BACK
    assert [(each.decision, each.via) for each in back.decisions[2:]] == [("rollback", "Prefect UI")]
