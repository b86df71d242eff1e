"""One more Traefik replica, in a pod: it passes all on to the lab's own, until a file says what is wrong with it.

It stays Ready, as a replica does whose probe has not failed yet. Made with `one_more`; run by its name in the pod.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.faults.front import PIECE_SECONDS, Fault, Front

if TYPE_CHECKING:
    from flipgate.adapters.cluster import Cluster

METRICS_PORT = 8080
PORTS = (8000, 8443, METRICS_PORT)
"""For users, by TLS, for metrics."""
NAME = "app.kubernetes.io/name"
DEPLOYMENTS = "/apis/apps/v1/namespaces/traefik/deployments"
PODS = "/api/v1/namespaces/traefik/pods"


@dataclass(frozen=True)
class Replica:
    """What the test knows of it."""

    name: str
    said: Path

    @property
    def selector(self) -> str:
        """Of it and the lab's own."""
        return f"{NAME} in (traefik, {self.name})"

    def becomes(self, fault: Fault | None, *ports: int) -> None:
        """From now on this is wrong with it, or nothing, at these ports (none named: at all); it has heard when this
        returns."""
        from tests.lab.stage import wait_until  # not in the pod

        words = " ".join((fault, *map(str, ports or PORTS))) if fault else ""
        new = self.said.with_suffix(".new")
        new.write_text(words)
        new.replace(self.said)
        wait_until(f"{self.name} has heard", lambda: heard(self.said) == words)


def heard(said: Path) -> str | None:
    """What it has heard last."""
    told = said.with_suffix(".heard")
    return told.read_text() if told.exists() else None


@contextmanager
def one_more(cluster: Cluster, name: str) -> Iterator[Replica]:
    """Beside the lab's own, Ready; no user is sent to it."""
    from lab.machine.paths import CHECKOUT
    from tests.lab.stage import wait_until

    own = cluster.get(f"{DEPLOYMENTS}/traefik")
    (traefik,) = cluster.items(PODS, labelSelector=f"{NAME}=traefik")
    with tempfile.TemporaryDirectory() as folder:
        replica = Replica(name, Path(folder) / "fault")
        replica.said.write_text("")
        env = {"PYTHONPATH": str(CHECKOUT), "FAULT": str(replica.said), "TRAEFIK": traefik["status"]["podIP"]}
        container = {
            "name": "replica",
            "image": "relay:1",
            "command": [sys.executable, "-m", "tests.faults.replica"],
            "env": [
                {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                *({"name": key, "value": value} for key, value in env.items()),
            ],
            "readinessProbe": {"tcpSocket": {"port": PORTS[0]}, "periodSeconds": 1, "failureThreshold": 1000},
        }
        labels = {NAME: name}
        template = {
            "metadata": {"labels": labels},
            "spec": {**own["spec"]["template"]["spec"], "containers": [container]},
        }
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        made: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": spec}
        cluster.create(DEPLOYMENTS, {**made, "metadata": {"name": name, "labels": labels}})
        try:
            path = f"{DEPLOYMENTS}/{name}"
            wait_until(f"{name} is Ready", lambda: cluster.get(path).get("status", {}).get("readyReplicas"))
            yield replica
        finally:
            cluster.delete(f"{DEPLOYMENTS}/{name}")


def main() -> None:
    fronts = [Front((os.environ["TRAEFIK"], port)) for port in PORTS]
    for front in fronts:
        door = socket.create_server((os.environ["POD_IP"], front.there[1]), backlog=128)
        threading.Thread(target=front.serve, args=(door,), daemon=True).start()
    while True:
        said = Path(os.environ["FAULT"]).read_text()
        fault, *ports = said.split() or ("",)
        for front in fronts:
            front.fault = Fault(fault) if str(front.there[1]) in ports else None
        Path(os.environ["FAULT"]).with_suffix(".heard").write_text(said)
        time.sleep(PIECE_SECONDS)


if __name__ == "__main__":
    main()
