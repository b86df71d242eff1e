"""Finding objects by their kind: what may lead users to a side, and workloads that nobody declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flipgate.adapters.addresses import HOMES, address
from flipgate.adapters.cluster import Reader
from flipgate.core.traffic.kinds.http_route import HTTPRoute
from flipgate.core.traffic.kinds.sought import Sought
from flipgate.core.traffic.undeclared import Blind
from flipgate.core.values.errors import Forbidden

Found = tuple[list[dict[str, Any]], list[Blind]]
"""Objects, and what may not be listed."""


def served_by(cluster: Reader, group: str) -> Mapping[str, str]:
    """Where each kind of an API group is served, by its word; nothing where the group is not. A group's kinds may be
    served at different versions (the Gateway API's are)."""
    if not group:
        return {each["kind"]: "/api/v1" for each in cluster.get("/api/v1").get("resources") or []}
    served: dict[str, str] = {}
    for version in reversed(cluster.versions().get(group, ())):  # the preferred one is the first, and wins
        api = f"/apis/{version}"
        served |= {each["kind"]: api for each in cluster.get(api).get("resources") or []}
    return served


def find_sought(
    cluster: Reader, kind: Sought, served: Mapping[str, str], sides: Iterable[str], others: Iterable[str]
) -> Found:
    """All objects of a kind: in the sides' namespaces, and where it may cross namespaces in all there are, or else in
    `others`. What is not served is nowhere; what may not be listed is said."""
    if kind.word not in served:
        return [], []
    api, found, blind = served[kind.word], list[dict[str, Any]](), list[Blind]()
    if kind.crossing:
        try:
            return cluster.items(f"{api}/{kind.plural}"), []
        except Forbidden:
            blind.append(Blind(kind.resource, ""))
    for namespace in dict.fromkeys([*sides, *others] if kind.crossing else sides):
        try:
            found += cluster.items(f"{api}/namespaces/{namespace}/{kind.plural}")
        except Forbidden:
            blind.append(Blind(kind.resource, namespace))
    return found, blind


def find_pods(cluster: Reader, selector: str, namespace: str = "") -> list[dict[str, Any]]:
    """The pods with these labels, of one namespace or of all. Raises Forbidden."""
    path = address("Pod", namespace) if namespace else f"{HOMES['Pod']}/pods"
    return cluster.items(path, labelSelector=selector)


def find_gateway(cluster: Reader, namespace: str, name: str) -> dict[str, Any] | None:
    """The Gateway of this name; None where it is not there, or none is served. Raises Forbidden."""
    api = cluster.groups().get(HTTPRoute.group)
    return cluster.find(f"/apis/{api}/namespaces/{namespace}/gateways/{name}") if api else None


def find_workloads(cluster: Reader, kind: str, resource: str, namespace: str) -> tuple[list[str], list[Blind]]:
    """The names of all workloads of a kind in a namespace; what may not be listed is said."""
    try:
        return [obj["metadata"]["name"] for obj in cluster.items(address(kind, namespace))], []
    except Forbidden:
        return [], [Blind(resource, namespace)]
