"""Reading Deployments: what is there, what is Ready, and which write would be a stale one."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.errors import LostLease
from flipgate.core.view import EPOCH, SideState, View, Workload, not_serving, read_workload, short_of
from tests.core.builders import BLUE, GREEN, deployment, shop, side, to_side, traffic, without

EPOCH_PATH = "/metadata/annotations/flipgate.dev~1epoch"


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


def test_a_write_is_fenced_by_our_stamp_or_by_the_version_until_there_is_one() -> None:
    stamped = read(metadata={"annotations": {EPOCH: "6"}})
    assert stamped.fence() == [{"op": "test", "path": EPOCH_PATH, "value": "6"}]
    assert read().fence() == [{"op": "test", "path": "/metadata/resourceVersion", "value": "41"}]
    assert read(metadata={"annotations": {"other": "x"}}).fence() == read().fence()


def test_the_stamp_is_added_beside_other_annotations_or_with_the_first() -> None:
    first = [{"op": "add", "path": "/metadata/annotations", "value": {EPOCH: "7"}}]
    assert read().stamp(7) == first
    assert read(metadata={"annotations": None}).stamp(7) == first
    assert read(metadata={"annotations": {"other": "x"}}).stamp(7) == [{"op": "add", "path": EPOCH_PATH, "value": "7"}]


def test_a_side_says_what_it_has_in_order_of_names() -> None:
    state = without(side(BLUE), "mailer")
    assert state.missing == ("mailer",)
    assert list(state.replicas.items()) == [("mailer", 0), ("web", 2)]
    assert list(state.ready.items()) == [("mailer", 0), ("web", 2)]


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        ({"web": 2, "mailer": 3}, {}),
        ({"web": 1}, {}),
        ({"web": 3, "mailer": 4}, {"mailer": (3, 4), "web": (2, 3)}),
        ({"unheard-of": 1}, {"unheard-of": (0, 1)}),
        ({"unheard-of": 0}, {}),
    ],
)
def test_what_is_short_is_named_with_ready_and_wanted(wanted: dict[str, int], missing: Any) -> None:
    assert list(short_of(side(BLUE), wanted).items()) == list(missing.items())


def test_the_active_side_of_a_view_is_the_routes_alone() -> None:
    seen = View({}, None, traffic(to_side(GREEN)), None)
    assert seen.active is GREEN


def test_a_fence_refuses_at_once_what_a_later_actor_has_stamped() -> None:
    stamped = Workload("api", "shop-blue", found=True, epoch="8")
    assert stamped.fence(8)[0]["value"] == "8"
    with pytest.raises(LostLease, match="epoch 8; this run works in epoch 7"):
        stamped.fence(7)


def serving(replicas: int, ready: int, **status: int) -> SideState:
    """Green's `web` as it asks for so many pods and has so many Ready."""
    obj = deployment(replicas=replicas)
    obj["status"] |= {"readyReplicas": ready, **status}
    return side(GREEN, obj, deployment("mailer", replicas=0))


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        (serving(2, 2), ()),
        (serving(1, 1), ()),  # scaled down below the declared 2 by an autoscaler
        (serving(5, 5), ()),
        (serving(5, 4), ("web 4/5",)),
        (serving(0, 0), ("web 0/1",)),  # somebody scaled it to nothing
        (serving(2, 2, updatedReplicas=1), ("web 2/2 and still rolling out",)),
        (without(side(GREEN), "web"), ("web 0/1",)),
    ],
)
def test_a_side_is_held_against_what_it_asks_for_itself(state: SideState, missing: tuple[str, ...]) -> None:
    assert not_serving(state, shop().serving()) == missing


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        (serving(5, 2), ()),  # scaled up beyond the release's own 2: the three others are starting
        (serving(5, 1), ("web 1/2",)),
        (serving(1, 1), ()),
        (serving(2, 2, updatedReplicas=1), ()),
        (serving(0, 0), ("web 0/1",)),
    ],
)
def test_what_an_autoscaler_adds_may_still_be_starting(state: SideState, missing: tuple[str, ...]) -> None:
    assert not_serving(state, shop().serving(), enough={"web": 2, "mailer": 0}) == missing


def test_a_service_declared_with_no_pods_owes_none() -> None:
    (web,) = shop().serving()
    assert not_serving(serving(0, 0), [web.model_copy(update={"replicas": 0})]) == ()
