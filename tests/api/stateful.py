"""A shop with StatefulSets: `store` serves, `queue` works; and a hand that plays their controller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flipgate.core.values.sides import Side
from tests.api.changed_shop import declaring
from tests.api.shop import BLUE, GREEN, Shop
from tests.repeating import following

REVISION = "controller-revision-hash"
STORE = "{name: store, role: serving, replicas: 3, kind: StatefulSet}"
QUEUE = "{name: queue, role: worker, replicas: 2, kind: StatefulSet}"
COUNTS = {"store": 3, "queue": 2}


def stateful_sets(shop: Shop, side: Side) -> str:
    return f"/apis/apps/v1/namespaces/{shop.namespace(side)}/statefulsets"


def with_stateful_sets(shop: Shop, *declared: str, **spec: Any) -> Shop:
    """The shop with both on both sides, up on blue, and with more in their specs."""
    for side in Side:
        for name, count in COUNTS.items():
            add(shop, side, name, count if side is BLUE else 0, **spec)
    return declaring(shop, *(declared or (STORE, QUEUE)))


def add(shop: Shop, side: Side, name: str, replicas: int, **more: Any) -> None:
    labels = {"app": name}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": name, "image": f"shop/{name}:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pods, "serviceName": name, **more}
    shop.cluster.create(stateful_sets(shop, side), {"metadata": {"name": name}, "spec": spec})
    play(shop, side, name)


def found(shop: Shop, side: Side, name: str) -> dict[str, Any]:
    return shop.cluster.get(f"{stateful_sets(shop, side)}/{name}")


def counts(shop: Shop, side: Side) -> dict[str, int]:
    return {s["metadata"]["name"]: s["spec"]["replicas"] for s in shop.cluster.items(stateful_sets(shop, side))}


def play(shop: Shop, side: Side, name: str, *, pods: int | None = None, ready: int | None = None, **more: Any) -> None:
    """The status that its controller would write: all wanted pods are there, of the newest template and Ready; or so
    many."""
    obj = found(shop, side, name)
    pods = obj["spec"]["replicas"] if pods is None else pods
    counted = {"replicas": pods, "updatedReplicas": pods, "readyReplicas": pods if ready is None else ready}
    seen = {"observedGeneration": obj["metadata"]["generation"], "updateRevision": f"{name}-new"}
    status = {**counted, **seen, "currentRevision": f"{name}-old", **more}
    shop.patch(f"{stateful_sets(shop, side)}/{name}/status", ("add", "/status", status))


@contextmanager
def playing(shop: Shop) -> Iterator[None]:
    """Whatever is wanted of either kind is there as soon as it is asked for, while the block runs."""

    def follow(path: str, _: dict[str, Any]) -> None:
        for side in Side:
            if path.startswith(stateful_sets(shop, side)) and not path.endswith("/status"):
                play(shop, side, path.rpartition("/")[2])

    with shop.playing_ready(), following(follow):
        for side in Side:
            for name in COUNTS:
                play(shop, side, name)
        yield


def pods(shop: Shop, side: Side = GREEN) -> str:
    return f"/api/v1/namespaces/{shop.namespace(side)}/pods"


def add_pod(
    shop: Shop, ordinal: int, *, revision: str = "new", conditions: Sequence[dict[str, str]] = (), **status: Any
) -> str:
    """One pod of green's `store` as its controller makes it; its name."""
    name, owner = f"store-{ordinal}", {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "store"}
    owner["uid"] = found(shop, GREEN, "store")["metadata"]["uid"]
    labels = {"app": "store", REVISION: f"store-{revision}"}
    spec = {"containers": [{"name": "store", "image": "shop/store:2"}]}
    meta = {"name": name, "labels": labels, "ownerReferences": [owner]}
    shop.cluster.create(pods(shop), {"metadata": meta, "spec": spec})
    said = {"phase": "Pending", "conditions": list(conditions), **status}
    shop.cluster.patch(f"{pods(shop)}/{name}/status", [{"op": "add", "path": "/status", "value": said}])
    return name
