"""Pods that come one by one: which one the next waits for; what their Events say, and since when that counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from flipgate.core.values.managed_fields import Writer
from flipgate.core.values.unread import Unread
from flipgate.core.workloads.kinds import Stateful
from flipgate.core.workloads.standstill import final, first_seen, held_back, standstills
from flipgate.core.workloads.stateful import REVISION_LABEL, deletes, in_turn, refused_pods, stuck, unbound
from flipgate.core.workloads.view import SideState, Workload
from tests.core.builders import GREEN, NOW, PLACES, at

READY = {"conditions": [{"type": "Ready", "status": "True"}], "phase": "Running"}


def store(replicas: int = 3, *, ready: int = 0, pods: int = 0, updated: int | None = None, **its: Any) -> Workload:
    counted = {"replicas": replicas, "ready": ready, "pods": pods, "updated": pods if updated is None else updated}
    stateful = Stateful(**{"revision": "new", **its})
    return Workload("store", "shop-green", "StatefulSet", found=True, stateful=stateful, **counted)


def pod(ordinal: int, *, ready: bool = True, revision: str = "new", **meta: Any) -> dict[str, Any]:
    labels = {REVISION_LABEL: revision}
    status = READY if ready else {"phase": "Pending"}
    return {"metadata": {"name": f"store-{ordinal}", "labels": labels, **meta}, "status": status, "spec": {}}


@pytest.mark.parametrize(
    ("workload", "pods", "told"),
    [
        (store(), [], "store 0 of 3, one at a time: store-1 waits for store-0"),
        (
            store(ready=1, pods=2),
            [pod(0), pod(1, ready=False)],
            "store 1 of 3, one at a time: store-2 waits for store-1 (pending)",
        ),
        (
            store(ready=2, pods=3),
            [pod(0), pod(1), pod(2, ready=False)],
            "store 2 of 3, one at a time: nothing goes on before store-2 is Ready (pending)",
        ),
        (
            store(ready=2, pods=3),
            [pod(0, ready=False), pod(1), pod(2)],
            "store 2 of 3, one at a time: nothing goes on before store-0 is Ready (pending)",
        ),
        (store(first=5), [], "store 0 of 3, one at a time: store-6 waits for store-5"),
        (
            store(ready=3, pods=3, updated=1),
            [pod(each) for each in range(3)],
            "store 3 of 3, one at a time: 1 are of this release, the last ones first",
        ),
        (store(one_by_one=False), [], ""),
        (store(1), [], ""),
        (replace(store(ready=3, pods=3), up_to_date=True), [], ""),
        (replace(store(), stateful=None), [], ""),
    ],
)
def test_it_is_said_which_pod_the_next_one_waits_for(workload: Workload, pods: list[dict[str, Any]], told: str) -> None:
    assert in_turn(workload, pods) == told


def test_a_pod_of_the_template_before_holds_the_others_up_only_in_order_and_while_it_is_not_ready() -> None:
    bad = pod(0, ready=False, revision="old")
    (found,) = stuck("store", store(pods=1), [bad])
    assert found.command == "kubectl -n shop-green delete pod store-0"
    seen = first_seen([found], {}, 0.0)
    assert (final([found], seen, 14.0), final([found], seen, 15.0)) == ((), (found,)), "Kubernetes may be at it"
    for pods, its in (
        ([pod(0, revision="old")], {}),
        ([pod(0, ready=False)], {}),
        ([bad], {"one_by_one": False}),
        ([bad], {"revision": ""}),
        ([pod(0, ready=False, revision="old", deletionTimestamp="2026-03-01T12:00:00Z")], {}),
    ):
        assert list(stuck("store", store(pods=1, **its), pods)) == []


@pytest.mark.parametrize(
    ("its", "pods", "held"),
    [({"partition": 1}, 0, True), ({"on_delete": True}, 2, True), ({"on_delete": True}, 0, False), ({}, 2, False)],
)
def test_a_partition_always_holds_pods_back_and_on_delete_those_that_are_there(
    its: dict[str, Any], pods: int, held: bool
) -> None:
    assert bool([*held_back({"store": store(pods=pods, **its)})]) is held


@pytest.mark.parametrize("its", [{"on_delete": True}, {"partition": 2}])
def test_pods_that_come_one_by_one_are_not_held_back_by_a_strategy_where_none_is_of_the_template_before(
    its: dict[str, Any],
) -> None:
    """The first of three takes its time: waiting helps, on the way back, too."""
    assert standstills(SideState(PLACES[GREEN], {"store": store(ready=0, pods=1, **its)}), ["store"]) == ()
    (found,) = standstills(SideState(PLACES[GREEN], {"store": store(pods=2, updated=1, **its)}), ["store"])
    assert found.reason == "PodsHeldBack"


def event(seconds: float, reason: str = "FailedCreate", **more: Any) -> dict[str, Any]:
    return {
        "reason": reason,
        "message": "exceeded quota",
        "type": "Warning",
        "lastTimestamp": at(seconds).isoformat(),
    } | more


def test_only_a_refusal_since_the_last_write_counts_by_the_clusters_own_clock() -> None:
    workload = replace(store(pods=1), scaled_by=Writer("flipgate", "Update", NOW))
    assert not [*refused_pods("store", workload, [event(-1)])]
    assert not [*refused_pods("store", workload, [event(1, "SuccessfulCreate")])]
    assert not [*refused_pods("store", workload, [event(1, lastTimestamp=None)])]
    assert not [*refused_pods("store", replace(workload, pods=3), [event(1)])]
    assert not [*refused_pods("store", workload, Unread("no permission"))]
    series = {"series": {"lastObservedTime": at(1).isoformat()}}
    for news in (event(1), event(-1, **series), event(0, lastTimestamp=None, eventTime=at(1).isoformat())):
        (found,) = refused_pods("store", workload, [event(-1), news])
        assert found.fact.endswith("has 1 of 3 pods, and the API server refuses more: exceeded quota")
    later = replace(workload, images_by={"store": Writer("flipgate", "Update", NOW + timedelta(seconds=2))})
    assert not [*refused_pods("store", later, [event(1)])]


def test_an_unbound_claim_is_final_only_where_the_cluster_says_that_it_failed() -> None:
    said = {"type": "PodScheduled", "status": "False", "message": "pod has unbound immediate PersistentVolumeClaims"}
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data-store-0"}}
    waiting = pod(0, ready=False) | {"spec": {"volumes": [volume]}, "status": {"conditions": [said]}}
    (found,) = stuck("store", store(pods=1), [waiting])
    assert found.command == "kubectl -n shop-green describe pvc data-store-0"
    assert unbound(found, [[event(0, "Provisioning", type="Normal")], Unread("no permission")]) is None
    bad = unbound(found, [[event(0, "ProvisioningFailed", message="no such zone")]])
    assert bad
    assert bad.fact.endswith("(ProvisioningFailed: no such zone)")
    again = replace(found, workload=replace(found.workload, scaled_by=Writer("flipgate", "Update", NOW)))
    assert unbound(again, [[event(-60, "ProvisioningFailed")]]) is None, "it may be mended"
    assert unbound(again, [[event(-60, "ProvisioningFailed"), event(60, "ProvisioningFailed")]])
    busy = {**said, "message": "0/3 nodes are available: 3 Insufficient cpu."}
    assert not [*stuck("store", store(pods=1), [waiting | {"status": {"conditions": [busy]}}])]


def test_data_is_deleted_only_where_there_is_any_and_whenscaled_says_so() -> None:
    both = store(claims=("data",), scaling_deletes=True)
    assert "its data (data) is deleted with its pods now (whenScaled: Delete)" in deletes(both, "now")
    for each in (store(claims=("data",)), store(scaling_deletes=True), replace(store(), stateful=None)):
        assert deletes(each, "now") == ""


def container(**state: Any) -> dict[str, Any]:
    return {"name": "store", "restartCount": 0, "ready": False, "state": state}


@pytest.mark.parametrize(
    ("containers", "seconds"),
    [
        ([container(running={})], 300),
        ([container(waiting={"reason": "ContainerCreating"})], 300),
        ([container(waiting={"reason": "ImagePullBackOff"})], 15),
        ([container(running={}) | {"restartCount": 1}], 15),
        ([container(terminated={"exitCode": 1})], 15),
        ([], 15),
    ],
)
def test_a_pod_of_the_template_before_that_only_starts_has_more_time(
    containers: list[dict[str, Any]], seconds: int
) -> None:
    old = pod(0, ready=False, revision="old")
    old["status"] = {"phase": "Running", "containerStatuses": containers}
    (found,) = stuck("store", store(pods=1, updated=0), [old])
    assert (found.reason, found.patience_seconds) == ("PodsHeldBack", seconds)


def test_what_a_side_lacks_is_named_by_its_kind() -> None:
    """A workload there as another kind is missing as the declared one."""
    gone = {
        "store": Workload("store", "shop-green", kind="StatefulSet"),
        "web": Workload("web", "shop-green"),
    }
    state = SideState(PLACES[GREEN], gone)
    assert (state.missing, state.lacks) == (("store", "web"), "the StatefulSets store and the Deployments web")
