"""A small application of another shape: one StatefulSet serves, its pods one by one, and another one works."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.phases import QuestionKind
from flipgate.core.spec.application import load_application
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import DEFAULT_NAMESPACE
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing.setup import adopt, apply_application, check_application
from lab.control.records import Lab
from lab.stories.example import Place
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, POLICY, THROTTLE_SECONDS, Stage, lost_none, phases

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

COUNTS = {"front": 3, "queue": 2}


def manifests(place: Place) -> Iterator[dict[str, Any]]:
    """Both sides, blue up and green at rest, and the route at blue."""
    for name in (place.blue, place.green, place.route_namespace):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    for side, namespace in (("blue", place.blue), ("green", place.green)):
        data = {"metadata": {"name": "side", "namespace": namespace}, "data": {"SIDE": side}}
        yield {"apiVersion": "v1", "kind": "ConfigMap", **data}
        for name, count in COUNTS.items():
            yield stateful_set(name, namespace, count if side == "blue" else 0)
        spec = {"selector": {"app": "front"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "front", "namespace": namespace},
            "spec": spec,
        }
    service = {"kind": "Service", "name": "front", "namespace": place.blue, "port": 80}
    rule = {"kind": "Rule", "match": f"Host(`{place.host}`)", "services": [service]}
    yield {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": place.route, "namespace": place.route_namespace},
        "spec": {"entryPoints": ["web"], "routes": [rule]},
    }


def stateful_set(name: str, namespace: str, replicas: int) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/health/ready", "port": "http"}, "periodSeconds": 1}
    container = {"name": name, "image": f"sportsdata/{name}:1", "readinessProbe": probe}
    container["ports"] = [{"name": "http", "containerPort": 8080}]
    container["envFrom"] = [{"configMapRef": {"name": "side"}}]
    pods = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "serviceName": name, "selector": {"matchLabels": {"app": name}}, "template": pods}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec}


def application_text(place: Place) -> str:
    kinds = {"front": "serving", "queue": "worker"}
    services = [
        {"name": name, "role": role, "kind": "StatefulSet", "replicas": COUNTS[name], "image": f"sportsdata/{name}"}
        for name, role in kinds.items()
    ]
    spec = {
        "sides": {"blue": {"namespace": place.blue}, "green": {"namespace": place.green}},
        "routes": [{"kind": "IngressRoute", "namespace": place.route_namespace, "name": place.route}],
        "traffic": {
            "host": place.host,
            "header": "X-Served-Side",
            "traefik": {"throttleSeconds": THROTTLE_SECONDS},
        },
        "services": services,
        "checks": [{"name": "front", "service": "front", "path": "/health", "json": {"status": "Healthy"}}],
        "policy": {**POLICY, "maxErrorRatio": 0.01, "soakSeconds": 3600},
    }
    head = {"apiVersion": "flipgate.dev/v1", "kind": "Application", "metadata": {"name": place.application}}
    return yaml.safe_dump({**head, "spec": spec}, sort_keys=False)


@pytest.fixture
def stage(lab: Lab, tmp_path: Any) -> Iterator[Stage]:
    stage = Stage(lab, Place.named(f"t{os.getpid()}-stateful"), scheme="http")
    file = tmp_path / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(manifests(stage.place)))
    stage.kubectl("apply", "--server-side", "-f", str(file))
    yield stage
    stage.remove()


def asked_for(stage: Stage, side: Side) -> dict[str, int]:
    return {item["metadata"]["name"]: item["spec"]["replicas"] for item in sets(stage, side)}


def sets(stage: Stage, side: Side) -> list[dict[str, Any]]:
    namespace = stage.place.blue if side is BLUE else stage.place.green
    return Cluster.connect(stage.lab.kubeconfig).items(f"/apis/apps/v1/namespaces/{namespace}/statefulsets")


def test_stateful_sets_are_released_and_rolled_back_and_users_lose_nothing(stage: Stage) -> None:
    for name in COUNTS:
        stage.kubectl("-n", stage.place.blue, "rollout", "status", "statefulset", name, "--timeout=240s")
    text = application_text(stage.place)
    application, cluster = load_application(text, "test"), Cluster.connect(stage.lab.kubeconfig)
    apply_application(cluster, application, text, DEFAULT_NAMESPACE)
    world, told = stage.world(), list[str]()
    stage.wait_for_users_on(BLUE)
    adopt(world)
    assert check_application(cluster, application, DEFAULT_NAMESPACE) == []
    world.say = told.append
    with stage.load() as load:
        runbook.deploy_dark(world, {"front": "sportsdata/front:2", "queue": "sportsdata/queue:2"})
        assert asked_for(stage, GREEN) == {"front": 3, "queue": 0}
        assert any("one at a time: front-1 waits for front-0" in line for line in told), told
        runbook.approve(world, QuestionKind.FLIP)
        live = runbook.flip_traffic(world)
        assert stage.answering() == GREEN
        assert (asked_for(stage, BLUE), asked_for(stage, GREEN)) == ({"front": 3, "queue": 0}, COUNTS)
        (front,) = [item for item in sets(stage, GREEN) if item["metadata"]["name"] == "front"]
        assert front["status"]["updatedReplicas"] == 3

        done = roll_back(stage.world("ana"), "the new front forgets", by="ana")
        assert (done.to, done.way, done.left) == (BLUE, "fast", ())
        assert (asked_for(stage, BLUE), asked_for(stage, GREEN)) == (COUNTS, {"front": 3, "queue": 0})
        report = lost_none(load)
    assert [way[1:] for way in report.transitions][-2:] == [("blue", "green"), ("green", "blue")]
    assert phases(live)[-1] == "live BakePassed"
