"""A Traefik and a side by script: what users get, and what a bake sees of the shop of tests/core/builders.py."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from flipgate.adapters.cluster import Cluster
from flipgate.adapters.store import Store
from flipgate.core.spec.application import Application
from flipgate.steps.acting.world import World
from tests.api.wire import Answer, Handler
from tests.core.builders import declaring, deployment, shop

FORBIDDEN = json.dumps({"kind": "Status", "code": 403, "message": "pods/proxy is forbidden"}).encode()


def pod(name: str, *, ready: bool = True, phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": str(ready)}]
    return {"metadata": {"name": name, **metadata}, "status": {"phase": phase, "conditions": conditions}}


@dataclass
class Town:
    """The answers: Traefik's pods, green's Deployments, and what users get by the live route."""

    status: int = 200
    shown: str = "green"
    body: bytes = b"{}"
    pods: list[dict[str, Any]] = field(default_factory=lambda: [pod("a"), pod("b", ready=False)])
    deployments: list[dict[str, Any]] = field(default_factory=lambda: [deployment()])
    asked: Counter[str] = field(default_factory=Counter)

    def __call__(self, request: Handler) -> Answer | None:
        if "/proxy/" not in request.path:
            path, _, name = request.path.partition("/deployments/")
            if name:
                found = [each for each in self.deployments if each["metadata"]["name"] == name]
                return (200, json.dumps({"kind": "Deployment", **found[0]}).encode()) if found else (404, b"{}")
            items = self.deployments if path.endswith("/deployments") else self.pods
            return 200, json.dumps({"items": items}).encode()
        self.asked[request.path.split("/pods/")[1].split(":")[0]] += 1
        request.send_response(self.status)
        if self.shown:
            request.send_header("X-Served-Side", self.shown)
        request.send_header("Content-Length", str(len(self.body)))
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(self.body)
        return None


def world_of(cluster: Cluster, application: Application | None = None, **doings: Any) -> World:
    """The shop, watched for a single look, or this file of it."""
    application = application or declaring(shop(), policy={"bake_seconds": 0})
    return World(cluster, Store(cluster, "fg", "shop"), application, "ana", **doings)
