"""Reading Deployments: what is there, what is Ready, and which write would be a stale one."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.values import stamps
from flipgate.core.values.errors import LostLease
from flipgate.core.values.stamps import STAMP
from flipgate.core.workloads.view import View, Workload, read_workload
from tests.core.builders import BLUE, GREEN, deployment, side, to_side, traffic, without

STAMP_PATH = "/metadata/labels/flipgate.dev~1stamp"


def read(**changes: Any) -> Workload:
    """A Deployment, with parts of its metadata, spec or status changed."""
    obj = deployment()
    for part, values in changes.items():
        obj[part] = {**obj[part], **values}
    return read_workload("web", "shop-blue", obj)


def test_a_deployment_is_read_into_plain_values() -> None:
    found = read()
    assert (found.found, found.replicas, found.ready, found.up_to_date) == (True, 2, 2, True)
    assert (found.resource_version, found.images) == ("41", {"web": "acme/web:1"})
    assert found.rolled_out


def test_one_that_is_not_there_is_not_rolled_out() -> None:
    gone = read_workload("web", "shop-blue", None)
    assert (gone.found, gone.rolled_out, gone.replicas, gone.ready) == (False, False, 0, 0)


@pytest.mark.parametrize(
    ("changes", "rolled_out"),
    [
        ({}, True),
        ({"status": {"readyReplicas": 1}}, False),
        ({"status": {"updatedReplicas": 1}}, False),
        ({"status": {"replicas": 3}}, False),  # an old pod is left
        ({"metadata": {"generation": 4}}, False),  # the controller has not seen the newest spec
        ({"spec": {"replicas": 3}}, False),
        ({"spec": {"replicas": 0}}, False),  # pods are still going
        ({"spec": {"replicas": 0}, "status": dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), 0)}, True),
    ],
)
def test_rolled_out_means_every_pod_new_and_ready_and_no_old_one_left(changes: Any, rolled_out: bool) -> None:
    assert read(**changes).rolled_out is rolled_out


def test_a_deployment_without_status_has_no_pods_yet() -> None:
    obj = deployment()
    del obj["status"]
    found = read_workload("web", "shop-blue", obj)
    assert (found.ready, found.up_to_date, found.rolled_out) == (0, False, False)


def test_replicas_left_out_are_one() -> None:
    obj = deployment()
    del obj["spec"]["replicas"]
    assert read_workload("web", "shop-blue", obj).replicas == 1


@pytest.mark.parametrize(
    ("container", "image"), [("app", "acme/web:1"), ("proxy", "acme/proxy:1"), (None, "acme/proxy:1"), ("other", None)]
)
def test_an_image_is_that_of_the_named_container_or_of_the_first(container: str | None, image: str | None) -> None:
    both = Workload("web", "shop-blue", images={"proxy": "acme/proxy:1", "app": "acme/web:1"})
    assert both.image_of(container) == image


def test_a_write_tests_the_object_and_its_stamp_and_leaves_another() -> None:
    uid = {"op": "test", "path": "/metadata/uid", "value": ""}
    change = {"op": "add", "path": "/spec/replicas", "value": 0}
    assert read(metadata={"labels": {STAMP: "6.a"}}).fenced(6, "6.b", change) == [
        uid,
        {"op": "test", "path": STAMP_PATH, "value": "6.a"},
        {"op": "add", "path": STAMP_PATH, "value": "6.b"},
        change,
    ]


@pytest.mark.parametrize(
    ("labels", "path", "written"),
    [(None, "/metadata/labels", {STAMP: "7.a"}), ({"app": "web"}, STAMP_PATH, "7.a"), ({}, STAMP_PATH, "7.a")],
)
def test_the_first_stamp_is_written_where_none_stands_beside_other_labels(labels: Any, path: str, written: Any) -> None:
    """A test for null: nobody may have stamped it since."""
    bare = read(metadata={"labels": labels})
    assert bare.tests()[1:] == [{"op": "test", "path": path, "value": None}]
    assert bare.stamping("7.a") == [{"op": "add", "path": path, "value": written}]


def test_what_bears_no_stamp_is_changed_only_as_it_was_read() -> None:
    assert read().fenced(6, "6.a")[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "41"}


def test_a_side_says_what_it_has_in_order_of_names() -> None:
    state = without(side(BLUE), "mailer")
    assert state.missing == ("mailer",)
    assert list(state.replicas.items()) == [("mailer", 0), ("web", 2)]
    assert list(state.ready.items()) == [("mailer", 0), ("web", 2)]


def test_the_active_side_of_a_view_is_the_routes_alone() -> None:
    seen = View({}, None, traffic(to_side(GREEN)), None)
    assert seen.active is GREEN


def test_a_write_is_refused_at_once_where_a_later_actor_has_stamped() -> None:
    stamped = Workload("api", "shop-blue", found=True, stamp="8.a", has_labels=True)
    assert {"op": "test", "path": STAMP_PATH, "value": "8.a"} in stamped.fenced(8, "8.b")
    with pytest.raises(LostLease, match="epoch 8; this run works in epoch 7"):
        stamped.fenced(7, "7.b")


def test_a_write_is_refused_at_once_where_a_rollback_could_not_be_recorded() -> None:
    stamped = Workload("api", "shop-blue", found=True, stamp="unrecorded.a", has_labels=True)
    with pytest.raises(LostLease, match="could not be recorded"):
        stamped.fenced(7, "7.b")


def test_a_renewed_stamp_takes_no_side() -> None:
    assert stamps.renewed("4.a", 9, "b") == "4.b"
    assert stamps.renewed(None, 9, "b") == "9.b"
    assert [stamps.epoch_of(each) for each in ("12.a", "unrecorded.a", "", None, "x")] == [12, None, None, None, None]
