"""Images pulled to nodes before a release's pods come, on a real API server with a hand that plays Job pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flipgate.core.spec.pre_pull import NOUN, PrePull
from flipgate.core.values.base import but
from flipgate.core.values.errors import LostLease, Refused
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.releasing.preflight import preflight
from tests.api.moving.test_jobs import path
from tests.api.nodes import put_node
from tests.api.shop import GREEN, Shop, opened, timed_by_its_waiting, under_lease

PULLED = {"name": "image-1", "imageID": "shop/web@sha256:1", "state": {"terminated": {"exitCode": 128}}}
UNKNOWN = {"name": "image-1", "imageID": "", "state": {"waiting": {"reason": "ImagePullBackOff"}}}


def pulling(shop: Shop, statuses: dict[str, dict[str, Any]], **wanted: Any) -> World:
    """The shop with web on nodes a and b of its own, whose pods' containers get such a status by node, or none."""
    spec = {"nodeSelector": {"shop": shop.name}, "containers": [{"name": "web", "image": "shop/web:1"}]}
    shop.scaled(GREEN, "web", 0, template={"spec": spec})
    world = timed_by_its_waiting(shop.adopted(), playing(shop, statuses))
    declared = but(world.application.spec, pre_pull=PrePull.model_validate({"timeoutSeconds": 20, **wanted}))
    world.application = but(world.application, spec=declared)
    return world


def playing(shop: Shop, statuses: dict[str, dict[str, Any]]) -> Callable[[], None]:
    """The Job controller and the kubelets: each Job that runs has a pod, of which its node says this."""
    pods = f"/api/v1/namespaces/{shop.namespace(GREEN)}/pods"

    def play() -> None:
        for job in shop.cluster.items(path(shop)):
            name, spec = job["metadata"]["name"], job["spec"]["template"]["spec"]
            status = statuses.get(spec["nodeName"].rpartition("-")[2])
            if status and not job["spec"]["suspend"] and shop.cluster.find(f"{pods}/{name}") is None:
                pod = {"metadata": {"name": name, "labels": {"job-name": name}}, "spec": spec}
                shop.cluster.create(pods, pod)
                body = {**status, "image": "x", "ready": False, "restartCount": 0}
                shop.cluster.merge(f"{pods}/{name}/status", {"status": {"containerStatuses": [body]}})

    return play


def row(world: World) -> Evidence:
    (found,) = [each for each in under_lease(world, preflight, opened(world)) if each.gate == NOUN]
    return found


def test_each_node_on_which_pods_can_come_pulls_and_its_jobs_leave_nothing(shop: Shop) -> None:
    world = pulling(shop, {"a": PULLED, "b": PULLED}, atOnce=1)
    for node in "ab":
        put_node(shop, node)
    put_node(shop, "c", taint="dedicated")
    found = row(world)
    assert (found.verdict, found.answer) == (Verdict.INFO, "1 image, 2 nodes: 2 of 2 pulls done"), "mailer's is not new"
    assert shop.cluster.items(path(shop)) == []


def test_what_was_not_pulled_is_said_and_stops_nothing_unless_it_is_required(shop: Shop) -> None:
    world = pulling(shop, {"a": UNKNOWN})
    nodes = [put_node(shop, node) for node in "ab"]
    found = row(world)
    lacks = f"shop/web:2 on {nodes[0]} (ImagePullBackOff), shop/web:2 on {nodes[1]} (not within the limit)"
    assert (found.verdict, found.answer) == (Verdict.INFO, f"1 image, 2 nodes: 0 of 2 pulls done; not pulled: {lacks}")

    required = but(world.application.spec, pre_pull=PrePull.model_validate({"timeoutSeconds": 20, "required": True}))
    world.application = but(world.application, spec=required)
    with pytest.raises(Refused, match=f"{NOUN}: fail: 1 image, 2 nodes: 0 of 2") as refused:
        row(world)
    assert refused.value.reason == "PreflightFailed"


def test_killed_before_its_jobs_run_the_next_run_lets_them_run(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    world = pulling(shop, {"a": PULLED})
    put_node(shop, "a")

    def killed(_: Acting) -> None:
        raise LostLease("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Acting, "confirm_lease", killed)
        with pytest.raises(LostLease):
            row(world)
    (job,) = shop.cluster.items(path(shop))
    assert job["spec"]["suspend"] is True
    recover(world)
    assert row(world).answer == "1 image, 1 node: 1 of 1 pulls done"
