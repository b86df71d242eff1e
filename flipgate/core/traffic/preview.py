"""A route of flipgate's own, for a moment: what the live routes would say after a move, under a host nobody knows."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flipgate.core.traffic.traefik import INGRESS_CLASS, INGRESS_ROUTE, TRAEFIK_SERVICE
from flipgate.core.traffic.traffic import RouteName, RouteState

PREVIEW_ROUTE: Final = "PreviewRoute"
"""The step's name in the journal."""
NOT_OURS: Final = ("app.kubernetes.io/", "argocd.argoproj.io/")
"""Labels by which others would take a preview for theirs, and remove it."""
ORDERS_CERTIFICATES: Final = ("certResolver", "domains")


def preview_names(application: str, number: int, route: RouteName) -> list[RouteName]:
    """The objects that a preview of the application's route of this number consists of: an IngressRoute, and before it,
    where the route is a TraefikService, one of those."""
    name = f"flipgate-preview-{application}-{number}"
    return [RouteName(kind, route.namespace, name) for kind in dict.fromkeys((route.kind, INGRESS_ROUTE))]


def preview_of(
    obj: Mapping[str, Any], state: RouteState, names: Iterable[RouteName], *, namespace: str, host: str, preview: str
) -> list[dict[str, Any]]:
    """The objects under these names that lead requests for host `preview` to where `obj` (read as `state`) will lead
    those for `host`, once its entries name `namespace`.

    Rules keep their entry points, middlewares and all else; each asks for the preview's host beside what it asked for,
    whatever that was, so no user comes by it. Rules that lead to no side are left out.
    """
    spec = copy.deepcopy(dict(obj["spec"]))
    for entry in state.entries:
        *path, last = entry.pointer.split("/")[2:]
        parent: Any = spec
        for part in path:
            parent = parent[int(part) if isinstance(parent, list) else part]
        parent[last] = namespace
    made = {name.kind: _object(obj, name) for name in names}
    if state.route.kind == TRAEFIK_SERVICE:
        made[TRAEFIK_SERVICE]["spec"] = spec
        target = {"kind": TRAEFIK_SERVICE, "name": made[TRAEFIK_SERVICE]["metadata"]["name"]}
        rule = {"kind": "Rule", "match": f"Host(`{preview}`)", "services": [target]}
        made[INGRESS_ROUTE]["spec"] = {"routes": [rule]}
    else:
        made[INGRESS_ROUTE]["spec"] = _rules(spec, state, host, preview)
    return list(made.values())


def _rules(spec: dict[str, Any], state: RouteState, host: str, preview: str) -> dict[str, Any]:
    leading = {entry.pointer.split("/")[3] for entry in state.entries}
    rules = [rule for r, rule in enumerate(spec["routes"]) if str(r) in leading]
    for rule in rules:
        asked = rule.get("match", "").replace(f"`{host}`", f"`{preview}`")
        rule["match"] = f"Host(`{preview}`)" + (f" && ({asked})" if asked else "")
    found = {**spec, "routes": rules}
    if tls := spec.get("tls"):
        found["tls"] = {key: value for key, value in tls.items() if key not in ORDERS_CERTIFICATES}
    return found


def _object(obj: Mapping[str, Any], name: RouteName) -> dict[str, Any]:
    """Read by the same Traefik as the route: those are told apart by labels, and by a class."""
    meta = obj.get("metadata", {})
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if not k.startswith(NOT_OURS)}
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if k == INGRESS_CLASS}
    ours = {"app.kubernetes.io/managed-by": "flipgate", "app.kubernetes.io/component": "preview"}
    made = {"name": name.name, "namespace": name.namespace, "labels": labels | ours, "annotations": notes}
    return {"apiVersion": obj["apiVersion"], "kind": name.kind, "metadata": made}
