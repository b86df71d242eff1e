"""The kinds of route that a move may change. Adding one: a file with its RouteKind here, and its line in KINDS."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flipgate.core.traffic.kinds.http_route import HTTPRoute
from flipgate.core.traffic.kinds.ingress_route import IngressRoute
from flipgate.core.traffic.kinds.kind import RouteKind
from flipgate.core.traffic.kinds.traefik_service import TraefikService

KINDS: Final[Mapping[str, RouteKind]] = MappingProxyType(
    {kind.word: kind for kind in (IngressRoute(), TraefikService(), HTTPRoute())}
)
