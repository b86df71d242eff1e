"""The small world behind the simulated API server: controllers, pods, Traefik's replicas, and an application."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache

from flipgate.core.values.sides import Side
from tests.simulation.apiserver import Address, ApiServer, Obj
from tests.simulation.scheduler import Process, Scheduler

APPS, CORE, TRAEFIK = "/apis/apps/v1", "/api/v1", "/apis/traefik.io/v1alpha1"
NAME, OWN, EDGE = "shop", "flipgate", "edge"
NAMESPACES = {side: f"shop-{side}" for side in Side}
SIDE_OF = {namespace: side for side, namespace in NAMESPACES.items()}
SERVICES = {"web": 2, "mailer": 1}
REPLICAS = ("traefik-a", "traefik-b")
THROTTLE_SECONDS = 2.0
HOST = "shop.example"
FOLLOWS_SECONDS = 0.5
"""How long a controller takes at most until it has seen a change."""
STARTS_SECONDS = 8.0
"""How long a pod takes at most until it is Ready."""
ENDS_SECONDS = 3.0

TEXT = """\
apiVersion: flipgate.dev/v1
kind: Application
metadata: {{name: shop}}
spec:
  sides: {{blue: {{namespace: shop-blue}}, green: {{namespace: shop-green}}}}
  routes: [{routes}]
  traffic: {{host: shop.example, header: X-Served-Side, proofTimeoutSeconds: 20}}
  services:
    - {{name: web, role: serving, replicas: 2}}
    - {{name: mailer, role: worker, replicas: 1}}
  announce: {{slackChannel: releases}}
  checks:
    - {{name: health, service: web, path: /}}
  policy: {{readyTimeoutSeconds: 120, bakeSeconds: 20, bakeIntervalSeconds: 5, soakSeconds: 60, keepFailedSeconds: 600,
    approvalExpiresSeconds: 900, workers: {workers}}}
"""
FLAG = Address(CORE, EDGE, "configmaps", "flags")
FLAGGED = f"  maintenance: {{namespace: {EDGE}, configMap: {FLAG.name}, key: moving}}\n"


HOOKS = """\
  hooks:
    - {name: ready, at: after-ready, service: web, path: /}
    - {name: before, at: before-flip, service: web, path: /}
    - {name: after, at: after-flip, service: web, path: /, onFailure: rollBack}
    - {name: last, at: after-settled, service: web, path: /}
