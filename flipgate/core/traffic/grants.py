"""ReferenceGrants: whether a route may name an object in another namespace. Where it may not, Traefik gives 500."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.traffic import RouteName, Target

GRANTS: Final = "referencegrants"
"""What they are served under, in the API group of the kinds of route that need them."""


def granted(grants: Iterable[Mapping[str, Any]], route: RouteName, target: Target) -> bool:
    """Whether one of the namespace's grants lets this route name this target."""
    return any(_lets(grant.get("spec") or {}, route, target) for grant in grants)


def _lets(spec: Mapping[str, Any], route: RouteName, target: Target) -> bool:
    asks = (KINDS[route.kind].group, route.kind, route.namespace)
    named = (KINDS[target.kind].group if target.kind in KINDS else "", target.kind)
    froms = [(each.get("group"), each.get("kind"), each.get("namespace")) for each in spec.get("from") or []]
    return asks in froms and any(
        (_group(to), to.get("kind")) == named and to.get("name", target.name) == target.name
        for to in spec.get("to") or []
    )


def _group(to: Mapping[str, Any]) -> str:
    group = str(to.get("group") or "")
    return "" if group == "core" else group


def not_granted(route: RouteName, namespace: str) -> str:
    """Returns the fact for a refusal; the target stands in this namespace."""
    return (
        f"may not be named by {route}: namespace {namespace} has no ReferenceGrant to it from {route.kind}s of "
        f"namespace {route.namespace}"
    )


def look_for_grants(namespace: str) -> str:
    """Returns the command that shows a namespace's grants."""
    return f"kubectl -n {namespace} get {GRANTS} -o yaml"
