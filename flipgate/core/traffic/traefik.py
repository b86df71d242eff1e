"""Reading route objects: which of a route's entries name a side, what else it leads to.

Traefik has two kinds that a move may change. An IngressRoute has rules, each with services. A TraefikService is what
rules may name in a Service's place: weighted, mirroring, or by highest random weight.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from flipgate.core.traffic.traffic import UNRECORDED, WAY_BACK, Entry, RouteName, RouteState, Stray, Target
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP

INGRESS_ROUTE: Final = "IngressRoute"
TRAEFIK_SERVICE: Final = "TraefikService"
SERVICE: Final = "Service"
INGRESS_CLASS: Final = "kubernetes.io/ingress.class"


@dataclass(frozen=True)
class _Place:
    """One reference to a service: where its namespace stands in the object, and what is written there. `rule` is the
    match of an IngressRoute's rule that has this one alone."""

    pointer: str
    written: Mapping[str, Any]
    mirror: bool = False
    rule: str = ""


@dataclass(frozen=True)
class _Rule:
    """What some places that share users lead to. `others` are those that are neither side's, nor declared routes."""

    entries: tuple[Entry, ...]
    via: tuple[RouteName, ...]
    strays: tuple[Stray, ...]
    others: frozenset[str]


def read_route(
    route: RouteName, obj: Mapping[str, Any] | None, sides: Mapping[str, Side], declared: Collection[RouteName] = ()
) -> RouteState:
    """Reads one route. `sides` maps namespace to side; `declared` are all routes of the application.

    Entries of weight 0 count as any other: they are one edit from live. So do mirrors that name a side: it gets a copy
    of what users send, and does with it what it does with requests, so it is not dark.
    """
    if obj is None:
        return RouteState(route, found=False)
    rules = [_read(route, places, sides, declared) for places in _places(route.kind, obj.get("spec") or {})]
    entries = tuple(entry for rule in rules for entry in rule.entries)
    via = tuple(dict.fromkeys(name for rule in rules for name in rule.via))
    leads = bool(entries or via)
    strays = () if leads else tuple(stray for rule in rules for stray in rule.strays)
    meta = obj.get("metadata", {})
    notes = meta.get("annotations") or {}  # an empty object is a parent to add to, all the same
    return RouteState(
        route,
        found=True,
        api_version=obj.get("apiVersion", ""),
        resource_version=meta.get("resourceVersion", ""),
        entries=entries,
        strangers=tuple(sorted(_strangers(rules, leads))),
        strays=strays,
        via=via,
        annotated=meta.get("annotations") is not None,
        way_back=str(notes.get(WAY_BACK, "")),
        meaning=_meaning(obj),
        uid=meta.get("uid", ""),
        stamp=notes.get(STAMP),
        unrecorded=str(notes.get(UNRECORDED, "")),
    )


def _meaning(obj: Mapping[str, Any]) -> str:
    """Which object it is, what it says, whether a Traefik reads it (they choose by labels and by class), and whether
    anybody of ours has written it meanwhile: no move that was planned before may come after that."""
    meta = obj.get("metadata", {})
    notes = meta.get("annotations") or {}
    chosen = [meta.get("labels"), notes.get(INGRESS_CLASS)]
    matters = [meta.get("uid"), meta.get("deletionTimestamp"), chosen, notes.get(STAMP), obj.get("spec")]
    return hashlib.sha256(json.dumps(matters, sort_keys=True).encode()).hexdigest()


def _strangers(rules: Sequence[_Rule], leads: bool) -> set[str]:
    """A rule of its own may serve what never flips (say, a maintenance page). But who shares a rule with a side gets a
    part of its users, and a TraefikService may itself lead to either side: then the route is not wholly anywhere.
    A route that leads to no side at all is a puzzle, and all it names is shown."""
    beside = {name for rule in rules if rule.entries or rule.via for name in rule.others}
    elsewhere = {name for rule in rules for name in rule.others} - beside
    return beside | ({name for name in elsewhere if name.startswith(f"{TRAEFIK_SERVICE} ")} if leads else elsewhere)


def _places(kind: str, spec: Mapping[str, Any]) -> Iterator[list[_Place]]:
    """The references of a route, those that share users together.

    Of a TraefikService all that is written counts, also what Traefik passes over (it takes the first of `weighted`,
    `mirroring`, `highestRandomWeight`): it is one edit from live.
    """
    if kind == INGRESS_ROUTE:
        for r, rule in enumerate(spec.get("routes") or []):
            places = _listed(f"/spec/routes/{r}", rule)
            yield [replace(place, rule=rule.get("match", "")) for place in places] if len(places) == 1 else places
        return
    places = [place for way in ("weighted", "highestRandomWeight") for place in _listed(f"/spec/{way}", spec.get(way))]
    if mirroring := spec.get("mirroring"):
        places.append(_Place("/spec/mirroring/namespace", mirroring))
        for m, mirror in enumerate(mirroring.get("mirrors") or []):
            places.append(_Place(f"/spec/mirroring/mirrors/{m}/namespace", mirror, mirror=True))
    yield places


def _listed(pointer: str, holder: Mapping[str, Any] | None) -> list[_Place]:
    services = (holder or {}).get("services") or []
    return [_Place(f"{pointer}/services/{s}/namespace", service) for s, service in enumerate(services)]


def _read(
    route: RouteName, places: Sequence[_Place], sides: Mapping[str, Side], declared: Collection[RouteName]
) -> _Rule:
    entries: list[Entry] = []
    via: list[RouteName] = []
    strays: list[Stray] = []
    others: set[str] = set()
    for place in places:
        kind, name, provider = _named(place.written)
        explicit = bool(place.written.get("namespace"))
        namespace = place.written.get("namespace") or route.namespace
        if provider:
            # Not Kubernetes' own, so in no namespace; Traefik's own (`api@internal`) lead to no users.
            others |= {f"{kind} {name}@{provider}"} - {f"{kind} {name}@internal"}
        elif kind == TRAEFIK_SERVICE and RouteName(kind, namespace, name) in declared:
            via.append(RouteName(kind, namespace, name))
        elif side := sides.get(namespace):
            entries.append(Entry(place.pointer, namespace, side, explicit, _target(kind, name, place), place.rule))
        elif kind != SERVICE:
            others.add(f"{kind} {namespace}/{name}")
        elif not place.mirror:  # a stranger's mirror hears of users, and answers none of them
            others.add(namespace)
            strays.append(Stray(place.pointer, namespace, name, explicit))
    return _Rule(tuple(entries), tuple(via), tuple(strays), frozenset(others))


def _named(written: Mapping[str, Any]) -> tuple[str, str, str]:
    """Kind, name, and the provider where it is not Traefik's Kubernetes one: `name@kubernetescrd` is `name`."""
    name, _, provider = str(written.get("name", "")).partition("@")
    return str(written.get("kind") or SERVICE), name, "" if provider == "kubernetescrd" else provider


def _target(kind: str, name: str, place: _Place) -> Target:
    return Target(kind, name, place.written.get("port"), not place.mirror and place.written.get("weight") != 0)
