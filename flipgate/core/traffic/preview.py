"""Previews: routes of flipgate's own, for a moment, that say what the live ones will say, under a host name that nobody
uses."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.kinds.kind import INGRESS_CLASS, Asked
from flipgate.core.traffic.traffic import RouteName, RouteState
from flipgate.core.values.place import Place

PREVIEW_ROUTE: Final = "PreviewRoute"
"""The step's name in the journal."""
OURS: Final[Mapping[str, str]] = MappingProxyType(
    {"app.kubernetes.io/managed-by": "flipgate", "app.kubernetes.io/component": "preview"}
)
"""Labels of a preview's objects."""
NOT_OURS: Final = ("app.kubernetes.io/", "argocd.argoproj.io/")
"""Labels by which others would take a preview for theirs, and remove it."""


def preview_names(application: str, number: int, route: RouteName, *, what: str = "preview") -> list[RouteName]:
    """Returns the names of the objects that a preview of the application's route of this number consists of; `what`
    kind of preview it is stands in them."""
    name = f"flipgate-{what}-{application}-{number}"
    return [RouteName(kind, route.namespace, name) for kind in KINDS[route.kind].previews]


def preview_of(
    obj: Mapping[str, Any],
    state: RouteState,
    names: Iterable[RouteName],
    *,
    place: Place,
    host: str,
    preview: str,
    first: Collection[RouteName] = (),
    by_https: bool = False,
) -> list[dict[str, Any]]:
    """Returns the objects, under these names, that lead requests for host `preview` to where `obj` (read as `state`)
    will lead those for `host`, once its entries lead to `place`; through the middlewares `first` before its own.

    Rules that lead to no side are left out.
    """
    kind, names = KINDS[state.route.kind], tuple(names)
    spec = copy.deepcopy(dict(obj["spec"]))
    for entry in state.entries:
        edit = kind.edit(entry, place)
        *path, last = edit.pointer.split("/")[2:]
        parent: Any = spec
        for part in path:
            parent = parent[int(part) if isinstance(parent, list) else part]
        parent[last] = edit.to
    specs = kind.preview(spec, state.entries, names[0].name, Asked(host, preview))
    for word, made in specs.items():
        KINDS[word].guard(made, first)
        if by_https:
            KINDS[word].by_https(made)
    return [{**_object(obj, name), "spec": specs[name.kind]} for name in names]


def _object(obj: Mapping[str, Any], name: RouteName) -> dict[str, Any]:
    """Makes one object of the preview, with the labels and the class by which Traefik chooses what it reads."""
    meta = obj.get("metadata", {})
    labels = {k: v for k, v in (meta.get("labels") or {}).items() if not k.startswith(NOT_OURS)}
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k == INGRESS_CLASS}
    made = {"name": name.name, "namespace": name.namespace, "labels": {**labels, **OURS}, "annotations": annotations}
    return {"apiVersion": obj["apiVersion"], "kind": name.kind, "metadata": made}
