"""Workers and a CronJob handed over under load, where real controllers start its Jobs and a node runs them."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

import pytest

from flipgate.core.record.intents import HAND_OVER
from flipgate.core.record.phases import QuestionKind
from flipgate.core.values.sides import Side
from flipgate.steps.going_back.roll_back import roll_back
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, WORKERS, NewStage, Stage, images, lost_none, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

JOB = "standings-refresh"
SEASON = "season-football-ncaa"
EACH_MINUTE = '{"spec": {"schedule": "* * * * *"}}'
JOBS_SECONDS = (
    '{"spec": {"jobTemplate": {"spec": {"template": {"metadata": {"annotations": '
    '{"lab.flipgate.dev/run-seconds": "6"}}}}}}}'
)


MOUNTED = (
    '{"spec": {"template": {"spec": {"volumes": '
    '[{"name": "consume", "configMap": {"name": "season-consume", "optional": true}}]}}}}'
)
CONSUME = {"configMap": "season-consume", "status": {"port": 8080, "path": "/health", "json": "consuming"}}


def batch(stage: Stage, side: Side, kind: str, name: str) -> dict[str, Any]:
    namespace = stage.place.blue if side is BLUE else stage.place.green
    return stage.world().cluster.get(f"/apis/batch/v1/namespaces/{namespace}/{kind}/{name}")


def suspended(stage: Stage) -> dict[Side, bool]:
    return {side: bool(batch(stage, side, "cronjobs", JOB)["spec"].get("suspend")) for side in Side}


def start_by_hand(stage: Stage, side: Side) -> None:
    namespace = stage.place.blue if side is BLUE else stage.place.green
    stage.kubectl("-n", namespace, "create", "job", f"--from=cronjob/{JOB}", "by-hand")


def waited_for(stage: Stage, side: Side) -> bool:
    """Whether the Job that was started by hand had succeeded when the last hand-over ended."""
    entry = [entry for entry in stage.record().journal if entry.step == HAND_OVER][-1]
    status = batch(stage, side, "jobs", "by-hand")["status"]
    assert entry.ended
    return bool(status.get("succeeded")) and datetime.fromisoformat(status["completionTime"]) <= entry.ended


def test_a_cron_job_that_ticks_is_handed_over_and_back_and_its_jobs_end_by_themselves(new_stage: NewStage) -> None:
    stage = new_stage("ticks", policy={"soakSeconds": 3600})
    world = stage.world()
    for namespace in (stage.place.blue, stage.place.green):
        stage.kubectl("-n", namespace, "patch", "cronjob", JOB, "-p", EACH_MINUTE)
        stage.kubectl("-n", namespace, "patch", "cronjob", JOB, "-p", JOBS_SECONDS)
    with stage.load() as load:
        runbook.deploy_dark(world, {**images("2"), JOB: f"sportsdata/{JOB}:2"})
        assert suspended(stage) == {BLUE: False, GREEN: True}
        template = batch(stage, GREEN, "cronjobs", JOB)["spec"]["jobTemplate"]["spec"]["template"]
        assert template["spec"]["containers"][0]["image"] == f"sportsdata/{JOB}:2"

        runbook.approve(world, QuestionKind.FLIP)
        start_by_hand(stage, BLUE)
        runbook.flip_traffic(world)
        assert suspended(stage) == {BLUE: True, GREEN: False}
        assert waited_for(stage, BLUE), "it was waited for before the new side's CronJob was resumed"

        start_by_hand(stage, GREEN)
        done = roll_back(stage.world("ana"), "standings are wrong", by="ana")
        assert (done.to, done.left) == (BLUE, ())
        assert suspended(stage) == {BLUE: False, GREEN: True}
        assert waited_for(stage, GREEN), "the way back waits for it too, once users are back"
        assert set(WORKERS) <= set(stage.replicas(BLUE))
        report = lost_none(load)
    assert [way[1:] for way in report.transitions][-2:] == [("blue", "green"), ("green", "blue")]
    over = [entry.outcome for entry in stage.record().journal if entry.step == HAND_OVER]
    assert over == [f"ingest-worker, notify-worker, {JOB} run on {side}" for side in (GREEN, BLUE)]
    namespace = stage.place.green
    events = f"/api/v1/namespaces/{namespace}/events"
    told = [e for e in world.cluster.items(events) if e["involvedObject"]["kind"] == "CronJob"]
    assert {e["reason"] for e in told if e["source"].get("component") == "flipgate"} >= {"ChecksPassed", "BakePassed"}


def make_mixed(document: dict[str, Any]) -> None:
    (season,) = (service for service in document["spec"]["services"] if service["name"] == SEASON)
    season |= {"role": "mixed", "consume": CONSUME}


def consuming(stage: Stage, side: Side) -> set[bool]:
    """What the pods of SEASON on a side say of themselves, but for those that are on their way out."""
    world = stage.world()
    place = world.application.place_of(side).namespace
    pods = world.cluster.items(f"/api/v1/namespaces/{place}/pods", labelSelector=f"app={SEASON}")
    staying = [pod["metadata"]["name"] for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    answers = [world.cluster.through_pod(place, name, 8080, "/health", timeout=5) for name in staying]
    return {json.loads(answer.body)["consuming"] for answer in answers}


def test_a_service_that_serves_on_both_sides_consumes_on_one_and_its_pods_say_so(new_stage: NewStage) -> None:
    stage = new_stage("mixed", policy={"soakSeconds": 3600})
    for namespace, told in ((stage.place.blue, "true"), (stage.place.green, "")):
        data = [f"--from-literal=consume={told}"] if told else []
        stage.kubectl("-n", namespace, "create", "configmap", "season-consume", *data)
        stage.kubectl("-n", namespace, "patch", "deployment", SEASON, "-p", MOUNTED)
    stage.kubectl("-n", stage.place.blue, "rollout", "status", "deployment", SEASON, "--timeout=240s")
    stage.apply(policy={"soakSeconds": 3600}, edit=make_mixed)
    wait_until("blue consumes", lambda: consuming(stage, BLUE) == {True})
    world = stage.world()
    with stage.load() as load:
        runbook.deploy_dark(world, images("2"))
        assert (consuming(stage, BLUE), consuming(stage, GREEN)) == ({True}, {False})
        runbook.approve(world, QuestionKind.FLIP)
        began = time.monotonic()
        runbook.flip_traffic(world)
        assert (consuming(stage, BLUE), consuming(stage, GREEN)) == ({False}, {True})
        assert time.monotonic() - began < 50, "the kubelet was made to look, and did not take its minute"
        done = roll_back(stage.world("ana"), "the queue grows", by="ana")
        assert (done.to, done.left) == (BLUE, ())
        assert (consuming(stage, BLUE), consuming(stage, GREEN)) == ({True}, {False})
        lost_none(load)