"""


@dataclass(eq=False)
class Pod:
    """One pod, as its controller made it."""

    name: str
    namespace: str
    service: str
    template: str
    labels: Mapping[str, str]
    image: str
    ready_at: float
    """When it is Ready; never, where it is no good."""
    gone_at: float = float("inf")

    def shown(self, now: float) -> Obj:
        ready = self.ready(now)
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        container = {"name": self.service, "image": self.image, "ready": ready, "restartCount": 0}
        container |= {"state": {"running": {}}, "imageID": f"sha256:{self.image}"}
        meta: Obj = {"name": self.name, "namespace": self.namespace, "labels": dict(self.labels), "uid": self.name}
        meta["ownerReferences"] = [{"kind": "ReplicaSet", "name": f"{self.service}-{self.template[:10]}"}]
        if self.gone_at < float("inf"):
            meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        status = {"phase": "Running", "conditions": [condition], "containerStatuses": [container]}
        return {
            "metadata": meta,
            "spec": {"containers": [{"name": self.service, "image": self.image}]},
            "status": status,
        }

    def ready(self, now: float) -> bool:
        return self.ready_at <= now < self.gone_at


@dataclass(eq=False)
class Town:
    """Pods, what Traefik's replicas have heard of the routes, and what users are answered."""

    scheduler: Scheduler
    server: ApiServer
    routes: tuple[str, ...]
    process: Process = field(default_factory=lambda: Process("the cluster"))
    pods: dict[tuple[str, str], list[Pod]] = field(default_factory=dict)
    heard: dict[tuple[str, str], Obj] = field(default_factory=dict)
    """Each replica's routes, by replica and route."""
    _born: int = 0

    def found(self, workers: str, *, hooks: bool = False, flag: bool = False) -> str:
        """Makes both sides (blue live), the routes and what the controllers would have made of them. Returns the text
        of the application's file; with a maintenance `flag`, which is made, too."""
        for side, namespace in NAMESPACES.items():
            for name, count in SERVICES.items():
                self._deployment(namespace, name, count if side is Side.BLUE else 0)
            spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
            self.server.create(Address(CORE, namespace, "services"), {"metadata": {"name": "web"}, "spec": spec})
        for route in self.routes:
            services = [{"name": "web", "namespace": NAMESPACES[Side.BLUE], "port": 80}]
            spec = {"routes": [{"match": f"Host(`{HOST}`)", "services": services}]}
            meta = {"name": route, "namespace": EDGE}
            self.server.create(
                Address(TRAEFIK, EDGE, "ingressroutes"),
                {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": meta, "spec": spec},
            )
        self._follow(at_once=True)
        for replica in REPLICAS:
            for route in self.routes:
                self.heard[replica, route] = self.server.get(_route(route))
        self.scheduler.spawn("controllers", self._control, self.process)
        for replica in REPLICAS:
            self.scheduler.spawn(replica, lambda replica=replica: self._listen(replica), self.process)
        declared = ", ".join(f"{{kind: IngressRoute, namespace: {EDGE}, name: {route}}}" for route in self.routes)
        if flag:
            place = Address(FLAG.api, FLAG.namespace, FLAG.plural)
            self.server.create(place, {"metadata": {"name": FLAG.name}, "data": {"moving": "false"}})
        return TEXT.format(routes=declared, workers=workers) + (FLAGGED if flag else "") + (HOOKS if hooks else "")

    @property
    def flag(self) -> str:
        """What the maintenance flag says; empty without one."""
        obj = self.server.objects.get(FLAG.key)
        return obj["data"]["moving"] if obj else ""

    def ready(self, side: Side, service: str) -> int:
        """Pods of a service that are Ready now."""
        return sum(pod.ready(self.scheduler.now) for pod in self.pods.get((NAMESPACES[side], service), ()))

    def running(self, side: Side, service: str) -> int:
        """Pods of a service that are there, Ready or not."""
        return sum(pod.gone_at > self.scheduler.now for pod in self.pods.get((NAMESPACES[side], service), ()))

    def image(self, side: Side, service: str) -> str:
        """What a side's workload is to run."""
        obj = self.server.get(Address(APPS, NAMESPACES[side], "deployments", service))
        return str(obj["spec"]["template"]["spec"]["containers"][0]["image"])

    def said(self, route: str) -> Side | None:
        """The side that a route names now; None for another namespace."""
        return side_named(self.server.get(_route(route)))

    def through(self, path: str, headers: Mapping[str, str]) -> tuple[int, dict[str, str], bytes] | None:
        """What is answered by pods through the API server's proxy; None where the path is no proxy's."""
        if match := re.fullmatch(r"/api/v1/namespaces/([^/]+)/services/(\w+):\d+/proxy/.*", path):
            side = SIDE_OF[match[1]]
            return self._answer(side) if self.ready(side, match[2]) else _unavailable()
        if match := re.fullmatch(r"/api/v1/namespaces/traefik/pods/([^:]+):\d+/proxy/.*", path):
            named = side_named(self.heard[match[1], self.routes[0]])
            return self._answer(named) if named and self.ready(named, "web") else _unavailable()
        return None

    def _answer(self, side: Side) -> tuple[int, dict[str, str], bytes]:
        return 200, {"x-served-side": str(side)}, b"{}"

    def _deployment(self, namespace: str, name: str, count: int) -> None:
        labels = {"app": name}
        containers = [{"name": name, "image": f"shop/{name}:1"}]
        spec = {
            "replicas": count,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        }
        obj = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels},
            "spec": spec,
        }
        self.server.create(Address(APPS, namespace, "deployments"), obj | {"status": {}})

    def _control(self) -> None:
        """A Deployment's controller, its kubelet, and an end for pods, once in a while."""
        while True:
            seen = self.server.version
            due = min(self._following(), default=float("inf")) - self.scheduler.now
            self.scheduler.block(lambda: self.server.version != seen, None if due == float("inf") else due)  # noqa: B023
            self.scheduler.sleep(self.scheduler.choices.seconds(FOLLOWS_SECONDS))
            self._follow()

    def _following(self) -> Iterator[float]:
        """When something of the pods changes by itself."""
        now = self.scheduler.now
        for pods in self.pods.values():
            for pod in pods:
                yield from (at for at in (pod.ready_at, pod.gone_at) if now < at < float("inf"))

    def _follow(self, *, at_once: bool = False) -> None:
        for namespace in SIDE_OF:
            for obj in self.server.items(Address(APPS, namespace, "deployments")):
                self._follow_one(obj, at_once)

    def _follow_one(self, obj: Obj, at_once: bool) -> None:
        meta, spec, now = obj["metadata"], obj["spec"], self.scheduler.now
        key = meta["namespace"], meta["name"]
        template = hashlib.sha256(json.dumps(spec["template"], sort_keys=True).encode()).hexdigest()
        pods = [pod for pod in self.pods.get(key, []) if pod.gone_at > now]
        new = [pod for pod in pods if pod.template == template and pod.gone_at == float("inf")]
        for _ in range(spec["replicas"] - len(new)):
            new.append(made := self._pod(obj, template, at_once))
            pods.append(made)
        for pod in new[spec["replicas"] :]:
            pod.gone_at = min(pod.gone_at, now + self.scheduler.choices.seconds(ENDS_SECONDS))
        kept = new[: spec["replicas"]]
        if all(pod.ready(now) for pod in kept):
            for pod in pods:
                if pod.template != template:
                    pod.gone_at = min(pod.gone_at, now + self.scheduler.choices.seconds(ENDS_SECONDS))
        self.pods[key] = [pod for pod in pods if pod.gone_at > now]
        staying = [pod for pod in self.pods[key] if pod.gone_at == float("inf")]
        status = {
            "observedGeneration": meta["generation"],
            "replicas": len(staying),
            "updatedReplicas": len(kept),
            "readyReplicas": sum(pod.ready(now) for pod in staying),
        }
        if status != obj.get("status"):
            place = Address(APPS, *key[:1], "deployments", key[1], "status")
            self.server.patch(place, "application/merge-patch+json", {"status": status})

    def _pod(self, obj: Obj, template: str, at_once: bool) -> Pod:
        self._born += 1
        name, namespace = obj["metadata"]["name"], obj["metadata"]["namespace"]
        image = obj["spec"]["template"]["spec"]["containers"][0]["image"]
        starts = 0.0 if at_once else self.scheduler.choices.seconds(STARTS_SECONDS)
        ready = float("inf") if image.endswith("-bad") else self.scheduler.now + starts
        labels = obj["spec"]["template"]["metadata"]["labels"]
        return Pod(f"{name}-{self._born}", namespace, name, template, labels, image, ready)

    def _listen(self, replica: str) -> None:
        """A replica follows a changed route within its throttle, each in its own time."""
        seen = -1
        while True:
            if self._version() == seen:
                self.scheduler.block(lambda: self._version() != seen)  # noqa: B023
            self.scheduler.sleep(self.scheduler.choices.seconds(THROTTLE_SECONDS))
            seen = self._version()
            for route in self.routes:
                self.heard[replica, route] = self.server.get(_route(route))

    def _version(self) -> int:
        return self.server.newest["ingressroutes"]

    def slices_listed(self, address: Address, age: float = 0.0) -> list[Obj]:
        """The EndpointSlices of a side: of its one Service, as they were some seconds ago."""
        at = self.scheduler.now - age
        pods = self.pods.get((address.namespace, "web"), ())
        endpoints = [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": pod.ready(at)}} for pod in pods if pod.gone_at > at
        ]
        meta = {"name": "web-1", "labels": {"kubernetes.io/service-name": "web"}}
        return [{"metadata": meta, "endpoints": endpoints, "ports": [{"name": "", "port": 80}]}]

    def pods_listed(self, address: Address, selector: str) -> list[Obj]:
        """The pods of a namespace, Traefik's among them."""
        if address.namespace == "traefik":
            return [traefik_pod(name) for name in REPLICAS]
        wanted = dict(each.split("=", 1) for each in selector.split(",") if each)
        found = [pod for (namespace, _), pods in self.pods.items() if namespace == address.namespace for pod in pods]
        alive = [pod for pod in found if pod.gone_at > self.scheduler.now and wanted.items() <= pod.labels.items()]
        return [pod.shown(self.scheduler.now) for pod in alive]


@cache
def _route(name: str) -> Address:
    return Address(TRAEFIK, EDGE, "ingressroutes", name)


def side_named(route: Obj) -> Side | None:
    """The side that a route's one service is of."""
    return SIDE_OF.get(route["spec"]["routes"][0]["services"][0].get("namespace", ""))


def traefik_pod(name: str) -> Obj:
    """One of Traefik's pods, which are always there."""
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return {"metadata": {"name": name, "namespace": "traefik"}, "status": status}


def _unavailable() -> tuple[int, dict[str, str], bytes]:
    return 503, {}, b"no available server"
