"""People look at the dark side by a host of its own: on a real Traefik, through a whole release, under load."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.phases import QuestionKind
from flipgate.steps.acting.world import DEFAULT_NAMESPACE
from flipgate.steps.looking.dark_preview import dark_preview_evidence
from flipgate.steps.releasing.questions import pose
from flipgate.steps.releasing.setup import check_application
from lab.control.records import Lab
from tests.lab import runbook
from tests.lab.stage import GREEN, NewStage, Stage, images, lost_none, through_an_http_route, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

HOST, LOGIN = "look.sportsdata.example", ("staff", "only")


def guard(lab: Lab, namespace: str) -> dict[str, str]:
    """A middleware that asks for a login; returns how the file names it."""
    cluster, (user, word), name = Cluster.connect(lab.kubeconfig), LOGIN, "staff"
    digest = base64.b64encode(hashlib.sha1(word.encode()).digest()).decode()
    secret = {"metadata": {"name": name}, "stringData": {"users": f"{user}:{{SHA}}{digest}"}}
    cluster.create(f"/api/v1/namespaces/{namespace}/secrets", secret)
    spec = {"basicAuth": {"secret": name}}
    body = {"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": {"name": name}, "spec": spec}
    cluster.create(f"/apis/traefik.io/v1alpha1/namespaces/{namespace}/middlewares", body)
    return {"namespace": namespace, "name": name}


def looked_at(stage: Stage, login: tuple[str, str] | None = LOGIN) -> tuple[int, str]:
    """What somebody gets who opens the preview: status, and the side that answers."""
    with httpx.Client(verify=False, trust_env=False, timeout=10) as client:
        answer = client.get(f"{stage.url}/", headers={"Host": HOST}, auth=login)
    return answer.status_code, answer.headers.get("X-Served-Side", "")


@contextmanager
def looking_all_the_time(stage: Stage) -> Iterator[set[tuple[int, str]]]:
    seen: set[tuple[int, str]] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            seen.add(looked_at(stage))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("kind", ["IngressRoute", "HTTPRoute"])
def test_people_with_a_login_see_the_dark_side_and_never_the_live_one(new_stage: NewStage, lab: Lab, kind: str) -> None:
    def declared(document: dict[str, Any]) -> None:
        if kind == "HTTPRoute":
            through_an_http_route(lab)(document)
        spec = document["spec"]
        spec["traffic"]["darkPreview"] = {"host": HOST, "middlewares": [guard(lab, spec["routes"][0]["namespace"])]}

    stage = new_stage(f"look-{kind.lower()}", edit=declared)
    world = stage.world()
    assert check_application(Cluster.connect(lab.kubeconfig), world.application, DEFAULT_NAMESPACE) == []
    assert looked_at(stage) == (404, "")
    with stage.load() as load, looking_all_the_time(stage) as seen:
        release = runbook.deploy_dark(world, images("2", "api-all"))
        wait_until("people see the dark side", lambda: looked_at(stage) == (200, "green"))
        assert looked_at(stage, None)[0] == 401
        (evidence,) = dark_preview_evidence(world, release)
        assert "lets only some in" in evidence.answer
        question = pose(world, QuestionKind.FLIP, [evidence])
        assert question.look_first[0] == f"{stage.scheme}://{HOST}{world.application.spec.traffic.path}"
        runbook.approve(world, QuestionKind.FLIP)
        runbook.flip_traffic(world)
        assert stage.answering() == GREEN
        wait_until("nobody is led anywhere by it", lambda: looked_at(stage) == (404, ""))
        lost_none(load)
    assert seen <= {(404, ""), (200, "green"), (503, "")}, seen
