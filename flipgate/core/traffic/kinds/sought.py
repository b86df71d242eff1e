"""Kinds of object that may lead users to a side without being declared: what is looked for, and how each is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from flipgate.core.traffic.kinds.http_route import HTTPRoute
from flipgate.core.traffic.kinds.ingress_route import IngressRoute, TraefikKind
from flipgate.core.traffic.kinds.kind import RouteKind
from flipgate.core.values.frozen import dataclass

OPEN_TYPES: Final = ("LoadBalancer", "NodePort")
"""Of Services: those that users reach from outside the cluster without any route."""


@dataclass(frozen=True)
class Sought:
    """One kind of object that is looked for. `word`, `group` and `plural` as of a `RouteKind`."""

    word: str
    group: str
    plural: str
    leads: Callable[[Mapping[str, Any]], Iterable[str]]
    """The namespaces that an object with this spec sends users to; empty: its own."""
    crossing: bool = True
    """Whether it may name what stands in another namespace: else it is looked for in the sides' own."""
    door: bool = True
    """Whether users come in by it; else they come only where something leads to it."""
    movable: bool = False
    """Whether it can be declared as a route, and is moved then."""

    @property
    def resource(self) -> str:
        """As rights and kubectl name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def by_references(kind: RouteKind) -> Callable[[Mapping[str, Any]], Iterator[str]]:
    """Returns what reads objects of this kind, or of one that is written alike."""

    def leads(spec: Mapping[str, Any]) -> Iterator[str]:
        return (each.namespace for shared in kind.references(spec) for each in shared if not each.provider)

    return leads


def of_route(kind: RouteKind) -> Sought:
    """Returns how a kind of route is looked for."""
    return Sought(kind.word, kind.group, kind.plural, by_references(kind), door=kind.door, movable=True)


def others() -> Iterator[Sought]:
    """Yields the kinds that no move changes."""
    for traefik in ("TCP", "UDP"):
        word = f"{IngressRoute.word}{traefik}"
        yield Sought(word, TraefikKind.group, f"{word.lower()}s", by_references(IngressRoute()))
    for gateway in ("GRPC", "TLS", "TCP", "UDP"):
        word = f"{gateway}Route"
        yield Sought(word, HTTPRoute.group, f"{word.lower()}s", by_references(HTTPRoute()))
    yield Sought("Ingress", "networking.k8s.io", "ingresses", _ingress, crossing=False)
    yield Sought("Service", "", "services", _open_service, crossing=False)


def _ingress(spec: Mapping[str, Any]) -> Iterator[str]:
    """Its backends are Services of its own namespace, by name alone."""
    rules = spec.get("rules") or []
    paths = [path for rule in rules for path in (rule.get("http") or {}).get("paths") or []]
    backends = [spec.get("defaultBackend") or {}, *(path.get("backend") or {} for path in paths)]
    yield from ("" for backend in backends if backend.get("service"))


def _open_service(spec: Mapping[str, Any]) -> Iterator[str]:
    if spec.get("type") in OPEN_TYPES or spec.get("externalIPs"):
        yield ""
