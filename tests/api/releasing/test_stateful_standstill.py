"""What keeps a StatefulSet's pods from coming up: named before anything is written, or early, or in the time limit."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from flipgate.core.workloads import standstill, stateful
from flipgate.steps.acting.world import World
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.releasing.bring_up import bring_up, open_release, wait_ready
from flipgate.steps.releasing.settle import failing
from flipgate.steps.releasing.setup import check_application
from tests.api.shop import BLUE, GREEN, Shop, under_lease
from tests.api.stateful import (
    add_pod,
    counts,
    found,
    pods,
    stateful_sets,
    with_stateful_sets,
)
from tests.api.stateful import play as play_counts
from tests.core.builders import refuses

BUILD = {"store": "shop/store:2"}
LONG = 600.0
READY = {"type": "Ready", "status": "True"}
UNBOUND = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
}
NO_CLASS = "no persistent volumes available for this claim and no storage class is set"
QUOTA = 'create Pod store-1 in StatefulSet store failed error: pods "store-1" is forbidden: exceeded quota: compute'


@pytest.fixture
def town(shop: Shop) -> Shop:
    shop = with_stateful_sets(shop)
    shop.adopted()
    return shop


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing has to stand until it is final."""
    monkeypatch.setattr(standstill, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(stateful, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(stateful, "CLAIM_PATIENCE_SECONDS", 0.0)


def strategy(shop: Shop, value: dict[str, Any], name: str = "store") -> None:
    shop.cluster.merge(f"{stateful_sets(shop, GREEN)}/{name}", {"spec": {"updateStrategy": value}})


def brought_up(shop: Shop, world: World) -> Release:
    release = open_release(world, BUILD, "ci")
    under_lease(world, bring_up, release)
    shop.play_ready(GREEN)
    return release


def add_event(shop: Shop, kind: str, name: str, reason: str, message: str, at: str, normal: bool = False) -> None:
    """What Kubernetes' controllers say of an object, at this moment."""
    namespace = shop.namespace(GREEN)
    about = {"kind": kind, "namespace": namespace, "name": name}
    said = {"reason": reason, "message": message, "type": "Normal" if normal else "Warning", "count": 1}
    body = {"metadata": {"generateName": f"{name}."}, "involvedObject": about, **said}
    shop.cluster.create(f"/api/v1/namespaces/{namespace}/events", {**body, "firstTimestamp": at, "lastTimestamp": at})


PARTITION = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}


def test_a_strategy_that_holds_pods_back_is_named_before_anything_is_written(town: Shop) -> None:
    strategy(town, {"type": "OnDelete", "rollingUpdate": None})
    town.cluster.merge(f"{stateful_sets(town, GREEN)}/store", {"spec": {"replicas": 3}})
    play_counts(town, GREEN, "store")
    world = town.world()
    release = open_release(world, BUILD, "ci")
    generation = found(town, GREEN, "store")["metadata"]["generation"]
    with pytest.raises(Refused, match="OnDelete: Kubernetes keeps its 3 pods at the template") as refused:
        under_lease(world, bring_up, release)
    assert refused.value.reason == "PodsHeldBack"
    assert f"-n {town.namespace(GREEN)} patch statefulset/store" in refused.value.next_command
    assert '{"spec":{"updateStrategy":{"type":' in refused.value.next_command
    assert found(town, GREEN, "store")["metadata"]["generation"] == generation


def test_on_delete_holds_nothing_back_where_no_pod_is_there(town: Shop) -> None:
    """Pods that are made anew have the newest template."""
    strategy(town, {"type": "OnDelete", "rollingUpdate": None})
    brought_up(town, town.world())
    assert counts(town, GREEN)["store"] == 3


def test_check_names_a_partition_and_the_command(town: Shop) -> None:
    strategy(town, PARTITION)
    problems = check_application(town.cluster, town.application, town.own)
    told = "partition 2: Kubernetes keeps its pods before store-2 at the template before"
    (line,) = [each for each in problems if told in each]
    assert "kubectl -n" in line
    assert '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0' in line


def test_progress_and_the_time_limit_say_which_pod_the_next_one_waits_for(town: Shop) -> None:
    world, said = town.world(), list[str]()
    world.say = said.append
    release = brought_up(town, world)
    play_counts(town, GREEN, "store", pods=2, ready=1)
    add_pod(town, 0, conditions=[READY])
    add_pod(town, 1, conditions=[{"type": "PodScheduled", "status": "True"}])
    waits = "store 1 of 3, one at a time: store-2 waits for store-1 (pending)"
    with refuses("NotReadyInTime", "store 1/3") as refused:
        under_lease(world, wait_ready, release, timeout_seconds=0.1)
    assert waits in refused.value.fact
    assert any(line.endswith(f"s; {waits}") and line.startswith("3 of 5 pods Ready") for line in said), said


@pytest.mark.usefixtures("at_once")
def test_a_pod_of_the_template_before_that_is_not_ready_is_named_with_the_command(town: Shop) -> None:
    world = town.world()
    release = brought_up(town, world)
    play_counts(town, GREEN, "store", pods=1, ready=0, updatedReplicas=0)
    add_pod(town, 0, revision="old")
    with pytest.raises(Refused) as refused, world.acting() as acting, failing(acting, release):
        wait_ready(acting, release, timeout_seconds=LONG)
    assert refused.value.reason == "PodsHeldBack"
    assert "store-0, which is of the template before and not Ready (pending)" in refused.value.fact
    assert refused.value.next_command == f"kubectl -n {town.namespace(GREEN)} delete pod store-0"
    ended = world.store.read().last
    assert ended
    assert (ended.phase, ended.changes[-1].reason) == (Phase.FAILED, Reason.PODS_HELD_BACK)


def with_claim(shop: Shop) -> None:
    """A pod whose claim is not bound."""
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data-store-0"}}
    labels = {"app": "store", "controller-revision-hash": "store-new"}
    spec = {"containers": [{"name": "store", "image": "shop/store:2"}], "volumes": [claim]}
    shop.cluster.create(pods(shop), {"metadata": {"name": "store-0", "labels": labels}, "spec": spec})
    said = {"phase": "Pending", "conditions": [UNBOUND]}
    shop.cluster.patch(f"{pods(shop)}/store-0/status", [{"op": "add", "path": "/status", "value": said}])
    play_counts(shop, GREEN, "store", pods=1, ready=0)


@pytest.mark.usefixtures("at_once")
def test_a_claim_that_cannot_be_bound_is_named_early_in_the_clusters_own_words(town: Shop) -> None:
    world = town.world()
    release = brought_up(town, world)
    with_claim(town)
    about = ("PersistentVolumeClaim", "data-store-0", "FailedBinding", NO_CLASS)
    add_event(town, *about, "2099-03-01T12:00:00Z", normal=True)
    with pytest.raises(Refused) as refused, world.acting() as acting, failing(acting, release):
        wait_ready(acting, release, timeout_seconds=LONG)
    assert refused.value.reason == "ClaimNotBound"
    assert UNBOUND["message"] in refused.value.fact
    assert f"(FailedBinding: {NO_CLASS})" in refused.value.fact
    assert refused.value.next_command == f"kubectl -n {town.namespace(GREEN)} describe pvc data-store-0"
    ended = world.store.read().last
    assert ended
    assert ended.changes[-1].reason == Reason.CLAIM_NOT_BOUND


@pytest.mark.usefixtures("at_once")
def test_a_volume_that_is_being_made_is_waited_for_and_said(town: Shop) -> None:
    world, said = town.world(), list[str]()
    world.say = said.append
    release = brought_up(town, world)
    with_claim(town)
    with refuses("NotReadyInTime", "unbound immediate PersistentVolumeClaims"):
        under_lease(world, wait_ready, release, timeout_seconds=0.1)
    assert any("store-1 waits for store-0 (unschedulable" in line for line in said), said


@pytest.mark.usefixtures("at_once")
def test_pods_that_the_api_server_refuses_are_told_by_an_event_of_this_release_only(town: Shop) -> None:
    world = town.world()
    release = brought_up(town, world)
    add_pod(town, 0, conditions=[READY])
    play_counts(town, GREEN, "store", pods=1, ready=1)
    add_event(town, "StatefulSet", "store", "FailedCreate", QUOTA, "2020-03-01T12:00:00Z")
    with refuses("NotReadyInTime"):
        under_lease(world, wait_ready, release, timeout_seconds=0.1)
    add_event(town, "StatefulSet", "store", "FailedCreate", QUOTA, "2099-03-01T12:00:00Z")
    with refuses("PodsRefused", "has 1 of 3 pods, and the API server refuses more: create Pod store-1") as refused:
        under_lease(world, wait_ready, release, timeout_seconds=LONG)
    assert refused.value.next_command == f"kubectl -n {town.namespace(GREEN)} describe resourcequotas"


@pytest.mark.usefixtures("at_once")
def test_a_worker_that_is_held_back_sends_users_back_at_once(town: Shop) -> None:
    world = town.world()

    def hold(_: float) -> None:
        play_counts(town, BLUE, "queue")
        town.play_all_ready()
        if counts(town, GREEN)["queue"]:
            strategy(town, PARTITION, "queue")
            play_counts(town, GREEN, "queue", pods=2, ready=2, updatedReplicas=0)

    world.sleep = hold
    with refuses("WorkersNotReady", "queue has updateStrategy.rollingUpdate.partition 2"):
        under_lease(world, hand_over_workers, GREEN)
