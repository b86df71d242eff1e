"""The simulated API server answers as the real one does: the same random requests to both, the same answers."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from flipgate.adapters.cluster import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, Cluster
from flipgate.adapters.connection import Connection
from tests.simulation.apiserver import ApiServer
from tests.simulation.network import Network, SimulatedConnection
from tests.simulation.scheduler import Choices, Process, Scheduler
from tests.simulation.weather import Sky

OPERATIONS = 150
NAMES = ("a", "b")


def config_map(number: int) -> dict[str, Any]:
    return {"data": {"key": str(number)}}


def deployment(number: int) -> dict[str, Any]:
    labels, container = {"app": "web"}, {"name": "web", "image": f"shop/web:{number}"}
    template = {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container]}}
    return {"spec": {"replicas": number, "selector": {"matchLabels": labels}, "template": template}}


def lease(number: int) -> dict[str, Any]:
    return {"spec": {"holderIdentity": f"ana-{number}", "leaseTransitions": number}}


def ingress_route(number: int) -> dict[str, Any]:
    return {"spec": {"routes": [{"match": "Host(`a`)", "services": [{"name": "web", "port": number}]}]}}


KINDS: Mapping[str, tuple[str, str, Any, str]] = {
    "configmaps": ("/api/v1", "v1 ConfigMap", config_map, "/data/key"),
    "deployments": ("/apis/apps/v1", "apps/v1 Deployment", deployment, "/spec/replicas"),
    "leases": ("/apis/coordination.k8s.io/v1", "coordination.k8s.io/v1 Lease", lease, "/spec/leaseTransitions"),
    "ingressroutes": (
        "/apis/traefik.io/v1alpha1",
        "traefik.io/v1alpha1 IngressRoute",
        ingress_route,
        "/spec/routes/0/services/0/port",
    ),
}
SHOWN = ("data", "spec.replicas", "spec.holderIdentity", "spec.leaseTransitions", "spec.routes")


class Server:
    """One of the two, and what was read of it: versions and uids are each server's own."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self._connection, self._namespace = connection, namespace
        self._seen: dict[str, list[dict[str, Any]]] = {}

    def ask(self, method: str, path: str, body: Any, content_type: str, query: Mapping[str, str]) -> Any:
        """What it answers, without what differs by server; `$version` and `$uid` of the body are what was read."""
        where = path.replace("$namespace", self._namespace)
        data = None if body is None else json.dumps(self._filled(path, body)).encode()
        whole = self._connection.send(
            method, where, {"fieldManager": "flipgate", **query}, data=data, content_type=content_type, timeout=10
        )
        answer = json.loads(whole.body)
        if whole.status >= 400:
            return whole.status, bool((answer.get("details") or {}).get("causes"))
        if "items" in answer:
            return whole.status, [self._shown(path, each) for each in answer["items"]]
        return whole.status, self._shown(path if method != "POST" else f"{path}/{body['metadata']['name']}", answer)

    def _shown(self, path: str, obj: dict[str, Any]) -> Any:
        meta = obj.get("metadata") or {}
        seen = self._seen.setdefault(path, [])
        changed = not seen or seen[-1]["resourceVersion"] != meta.get("resourceVersion")
        if meta.get("resourceVersion") and path.rsplit("/", 1)[-1] in NAMES:
            seen.append(meta)
        told = {key: meta.get(key) or {} for key in ("labels", "annotations")} | {"generation": meta.get("generation")}
        values = {key: _value(obj, key) for key in SHOWN}
        return meta.get("name"), changed, told, values

    def _filled(self, path: str, body: Any) -> Any:
        seen = self._seen.get(path) or [{"resourceVersion": "1", "uid": "none"}]
        first = {"$version": seen[-1]["resourceVersion"], "$uid": seen[-1]["uid"], "$old": seen[0]["resourceVersion"]}
        text = json.dumps(body)
        for word, value in first.items():
            text = text.replace(word, value)
        return json.loads(text)


