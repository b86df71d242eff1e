"""A second Traefik replica on the lab, which follows changes until a test cuts its way to the API server.

Cut off it stays Ready, and answers by what it read last: as a replica does behind a broken network, or with a
token that has run out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flipgate.adapters.cluster import Cluster
from lab.control.records import Lab
from tests.lab import relay
from tests.lab.stage import wait_until

DEPLOYMENTS = "/apis/apps/v1/namespaces/traefik/deployments"
PODS = "/api/v1/namespaces/traefik/pods"
NAME = "app.kubernetes.io/name"


@dataclass(frozen=True)
class SecondTraefik:
    """Its pod, and a selector that finds it beside the lab's own."""

    cluster: Cluster
    name: str

    @property
    def selector(self) -> str:
        return f"{NAME} in (traefik, {self.name})"

    @property
    def pod(self) -> str:
        (found,) = self.cluster.items(PODS, labelSelector=f"{NAME}={self.name}")
        return str(found["metadata"]["name"])

    def cut_off(self) -> None:
        """Cuts its way to the API server; returns when nothing passes any more."""
        self.cluster.delete(f"{DEPLOYMENTS}/{self.name}-relay")
        wait_until("the relay is gone", lambda: not self.cluster.items(PODS, labelSelector=f"{NAME}={self.name}-relay"))


@contextmanager
def second_traefik(
    lab: Lab, folder: Path, name: str, *, without: str = "", namespaces: Sequence[str] = ()
) -> Iterator[SecondTraefik]:
    """Beside the lab's own, Ready, with its arguments but for what has `without` in it; no user of the lab is sent to
    it, as the way in leads to the first alone. With `namespaces` it follows these alone, so that what happens to other
    applications of the lab is no change to it, which its throttle would count."""
    cluster = Cluster.connect(lab.kubeconfig)
    own = cluster.get(f"{DEPLOYMENTS}/traefik")
    try:
        command = [sys.executable, str(Path(relay.__file__))]
        _create(cluster, f"{name}-relay", own, {"name": "relay", "image": "relay:1", "command": command})
        address = wait_until("the relay's address", lambda: _address(cluster, f"{name}-relay"))
        kubeconfig = yaml.safe_load((lab.dir / "traefik.kubeconfig").read_text())
        for each in kubeconfig["clusters"]:
            each["cluster"] |= {"server": f"https://{address}:{relay.PORT}", "tls-server-name": "localhost"}
        (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        args = [arg for arg in _container(own)["args"] if not without or without not in arg]
        if namespaces:
            args = [arg for arg in args if "kubernetesgateway" not in arg]
            args.append(f"--providers.kubernetescrd.namespaces={','.join(namespaces)}")
        env = [_pod_ip(), {"name": "KUBECONFIG", "value": str(folder / "kubeconfig")}]
        _create(cluster, name, own, {"args": args, "env": env})
        wait_until("the second Traefik is Ready", lambda: _ready(cluster, name))
        yield SecondTraefik(cluster, name)
    finally:
        for each in (name, f"{name}-relay"):
            cluster.delete(f"{DEPLOYMENTS}/{each}")


def _create(cluster: Cluster, name: str, own: dict[str, Any], container: dict[str, Any]) -> None:
    """A Deployment like Traefik's own, with other labels, an address of its own, and this in its container."""
    made = json.loads(json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "spec": own["spec"]}))
    labels = {NAME: name}
    made["metadata"] = {"name": name, "labels": labels}
    made["spec"]["selector"] = {"matchLabels": labels}
    template = made["spec"]["template"]
    template["metadata"] = {"labels": labels}
    old = {"env": [_pod_ip()]} if "command" in container else _container(own)
    template["spec"]["containers"] = [old | container]
    cluster.create(DEPLOYMENTS, made)


def _container(deployment: dict[str, Any]) -> dict[str, Any]:
    (found,) = deployment["spec"]["template"]["spec"]["containers"]
    return dict(found)


def _pod_ip() -> dict[str, Any]:
    return {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}


def _address(cluster: Cluster, name: str) -> str:
    pods = cluster.items(PODS, labelSelector=f"{NAME}={name}")
    return next((each["status"]["podIP"] for each in pods if each["status"].get("podIP")), "")


def _ready(cluster: Cluster, name: str) -> bool:
    return bool(cluster.get(f"{DEPLOYMENTS}/{name}").get("status", {}).get("readyReplicas"))
