"""Nodes on the API server, which nobody plays: what is free there is what their status says, without the pods bound."""

from __future__ import annotations

from typing import Any

from tests.api.shop import Shop

NODES = "/api/v1/nodes"


def put_node(shop: Shop, name: str, cpu: str = "2", taint: str = "", **spec: Any) -> str:
    """A node for this shop's pods alone, by a label `shop`; with one taint, or with none at all. Returns its name."""
    node = f"{shop.name}-{name}"
    meta = {"name": node, "labels": {"shop": shop.name}}
    shop.cluster.create(NODES, {"metadata": meta, "spec": spec})
    room = {"cpu": cpu, "memory": "8Gi", "pods": "10"}
    shop.cluster.merge(f"{NODES}/{node}/status", {"status": {"allocatable": room, "capacity": room}})
    taints = [{"key": taint, "effect": "NoSchedule"}] if taint else []  # the API server gives a new one not-ready
    shop.cluster.merge(f"{NODES}/{node}", {"spec": {"taints": taints}})
    return node


def put_pod(shop: Shop, node: str, name: str, cpu: str, phase: str = "Running") -> None:
    """A pod of some other namespace that is bound to a node."""
    container = {"name": "a", "image": "a:1", "resources": {"requests": {"cpu": cpu}}}
    pods = f"/api/v1/namespaces/{shop.own}/pods"
    shop.cluster.create(pods, {"metadata": {"name": name}, "spec": {"nodeName": node, "containers": [container]}})
    shop.cluster.merge(f"{pods}/{name}/status", {"status": {"phase": phase}})
