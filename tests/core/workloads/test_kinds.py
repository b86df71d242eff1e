"""The table of kinds of workload: how each reads, and what of it is part of a release's id."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.record.release import release_id
from flipgate.core.workloads.kinds import KINDS, Stateful
from flipgate.core.workloads.render import render
from flipgate.core.workloads.view import SideState, read_workload
from tests.core.builders import GREEN, PLACES, deployment, shop

STORE = "{name: store, role: serving, replicas: 2, kind: StatefulSet}"


def stateful_set(**spec: Any) -> dict[str, Any]:
    """A StatefulSet whose pods are all there, as the API server gives it."""
    obj = deployment("store", image="acme/store:1", **spec)
    obj["status"] |= {"currentRevision": "store-1", "updateRevision": "store-2"}
    return obj


def read(obj: dict[str, Any]) -> Stateful:
    found = read_workload("store", "shop-green", obj, "StatefulSet").stateful
    assert found
    return found


def test_what_only_a_stateful_set_has_is_read_with_kubernetes_own_defaults() -> None:
    assert read(stateful_set()) == Stateful(revision="store-2")
    spec = {
        "podManagementPolicy": "Parallel",
        "ordinals": {"start": 5},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Retain"},
    }
    assert read(stateful_set(**spec)) == Stateful("store-2", False, 5, 2, False, ("data",), True)
    assert read(stateful_set(updateStrategy={"type": "OnDelete"})).on_delete


def test_a_revision_that_its_controller_has_not_seen_yet_is_none() -> None:
    obj = stateful_set()
    obj["metadata"]["generation"] += 1
    found = read_workload("store", "shop-green", obj, "StatefulSet")
    assert (found.rolled_out, found.stateful) == (False, Stateful())


@pytest.mark.parametrize(("updated", "whole"), [(2, True), (1, False)])
def test_it_is_rolled_out_when_all_its_pods_are_of_the_newest_template(updated: int, whole: bool) -> None:
    obj = stateful_set()
    obj["status"]["updatedReplicas"] = updated
    assert read_workload("store", "shop-green", obj, "StatefulSet").rolled_out is whole


def test_each_kind_says_where_it_is_and_what_it_needs() -> None:
    assert {kind: (row.api, row.template_pointer) for kind, row in KINDS.items()} == {
        "Deployment": ("apps/v1", "/spec/template"),
        "StatefulSet": ("apps/v1", "/spec/template"),
        "CronJob": ("batch/v1", "/spec/jobTemplate/spec/template"),
    }
    for kind, row in KINDS.items():
        assert f"{kind.lower()}s" in {what for _, what, _ in row.rights}


def side_with(kind: str) -> SideState:
    objects = {"web": deployment("web"), "mailer": deployment("mailer"), "store": stateful_set()}
    kinds = {"web": "Deployment", "mailer": "Deployment", "store": kind}
    workloads = {name: read_workload(name, "shop-green", obj, kinds[name]) for name, obj in objects.items()}  # type: ignore[arg-type]
    return SideState(PLACES[GREEN], workloads)


def test_the_kind_is_part_of_a_releases_id_but_of_kinds_that_had_ids_before() -> None:
    images = {"web": "a:1", "mailer": "a:1", "store": "a:1"}
    plain = render(shop(STORE.replace(", kind: StatefulSet", "")), side_with("Deployment"), images, {})
    stateful = render(shop(STORE), side_with("StatefulSet"), images, {})
    assert all("kind" not in each for each in plain["services"].values())
    assert stateful["services"]["store"] == plain["services"]["store"] | {"kind": "StatefulSet"}
    assert release_id(plain) != release_id(stateful)
