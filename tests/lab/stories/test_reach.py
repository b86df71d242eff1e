"""Endpoints asked from the dark side by short Jobs, before anything of a release comes up there."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.values.errors import Refused
from flipgate.core.values.verdicts import Verdict
from flipgate.core.workloads.reach_job import NEVER_READY
from flipgate.steps.releasing.bring_up import open_release
from flipgate.steps.releasing.preflight import preflight
from flipgate.steps.releasing.settle import failing
from tests.lab.stage import BLUE, GREEN, NewStage, Stage, images, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def asked(document: dict[str, Any], *endpoints: dict[str, Any]) -> None:
    document["spec"]["reach"] = [{"image": "ask:1", "from": "api-all", **each} for each in endpoints]


def shared(document: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What both sides use: here, what answers users on the live one."""
    return {"name": "shared", "host": f"api-service.{document['spec']['sides']['blue']['namespace']}", **more}


def pods(stage: Stage) -> list[dict[str, Any]]:
    found = Cluster.connect(stage.lab.kubeconfig).items(f"/api/v1/namespaces/{stage.place.green}/pods")
    return [pod for pod in found if pod["spec"].get("readinessGates")]


def test_one_that_answers_passes_and_its_pod_was_never_one_of_the_services(new_stage: NewStage, tmp_path: Path) -> None:
    go = tmp_path / "go"
    held = {"name": "held", "run": ["sh", "-c", f"until [ -e {go} ]; do sleep 0.05; done; echo seen"]}

    def edit(document: dict[str, Any]) -> None:
        asked(document, held, shared(document, port=8080))

    stage = new_stage("reach", edit=edit)
    world = stage.world()
    release = open_release(world, images("2", "api-all"), "ci")
    rows = []

    def look_ahead() -> None:
        with world.acting() as acting:
            rows.extend(preflight(acting, release))

    asking = threading.Thread(target=look_ahead)
    asking.start()
    try:
        running = wait_until("its pod runs", lambda: [p for p in pods(stage) if p["status"].get("phase") == "Running"])
        name = running[0]["metadata"]["name"]
        endpoint = wait_until("a Service knows it", lambda: endpoints(stage).get(name))
        assert endpoint["conditions"]["ready"] is False, "the labels are the service's: nobody is sent there"
        assert running[0]["spec"]["readinessGates"] == [{"conditionType": NEVER_READY}]
        (api,) = [each for each in stage.deployments(GREEN).values() if each["metadata"]["name"] == "api-all"]
        assert not api["status"].get("replicas"), "and no Deployment counts it"
    finally:
        go.touch()
        asking.join(60)
    found = {row.gate: row for row in rows}
    assert (found["reach held"].verdict, found["reach held"].output) == (Verdict.PASS, "seen")
    assert found["reach shared"].verdict is Verdict.PASS
    assert found["reach shared"].output.endswith(":8080 answers")
    wait_until("its pods are gone", lambda: not pods(stage))


def test_one_that_is_closed_ends_the_release_with_what_the_job_wrote(new_stage: NewStage) -> None:
    def edit(document: dict[str, Any]) -> None:
        asked(document, shared(document, port=9))

    stage = new_stage("unreached", edit=edit)
    world = stage.world()
    release = open_release(world, images("2", "api-all"), "ci")
    said = r"reach shared: fail: .*api-service\S+:9 does not answer within 5 s"
    with pytest.raises(Refused, match=said) as refused, world.acting() as acting, failing(acting, release):
        preflight(acting, release)
    assert refused.value.reason == "PreflightFailed"
    assert stage.replicas(GREEN) == {}
    assert stage.answering() == BLUE


def endpoints(stage: Stage) -> dict[str, dict[str, Any]]:
    """All that Services of green know, by pod."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{stage.place.green}/endpointslices"
    slices = Cluster.connect(stage.lab.kubeconfig).items(path)
    return {each["targetRef"]["name"]: each for one in slices for each in one.get("endpoints") or []}
