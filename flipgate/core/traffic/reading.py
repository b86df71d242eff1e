"""Reads route objects: which entries name a side, and what else the route leads to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.kinds.kind import INGRESS_CLASS, Reference
from flipgate.core.traffic.traffic import (
    DISABLED,
    EXCLUDED,
    HELD,
    SERVICE,
    UNRECORDED,
    WAY_BACK,
    Entry,
    ForeignEntry,
    RouteName,
    RouteState,
)
from flipgate.core.values.appliers import applier_of
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.managed_fields import latest, writer_at, writer_of
from flipgate.core.values.place import Places, side_at
from flipgate.core.values.stamps import STAMP


@dataclass(frozen=True)
class _Rule:
    """What the references that share users lead to. `others` are those that are neither side's, nor declared routes."""

    entries: tuple[Entry, ...]
    via: tuple[RouteName, ...]
    foreign_entries: tuple[ForeignEntry, ...]
    others: frozenset[str]


def read_route(
    route: RouteName, obj: Mapping[str, Any] | None, places: Places, declared: Collection[RouteName] = ()
) -> RouteState:
    """Reads one route. `declared` are all routes of the application.

    Entries of weight 0 count as any other: they are one edit from live. So do mirrors that name a side: it gets a copy
    of what users send, and does with it what it does with requests, so it is not dark.
    """
    if obj is None:
        return RouteState(route, found=False)
    shared = KINDS[route.kind].references(obj.get("spec") or {})
    rules = [_read(route, references, places, declared) for references in shared]
    entries = tuple(entry for rule in rules for entry in rule.entries)
    via = tuple(dict.fromkeys(name for rule in rules for name in rule.via))
    leads = bool(entries or via)
    foreign_entries = () if leads else tuple(entry for rule in rules for entry in rule.foreign_entries)
    pointers = [*(each.pointer for each in entries), *(each.pointer for each in foreign_entries)]
    meta = obj.get("metadata", {})
    annotations = meta.get("annotations") or {}  # an empty object is a parent to add to, all the same
    return RouteState(
        route,
        found=True,
        api_version=obj.get("apiVersion", ""),
        resource_version=meta.get("resourceVersion", ""),
        entries=entries,
        foreign_backends=tuple(sorted(_foreign_backends(rules, leads))),
        foreign_entries=foreign_entries,
        via=via,
        companions=tuple(dict.fromkeys(KINDS[route.kind].companions(obj.get("spec") or {}, route.namespace))),
        annotated=meta.get("annotations") is not None,
        way_back=str(annotations.get(WAY_BACK, "")),
        meaning=_meaning(obj),
        uid=meta.get("uid", ""),
        stamp=annotations.get(STAMP),
        unrecorded=str(annotations.get(UNRECORDED, "")),
        unrecorded_by=writer_of(meta, "f:metadata", "f:annotations", f"f:{UNRECORDED}"),
        excluded=annotations.get(EXCLUDED) == DISABLED,
        written_by=latest(writer_at(meta, pointer) for pointer in pointers),
        applied_by=applier_of(meta),
        held=str(annotations.get(HELD, "")),
    )


def _meaning(obj: Mapping[str, Any]) -> str:
    """Returns a hash of all that matters to a move: the object, its spec, whether a Traefik reads it (labels and
    class), and flipgate's stamp, for no move that was planned before another write of ours may come after it."""
    meta = obj.get("metadata", {})
    annotations = meta.get("annotations") or {}
    chosen = [meta.get("labels"), annotations.get(INGRESS_CLASS)]
    matters = [meta.get("uid"), meta.get("deletionTimestamp"), chosen, annotations.get(STAMP), obj.get("spec")]
    return hashlib.sha256(json.dumps(matters, sort_keys=True).encode()).hexdigest()


def _foreign_backends(rules: Sequence[_Rule], leads: bool) -> set[str]:
    """Returns the foreign backends that keep a route from being wholly on a side. A rule of its own may serve what
    never flips (a maintenance page). But a backend that shares a rule with a side gets a part of its users, and one
    that is no Service may itself lead to either side. Of a route that leads to no side at all, everything is shown."""
    beside = {name for rule in rules if rule.entries or rule.via for name in rule.others}
    elsewhere = {name for rule in rules for name in rule.others} - beside
    return beside | ({name for name in elsewhere if _leads_on(name)} if leads else elsewhere)


def _leads_on(backend: str) -> bool:
    """Whether the name is of more than a Service, or a Service's namespace."""
    kind, _, name = backend.partition(" ")
    return bool(name) and kind != SERVICE


def _read(route: RouteName, references: Sequence[Reference], places: Places, declared: Collection[RouteName]) -> _Rule:
    entries: list[Entry] = []
    via: list[RouteName] = []
    foreign_entries: list[ForeignEntry] = []
    others: set[str] = set()
    for each in references:
        kind, name, explicit = each.target.kind, each.target.name, bool(each.namespace)
        namespace = each.namespace or route.namespace
        if each.provider:
            # Not Kubernetes' own, so in no namespace; Traefik's own (`api@internal`) lead to no users.
            others |= {f"{kind} {name}@{each.provider}"} - {f"{kind} {name}@internal"}
        elif RouteName(kind, namespace, name) in declared:
            via.append(RouteName(kind, namespace, name))
        elif side := side_at(places, namespace):
            entries.append(Entry(each.pointer, namespace, side, explicit, each.target, each.rule))
        elif kind != SERVICE:
            others.add(f"{kind} {namespace}/{name}")
        elif not each.mirror:  # a mirror elsewhere gets copies of requests, and answers no user
            others.add(namespace)
            foreign_entries.append(ForeignEntry(each.pointer, namespace, name, explicit))
    return _Rule(tuple(entries), tuple(via), tuple(foreign_entries), frozenset(others))
