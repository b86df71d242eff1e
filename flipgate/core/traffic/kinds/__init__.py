"""The kinds of route that a move may change, and what is looked for beside them. Adding one: a file with its RouteKind
here, and its line in KINDS; for a kind that no move changes, a line in `sought.others`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flipgate.core.traffic.kinds.http_route import HTTPRoute
from flipgate.core.traffic.kinds.ingress_route import IngressRoute
from flipgate.core.traffic.kinds.kind import RouteKind
from flipgate.core.traffic.kinds.sought import Sought, of_route, others
from flipgate.core.traffic.kinds.traefik_service import TraefikService

KINDS: Final[Mapping[str, RouteKind]] = MappingProxyType(
    {kind.word: kind for kind in (IngressRoute(), TraefikService(), HTTPRoute())}
)

SOUGHT: Final[Mapping[str, Sought]] = MappingProxyType(
    {sought.word: sought for sought in (*map(of_route, KINDS.values()), *others())}
)
"""What may lead users to a side, declared or not."""
