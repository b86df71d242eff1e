"""Which nodes pull what before a release's pods come, and what their pods say of it."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.workloads.nodes import Node, Taint
from flipgate.core.workloads.pre_pull import Pull, Pulled, Wanted, open_images, pull_job, pulls_of, read_pod, told

TAINTED = Node("n3", {}, taints=(Taint("dedicated", "db", "NoSchedule"),))
NODES = (Node("n1", {}), Node("n2", {}, {"disk": "ssd"}), TAINTED)
WEB = Wanted("acme/web:2", {"imagePullSecrets": [{"name": "registry"}]})
FAST = Wanted("acme/fast:2", {"nodeSelector": {"disk": "ssd"}, "serviceAccountName": "fast"})


def test_a_node_pulls_the_images_of_pods_that_can_come_there_by_account() -> None:
    also = Wanted("acme/api:2", {"imagePullSecrets": [{"name": "other"}]})
    assert pulls_of(NODES, [WEB, also, FAST]) == (
        Pull("n1", "", ("acme/api:2", "acme/web:2"), ("other", "registry")),
        Pull("n2", "", ("acme/api:2", "acme/web:2"), ("other", "registry")),
        Pull("n2", "fast", ("acme/fast:2",), ()),
    )


def test_its_job_stays_on_that_node_and_bears_no_label_that_a_service_selects_by() -> None:
    template = pull_job(Pull("n2", "fast", ("acme/fast:2",), ("registry",)))["template"]
    assert "metadata" not in template
    assert (template["spec"]["nodeName"], template["spec"]["serviceAccountName"]) == ("n2", "fast")
    assert template["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert template["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"


def said(**status: Any) -> Pulled:
    pull, pulled = Pull("n1", "", ("acme/web:2",), ()), Pulled()
    read_pod(pull, {"status": status}, pulled)
    return pulled


def container(image_id: str = "", **state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "image-1", "imageID": image_id, "state": state}]}


@pytest.mark.parametrize(
    "status",
    [
        container("acme/web@sha256:1", terminated={"exitCode": 0}),
        container("acme/web@sha256:1", terminated={"exitCode": 128, "reason": "StartError"}),
        container(waiting={"reason": "CreateContainerConfigError"}),
    ],
    ids=["it ran", "there is no such command", "may not run"],
)
def test_an_image_is_there_by_its_id_whatever_became_of_the_command(status: dict[str, Any]) -> None:
    assert said(**status).there == {("acme/web:2", "n1")}


def test_what_could_not_be_pulled_is_told_in_the_kubelets_words() -> None:
    waiting = container(waiting={"reason": "ImagePullBackOff", "message": "manifest unknown"})
    pulled = said(**waiting)
    assert pulled.not_there == {("acme/web:2", "n1"): "ImagePullBackOff: manifest unknown"}
    pulled.there.add(("acme/api:2", "n1"))
    assert told(pulled, 1) == (
        "2 images, 1 node: 1 of 2 pulls done; not pulled: acme/web:2 on n1 (ImagePullBackOff: manifest unknown)"
    )
    full = said(phase="Failed", reason="OutOfpods", message="Node didn't have enough resource: pods")
    assert full.not_there == {("acme/web:2", "n1"): "OutOfpods: Node didn't have enough resource: pods"}


@pytest.mark.parametrize("reason", ["ContainerCreating", "ErrImagePull"])
def test_what_is_still_tried_is_waited_for(reason: str) -> None:
    pull = Pull("n1", "", ("acme/web:2",), ())
    assert open_images(pull, said(**container(waiting={"reason": reason}))) == [("acme/web:2", "n1")]
