"""Volumes in a real lab: claims are bound, data outlives its pod, and a command sees what its container mounts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.control.records import Lab
from tests.lab.machine.kubectl import Kubectl, namespace

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
COUNT = "echo x >> /data/of/starts; test -s /etc/store.d/store.conf && touch /run/lock-of-store; sleep 1000"


@pytest.fixture(scope="module")
def kubectl(lab: Lab) -> Iterator[Kubectl]:
    with namespace(lab, "volumes") as made:
        yield made


def stateful(name: str, container: dict[str, Any], volumes: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    mounts = [{"name": "data", "mountPath": "/data/of"}, *container.pop("volumeMounts", [])]
    labels = {"app": name}
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"clusterIP": "None", "selector": labels, "ports": [{"port": 8080}]},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": name},
            "spec": {
                "serviceName": name,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "terminationGracePeriodSeconds": 1,
                        "containers": [{"name": "app", "volumeMounts": mounts} | container],
                        "volumes": volumes or [],
                    },
                },
                "volumeClaimTemplates": [CLAIM],
            },
        },
    ]


def test_a_sample_counts_its_starts_on_a_claim_that_outlives_its_pod(kubectl: Kubectl) -> None:
    kubectl.apply(*stateful("store", {"image": "sportsdata/store:1"}))
    kubectl.ready("store-0")
    assert kubectl.body("store-0")["starts"] == 1
    kubectl("delete", "pod", "store-0")
    kubectl.ready("store-0")
    assert kubectl.body("store-0")["starts"] == 2
    claim = kubectl.get("pvc/data-store-0")
    assert (claim["status"]["phase"], claim["spec"]["storageClassName"]) == ("Bound", "lab")


def test_a_command_sees_its_mounts_and_leaves_the_machine_alone(kubectl: Kubectl) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"store.conf": "a=1"}}
    check = ["sh", "-c", "grep -c x /data/of/starts >&2; test -e /run/lock-of-store"]
    container = {
        "image": "store",
        "command": ["sh", "-c", COUNT],
        "readinessProbe": {"exec": {"command": check}, "periodSeconds": 1, "timeoutSeconds": 10},
        "volumeMounts": [
            {"name": "conf", "mountPath": "/etc/store.d", "readOnly": True},
            {"name": "locks", "mountPath": "/run"},
        ],
    }
    volumes = [{"name": "conf", "configMap": {"name": "conf"}}, {"name": "locks", "emptyDir": {}}]
    kubectl.apply(config, *stateful("engine", container, volumes))
    kubectl.ready("engine-0")
    claim = kubectl.get("pvc/data-engine-0")["spec"]["volumeName"]
    starts = kubectl.lab.dir / "volumes" / claim / "starts"
    assert starts.read_text() == "x\n"
    kubectl("delete", "pod", "engine-0")
    kubectl.ready("engine-0")
    assert starts.read_text() == "x\nx\n"
    assert not any(map(_exists, ("/data/of", "/etc/store.d", "/run/lock-of-store"))), "nothing of it is the machine's"
    kubectl("delete", "statefulset", "engine")
    kubectl("delete", "pvc", "data-engine-0")
    kubectl.until(lambda: not starts.parent.exists(), "the end of what was in the claim")


def test_a_volume_that_the_lab_does_not_have_keeps_the_container_from_starting(kubectl: Kubectl) -> None:
    container = {
        "name": "app",
        "image": "nfs",
        "command": ["sleep", "1000"],
        "volumeMounts": [{"name": "far", "mountPath": "/far"}],
    }
    spec = {"containers": [container], "volumes": [{"name": "far", "nfs": {"server": "nas", "path": "/"}}]}
    kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "far"}, "spec": spec})
    kubectl.until(lambda: "the lab mounts no nfs volumes" in kubectl("get", "events"), "an event that names it")
    state = kubectl.get("pod/far")["status"]["containerStatuses"][0]["state"]
    assert state["waiting"]["reason"] == "ContainerCreating"


def _exists(path: str) -> bool:
    return Path(path).exists()
