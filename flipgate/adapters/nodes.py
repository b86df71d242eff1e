"""The nodes of the cluster with what is free on them, by one list of nodes and one of the pods bound to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from flipgate.adapters.addresses import everywhere
from flipgate.adapters.cluster import Reader
from flipgate.adapters.connection import READ_SECONDS
from flipgate.adapters.limits import amounts, scheduled_requests
from flipgate.core.values.errors import Forbidden
from flipgate.core.workloads.nodes import CORDONED, KEEPING_OUT, Node, Taint

PODS = "pods"
BOUND = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"
"""Pods that are on a node and have not ended: what the scheduler counts."""
PAGE = "500"
"""Objects of one answer: all pods of a cluster in one may be more than is taken."""


def list_nodes(cluster: Reader) -> tuple[Node, ...]:
    """All nodes, by name, as if nothing ran there. Raises Forbidden that names the right that lacks."""
    return _by_name(_read(node, ()) for node in _list(cluster, "Node", "nodes", ""))


def read_nodes(cluster: Reader) -> tuple[Node, ...]:
    """The same with what is free beside the pods bound there."""
    nodes = _list(cluster, "Node", "nodes", "")
    bound: dict[str, list[Mapping[str, Any]]] = {}
    for pod in _list(cluster, "Pod", "pods", BOUND):
        bound.setdefault(pod["spec"].get("nodeName", ""), []).append(pod["spec"])
    return _by_name(_read(node, bound.get(node["metadata"]["name"], ())) for node in nodes)


def _by_name(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(sorted(nodes, key=lambda each: each.name))


def _read(node: Mapping[str, Any], bound: Iterable[Mapping[str, Any]]) -> Node:
    spec, status = node.get("spec", {}), node.get("status", {})
    free = amounts(status.get("allocatable") or status.get("capacity"))
    for pod in bound:
        for resource, value in {**scheduled_requests(pod), PODS: Decimal(1)}.items():
            free[resource] = free.get(resource, Decimal(0)) - value
    taints = [
        Taint(each["key"], each.get("value") or "", each["effect"])
        for each in spec.get("taints") or []
        if each.get("effect") in KEEPING_OUT
    ]
    if spec.get("unschedulable") and all(each.key != CORDONED for each in taints):
        taints.append(Taint(CORDONED, "", "NoSchedule"))
    meta = node["metadata"]
    return Node(meta["name"], free, dict(meta.get("labels") or {}), tuple(taints))


def _list(cluster: Reader, kind: str, resource: str, selector: str) -> list[dict[str, Any]]:
    query, found = {"limit": PAGE, **({"fieldSelector": selector} if selector else {})}, list[dict[str, Any]]()
    try:
        while True:
            page = cluster.get(everywhere(kind), timeout=READ_SECONDS, **query)
            found += page.get("items") or []
            if not (more := (page.get("metadata") or {}).get("continue")):
                return found
            query["continue"] = more
    except Forbidden as error:
        asked = f"kubectl auth can-i list {resource}{' --all-namespaces' if kind == 'Pod' else ''}"
        raise Forbidden(f"no permission to list {resource} of the whole cluster ({asked})") from error
