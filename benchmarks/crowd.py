"""An application of many services on an API server alone: its pods are played, so what is measured is what is asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.timed import TimedConnection
from flipgate.adapters.addresses import address, namespace_address
from flipgate.adapters.cluster import Cluster
from flipgate.adapters.store import Store
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.record import Record
from flipgate.core.spec.application import Application, load_application
from flipgate.core.values.errors import Conflict, FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP
from flipgate.core.workloads.taken_out import roles_of
from flipgate.steps.acting.world import World, utc_now
from lab.control.records import Lab

KIND = {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute"}
ROUTES = "/apis/traefik.io/v1alpha1/namespaces/{}/ingressroutes"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
PAUSE_SECONDS = 0.1
PORTS = {"spec": {"ports": [{"port": 80}]}}
READY = {
    "addressType": "IPv4",
    "ports": [{"name": "", "port": 80}],
    "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
}


@dataclass(frozen=True)
class Crowd:
    """One application of so many services, in namespaces of its own."""

    lab: Lab
    cluster: Cluster
    name: str
    count: int
    home: str = ""
    """Where its record is, if not where its routes are."""

    @property
    def own(self) -> str:
        return self.home or self.name

    @property
    def plain(self) -> str:
        return f"{self.name}-plain"

    @property
    def services(self) -> list[str]:
        return [f"part-{number:03}" for number in range(self.count)]

    @property
    def application(self) -> Application:
        """One service in ten is a worker."""
        return load_application(self.text, "crowd.yaml")

    @property
    def text(self) -> str:
        roles = ("serving",) * 9 + ("worker",)
        lines = [
            f"    - {{name: {name}, role: {roles[number % 10]}, replicas: 1}}"
            for number, name in enumerate(self.services)
        ]
        sides = ", ".join(f"{side}: {{namespace: {self.name}-{side}}}" for side in Side)
        head = f"""\
apiVersion: flipgate.dev/v1
kind: Application
metadata: {{name: {self.name}}}
spec:
  sides: {{{sides}}}
  routes: [{{kind: IngressRoute, namespace: {self.name}, name: live}}]
  traffic: {{host: {self.name}.example, header: X-Side, traefik: {{namespace: {self.name}}}}}
  services:
"""
        return "\n".join([head.rstrip("\n"), *lines, ""])

    def images(self, tag: int) -> dict[str, str]:
        """All services at this tag."""
        return {name: f"crowd/{name}:{tag}" for name in self.services}

    def world(self) -> tuple[World, TimedConnection]:
        """A World by connections that note what they are asked."""
        timed = TimedConnection.of(self.cluster)
        cluster = Cluster(timed)
        return World(cluster, Store(cluster, self.own, self.name), self.application, "benchmark"), timed

    def set_up(self) -> None:
        """Both sides, blue up and green at rest; the route on blue; applied, and adopted."""
        for namespace in (self.name, *(f"{self.name}-{side}" for side in Side)):
            self.cluster.create(namespace_address("").rstrip("/"), {"metadata": {"name": namespace}})
        for side in Side:
            for name in self.services:
                made = deployment(name, int(side is Side.BLUE))
                made["metadata"]["labels"] = {STAMP: "0.adopted"}
                self.cluster.create(self.deployments(side), made)
                self.cluster.create(address("Service", f"{self.name}-{side}"), {"metadata": {"name": name}, **PORTS})
                labels = {"kubernetes.io/service-name": name}
                slice_ = {"metadata": {"name": f"{name}-0", "labels": labels}, **READY}
                self.cluster.create(address("EndpointSlice", f"{self.name}-{side}"), slice_)
        rules = [self.rule(name) for name in self.services]
        route = {**KIND, "metadata": {"name": "live", "namespace": self.name}, "spec": {"routes": rules}}
        self.cluster.create(ROUTES.format(self.name), route)
        self.play()
        labels = {"flipgate.dev/application": self.name, "flipgate.dev/kind": "application"}
        meta = {"name": f"application-{self.name}", "labels": labels}
        kept = {"metadata": meta, "data": {"application.yaml": self.text}}
        self.cluster.create(address("ConfigMap", self.own), kept)
        world, _ = self.world()
        now, replicas = utc_now(), dict.fromkeys(self.services, 1)
        ran = {"images": self.images(1), "roles": roles_of(self.application), "replicas": replicas, "since": now}
        sides = {side: Occupant(release="adopted", **ran) for side in Side}  # type: ignore[arg-type]
        world.store.create(Record(application=self.name, epoch=0, active=Side.BLUE, sides=sides))

    def rule(self, name: str) -> dict[str, Any]:
        """What the route says of one service: it has a path of its own."""
        entry = {"name": name, "namespace": f"{self.name}-blue", "port": 80}
        match = f"Host(`{self.name}.example`) && PathPrefix(`/{name}`)"
        return {"match": match, "kind": "Rule", "services": [entry]}

    def deployments(self, side: Side) -> str:
        """The address of a side's Deployments."""
        return address("Deployment", f"{self.name}-{side}")

    def add_plain(self) -> str:
        """A namespace of the same Deployments at rest, for who brings them up without flipgate; its name."""
        self.cluster.create(namespace_address("").rstrip("/"), {"metadata": {"name": self.plain}})
        for name in self.services:
            self.cluster.create(address("Deployment", self.plain), deployment(name, 0))
        return self.plain

    def play(self) -> None:
        """What the controllers would do: all that are wanted are there and Ready."""
        for namespace in (f"{self.name}-blue", f"{self.name}-green", self.plain):
            for obj in self.cluster.items(address("Deployment", namespace)):
                wanted = obj["spec"]["replicas"]
                counts = (
                    dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), wanted)
                    if wanted
                    else {}
                )
                status = {**counts, "observedGeneration": obj["metadata"]["generation"]}
                if obj.get("status") != status:
                    path = f"{address('Deployment', namespace)}/{obj['metadata']['name']}/status"
                    self.cluster.patch(path, [{"op": "add", "path": "/status", "value": status}])

    @contextmanager
    def playing(self) -> Iterator[None]:
        """The same again and again while the block runs, beside whoever is measured."""
        over = threading.Event()

        def again() -> None:
            while not over.wait(PAUSE_SECONDS):
                try:
                    self.play()
                except FlipgateError:
                    continue  # written meanwhile: the next turn sees it

        thread = threading.Thread(target=again, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def serve_routes(cluster: Cluster) -> None:
    """Has the API server serve IngressRoutes, of whatever content: nobody reads them here but flipgate."""
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": ANYTHING}}
    names = {"kind": "IngressRoute", "plural": "ingressroutes", "singular": "ingressroute"}
    spec = {"group": "traefik.io", "names": names, "scope": "Namespaced", "versions": [version]}
    try:
        cluster.create(CRDS, {"metadata": {"name": "ingressroutes.traefik.io"}, "spec": spec})
    except Conflict:
        return  # of a run before


def deployment(name: str, replicas: int, tag: int = 1) -> dict[str, Any]:
    """One service's Deployment."""
    labels = {"app": name}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": f"crowd/{name}:{tag}"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pods}
    return {"metadata": {"name": name}, "spec": spec}
