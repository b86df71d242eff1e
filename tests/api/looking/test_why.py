"""Waiting for pods, and saying why they are not Ready, in Kubernetes' own words."""

from __future__ import annotations

from threading import Timer
from typing import Any
from uuid import uuid4

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World
from flipgate.steps.looking.why import why_not_ready
from flipgate.steps.releasing.bring_up import bring_up, wait_ready
from lab.control.records import Lab
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, opened, under_lease
from tests.api.telling import heard

READY = {"type": "Ready", "status": "True"}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: 3 Insufficient cpu."}


def add_pod(shop: Shop, name: str, status: dict[str, Any], *, service: str = "web", kind: str = "ReplicaSet") -> None:
    """A pod of a service as its ReplicaSet makes it, with what the kubelet would have written of it."""
    owner = {"apiVersion": "apps/v1", "kind": kind, "name": f"{service}-6f5c9d8b7", "uid": "1"}
    container = {"name": "web", "image": f"shop/{service}:2"}
    pods = f"/api/v1/namespaces/{shop.name}-green/pods"
    meta = {"name": name, "ownerReferences": [owner]}
    shop.cluster.create(pods, {"metadata": meta, "spec": {"containers": [container]}})
    shop.cluster.patch(f"{pods}/{name}/status", [{"op": "add", "path": "/status", "value": status}])


def container(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {"name": "web", "image": "shop/web:2", "imageID": "", "ready": False, "restartCount": 0}
    return {"phase": "Running", "containerStatuses": [{**base, "state": state, **more}]}


WAITING = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}
CRASHING = {"waiting": {"reason": "CrashLoopBackOff"}}
EXITED = {"terminated": {"exitCode": 1, "reason": "Error"}}
RUNNING = {"running": {"startedAt": "2026-03-01T12:00:00Z"}}


@pytest.fixture(scope="module")
def green(cluster: Cluster, lab: Lab) -> Shop:
    """The namespace of a shop's new side, and nothing else of it: each test has services of its own there."""
    shop = Shop.named(cluster, lab.kubeconfig)
    shop.add_namespace(shop.namespace(GREEN))
    return shop


def test_causes_are_counted_by_service_and_the_ready_left_out(green: Shop) -> None:
    assert why_not_ready(green.world(), GREEN, ["web"]) == "No pods exist yet"
    for name in ("a", "b"):
        add_pod(green, f"web-{name}", container(CRASHING))
    add_pod(green, "web-c", container(RUNNING, ready=True) | {"conditions": [READY]})
    add_pod(green, "search-a", container(WAITING), service="search")
    add_pod(green, "stranger-a", container(WAITING), service="stranger")
    said = why_not_ready(green.world(), GREEN, ["web", "search"])
    assert said == "search: 1 ImagePullBackOff (not found); web: 2 CrashLoopBackOff"


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (container(WAITING), "ImagePullBackOff (not found)"),
        (container(CRASHING, restartCount=4), "CrashLoopBackOff after 4 restarts"),
        (container(RUNNING), "running, but its readiness probe fails"),
        (container(RUNNING, restartCount=2, lastState=EXITED), "running again after 2 restarts, last with exit code 1"),
        ({"phase": "Pending", "conditions": [UNSCHEDULABLE]}, f"unschedulable ({UNSCHEDULABLE['message']})"),
        ({"phase": "Pending"}, "pending"),
        ({"phase": "Failed", "reason": "Evicted"}, "failed (Evicted)"),
    ],
)
def test_a_pods_cause(green: Shop, status: dict[str, Any], cause: str) -> None:
    service = f"web-{uuid4().hex[:8]}"
    add_pod(green, f"{service}-1", status, service=service)
    assert why_not_ready(green.world(), GREEN, [service]) == f"{service}: 1 {cause}"


def test_what_is_not_ready_in_time_is_counted_with_its_cause(shop: Shop, world: World) -> None:
    release = opened(world)
    under_lease(world, bring_up, release)
    shop.play_ready(GREEN, "web", ready=1)
    add_pod(shop, "web-1", container(CRASHING, restartCount=2))
    with pytest.raises(Refused, match=r"web 1/2\. web: 1 CrashLoopBackOff after 2 restarts") as refused:
        under_lease(world, wait_ready, release, timeout_seconds=0.3)
    assert refused.value.reason == "NotReadyInTime"
    assert "blue, which has the live traffic" in refused.value.untouched
    assert shop.counts(BLUE) == COUNTS


def test_the_watch_ends_the_waiting_when_the_last_pod_is_ready(shop: Shop, world: World) -> None:
    said = heard(world)
    release = opened(world)
    under_lease(world, bring_up, release)
    late = Timer(2, lambda: shop.play_ready(GREEN))
    late.start()
    under_lease(world, wait_ready, release, timeout_seconds=20)
    late.join()
    assert next(line.partition(" Ready")[0] for line in said if "pods" in line) == "0 of 2 pods"


def test_waiting_ends_when_a_newer_build_has_taken_the_release_over(shop: Shop, world: World) -> None:
    release = opened(world)
    under_lease(world, bring_up, release)
    opened(shop.world("ben"), "3")
    with pytest.raises(Refused) as refused:
        under_lease(world, wait_ready, release, timeout_seconds=20)
    assert refused.value.reason == "Superseded"
