"""Traefik's Middleware: what stands between a rule and its services, and may lead to more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from flipgate.core.traffic.kinds.ingress_route import TraefikKind
from flipgate.core.traffic.kinds.kind import MIDDLEWARE, companion
from flipgate.core.traffic.traffic import SERVICE, RouteName

GROUP: Final = TraefikKind.group
PLURAL: Final = f"{MIDDLEWARE.lower()}s"
CLUSTER_HOST: Final = 2
"""Parts of a host that names a Service: NAME.NAMESPACE, and after that `svc` or nothing."""


def led_to(spec: Mapping[str, Any], namespace: str) -> Iterator[RouteName]:
    """Yields what a Middleware with this spec in this namespace takes part of its answers from."""
    for each in (spec.get("chain") or {}).get("middlewares") or []:
        yield companion(MIDDLEWARE, each, namespace)
    if service := (spec.get("errors") or {}).get("service"):
        yield companion(SERVICE, service, namespace)
    if address := (spec.get("forwardAuth") or {}).get("address"):
        yield from _service_at(str(address))


def _service_at(address: str) -> Iterator[RouteName]:
    """A host outside of the cluster names no Service, and one part alone is of Traefik's own namespace."""
    try:
        parts = (urlsplit(address).hostname or "").split(".")
    except ValueError:
        return
    if len(parts) == CLUSTER_HOST or parts[CLUSTER_HOST : CLUSTER_HOST + 1] == ["svc"]:
        yield RouteName(SERVICE, parts[1], parts[0])
