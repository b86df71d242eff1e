"""A Job made of a workload's own pod template: what of it stays, and what would make its pod one of the service's."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.workloads.own_job import own_job

TEMPLATE: dict[str, Any] = {
    "metadata": {
        "labels": {"app": "web", "azure.workload.identity/use": "true"},
        "annotations": {"prometheus.io/scrape": "true", "vault.hashicorp.com/role": "web"},
    },
    "spec": {
        "serviceAccountName": "web",
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"disk": "fast"},
        "subdomain": "web",
        "restartPolicy": "Always",
        "readinessGates": [{"conditionType": "a"}],
        "affinity": {"nodeAffinity": {"x": 1}, "podAntiAffinity": {"y": 2}},
        "volumes": [{"name": "settings", "configMap": {"name": "web"}}],
        "initContainers": [{"name": "wait", "image": "acme/wait:1"}],
        "containers": [
            {
                "name": "web",
                "image": "acme/web:1",
                "command": ["serve"],
                "args": ["--all"],
                "ports": [{"containerPort": 80}],
                "readinessProbe": {"httpGet": {"port": 80}},
                "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
                "env": [{"name": "A", "value": "b"}],
                "envFrom": [{"secretRef": {"name": "web"}}],
                "volumeMounts": [{"name": "settings", "mountPath": "/s"}, {"name": "data", "mountPath": "/d"}],
                "resources": {"requests": {"cpu": "1"}},
            },
            {"name": "sidecar", "image": "acme/sidecar:1"},
        ],
    },
}


def test_it_keeps_what_its_command_needs_and_loses_what_is_for_a_service() -> None:
    spec = own_job(TEMPLATE, "web", "acme/web:2", ["migrate", "up"], "up")
    assert spec["backoffLimit"] == 0
    pod = spec["template"]["spec"]
    assert pod["containers"] == [
        {
            "name": "web",
            "image": "acme/web:2",
            "command": ["migrate", "up"],
            "env": [{"name": "A", "value": "b"}],
            "envFrom": [{"secretRef": {"name": "web"}}],
            "volumeMounts": [{"name": "settings", "mountPath": "/s"}],
            "resources": {"requests": {"cpu": "1"}},
        }
    ]
    assert {key: value for key, value in pod.items() if key != "containers"} == {
        "serviceAccountName": "web",
        "imagePullSecrets": [{"name": "registry"}],
        "nodeSelector": {"disk": "fast"},
        "affinity": {"nodeAffinity": {"x": 1}},
        "volumes": TEMPLATE["spec"]["volumes"],
        "restartPolicy": "Never",
    }


def test_its_pod_bears_no_label_that_a_service_could_select_by() -> None:
    meta = own_job(TEMPLATE, "web", "acme/web:2", ["migrate"], "up")["template"]["metadata"]
    assert meta == {
        "labels": {"azure.workload.identity/use": "true", "flipgate.dev/task": "up"},
        "annotations": {"vault.hashicorp.com/role": "web"},
    }


def test_a_container_that_is_not_there_is_no_job() -> None:
    with pytest.raises(KeyError):
        own_job(TEMPLATE, "api", "acme/web:2", ["migrate"], "up")