def _value(obj: Any, key: str) -> Any:
    for word in key.split("."):
        obj = obj.get(word) if isinstance(obj, dict) else None
    return obj


def request(numbers: random.Random, plural: str) -> tuple[str, str, Any, str, dict[str, str]]:
    """A request as flipgate, or somebody else, might make it."""
    api, words, make, pointer = KINDS[plural]
    version, kind = words.split()
    name, number = numbers.choice(NAMES), numbers.randrange(1, 4)
    every = f"{api}/namespaces/$namespace/{plural}"
    one, plain = f"{every}/{name}", "application/json"
    whole = {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "labels": {"n": str(number)}},
        **make(number),
    }
    fence = numbers.choice([{}, {"resourceVersion": "$version"}, {"resourceVersion": "$old"}])
    stamp = "/metadata/labels/flipgate.dev~1stamp"
    operations = [
        {"op": "test", "path": "/metadata/uid", "value": "$uid"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "$version"},
        {"op": "test", "path": "/metadata/resourceVersion", "value": "$old"},
        {"op": "test", "path": stamp, "value": None},
        {"op": "test", "path": stamp, "value": f"{number}.x"},
        {"op": "add", "path": stamp, "value": f"{number}.x"},
        {"op": "remove", "path": stamp},
        {"op": "test", "path": "/metadata/annotations", "value": None},
        {"op": "add", "path": "/metadata/annotations", "value": {"a": str(number)}},
        {"op": "test", "path": "/metadata/annotations/a", "value": str(number)},
        {"op": "test", "path": pointer, "value": str(number) if plural == "configmaps" else number},
        {"op": "replace", "path": pointer, "value": str(number) if plural == "configmaps" else number},
        {"op": "add", "path": pointer, "value": str(number) if plural == "configmaps" else number},
    ]
    match numbers.randrange(9):
        case 0:
            return "POST", every, whole, plain, {}
        case 1:
            return "GET", one, None, plain, {}
        case 2:
            return "GET", every, None, plain, {"labelSelector": f"n={number}"}
        case 3:
            return "PUT", one, {**whole, "metadata": whole["metadata"] | fence}, plain, {}
        case 4:
            part = {"metadata": {"annotations": {"b": numbers.choice([None, "1"])}, **fence}}
            return "PATCH", one, part, MERGE_PATCH, {}
        case 5:
            applied = {**whole, "metadata": {"name": name, "labels": {numbers.choice("xyz"): "1"}, **fence}}
            return "PATCH", one, applied, APPLY_PATCH, {"force": "true"}
        case 6 if numbers.randrange(3) == 0:
            return "DELETE", one, None, plain, {}
        case _:
            return "PATCH", one, numbers.sample(operations, numbers.randrange(1, 4)), JSON_PATCH, {}


@pytest.mark.parametrize("plural", KINDS)
def test_the_same_requests_are_answered_alike(cluster: Cluster, plural: str) -> None:
    namespace, numbers = f"simulated-{uuid4().hex[:8]}", random.Random(plural)
    cluster.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    scheduler = Scheduler(Choices())
    network = Network(scheduler, ApiServer(), Sky(scheduler), lambda *_: None, lambda *_: None)
    real, simulated = (
        Server(connection, namespace) for connection in (cluster._connection, SimulatedConnection(network))
    )
    problems: list[str] = []

    def compare() -> None:
        for number in range(OPERATIONS):
            asked = request(numbers, plural)
            wanted, found = real.ask(*asked), simulated.ask(*asked)
            if asked[0] == "DELETE":
                wanted, found = wanted[0], found[0]
            if wanted != found:
                problems.append(f"{number}: {asked}\n  real      {wanted}\n  simulated {found}")
                return

    task = scheduler.spawn("compare", compare, Process("compare"))
    scheduler.run(1e9, lambda: task.over)
    if task.error:
        raise task.error
    assert not problems, problems[0]
