"""Where the live routes send users, read from the cluster's own objects; what a move would change.

Nothing here remembers anything. `Traffic` is made from route objects as they are at one moment; only when every route
points wholly at one side does `Traffic.active` name it, and only then can a `DarkSide` be made.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flipgate.core.errors import Refused
from flipgate.core.sides import Side

FORWARD: Final = "forward"
BACK: Final = "back"


@dataclass(frozen=True)
class RouteName:
    """Names one declared route."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Entry:
    """One service entry of a route that names a side: where in the object it stands, and which namespace it names."""

    pointer: str
    namespace: str
    side: Side
    explicit: bool


@dataclass(frozen=True)
class Stray:
    """One service entry of a route that names no side at all: where it stands, and what it names."""

    pointer: str
    namespace: str
    service: str
    explicit: bool


@dataclass(frozen=True)
class RouteState:
    """One route at one moment. `strangers` are namespaces and TraefikServices it names that are neither side's;
    `strays` are the entries of a route that names neither side, for a person who sends it to one all the same."""

    route: RouteName
    found: bool
    api_version: str = ""
    resource_version: str = ""
    entries: tuple[Entry, ...] = ()
    strangers: tuple[str, ...] = ()
    strays: tuple[Stray, ...] = ()

    @property
    def sides(self) -> frozenset[Side]:
        return frozenset(entry.side for entry in self.entries)

    @property
    def whole(self) -> Side | None:
        """The one side this route sends everybody to, or None."""
        return next(iter(self.sides)) if self.found and len(self.sides) == 1 and not self.strangers else None

    def __str__(self) -> str:
        if not self.found:
            return f"{self.route} is missing"
        if not self.entries:
            return f"{self.route} names neither side" + (
                f" (it names {', '.join(self.strangers)})" if self.strangers else ""
            )
        also = f" and a stranger ({', '.join(self.strangers)})" if self.strangers else ""
        return f"{self.route} -> {' and '.join(sorted(self.sides))}{also}"


@dataclass(frozen=True)
class Traffic:
    """All declared routes at one moment."""

    routes: tuple[RouteState, ...]

    @property
    def active(self) -> Side | None:
        """The side all live traffic goes to; None when the routes are mixed, missing or point elsewhere."""
        sides = {route.whole for route in self.routes}
        return next(iter(sides)) if len(sides) == 1 else None

    def __str__(self) -> str:
        return "; ".join(str(route) for route in self.routes)


_SEAL: Final = object()


@dataclass(frozen=True)
class DarkSide:
    """A side that is proven not to have live traffic, at the moment of one look.

    It cannot be made by hand: `dark_side` is the only maker, so code that holds one has looked at the routes first.
    """

    side: Side
    namespace: str
    _seal: object = field(repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("a DarkSide is made only by look(): read the routes first")


def dark_side(traffic: Traffic, namespaces: Mapping[Side, str], *, both_protected: bool) -> DarkSide | None:
    """The dark side, or None when the routes do not allow to name one or a move is under way."""
    active = traffic.active
    if active is None or both_protected:
        return None
    return DarkSide(active.other, namespaces[active.other], _SEAL)


def read_ingress_route(route: RouteName, obj: Mapping[str, Any] | None, sides: Mapping[str, Side]) -> RouteState:
    """Reads a Traefik IngressRoute; `sides` maps namespace to side. Entries of weight 0 count: one edit from live."""
    if obj is None:
        return RouteState(route, found=False)
    entries: list[Entry] = []
    strays: list[Stray] = []
    beside: set[str] = set()
    elsewhere: set[str] = set()
    for r, rule in enumerate(obj.get("spec", {}).get("routes") or []):
        ours, others, rest = _read_rule(route, r, rule.get("services") or [], sides)
        entries += ours
        strays += rest
        (beside if ours else elsewhere).update(others)
    # A rule of its own may serve what never flips (say, a maintenance page). But who shares a rule with a side gets a
    # part of its users, and a TraefikService may itself lead to either side: then the route is not wholly anywhere.
    # A route that names no side at all is a puzzle, and all it names is shown.
    blind = {name for name in elsewhere if name.startswith("TraefikService ")}
    kept = tuple(sorted(beside | blind if entries else beside | elsewhere))
    meta = obj.get("metadata", {})
    version, astray = meta.get("resourceVersion", ""), () if entries else tuple(strays)
    return RouteState(route, True, obj.get("apiVersion", ""), version, tuple(entries), kept, astray)


def _read_rule(
    route: RouteName, index: int, services: Sequence[Mapping[str, Any]], sides: Mapping[str, Side]
) -> tuple[list[Entry], set[str], list[Stray]]:
    """One rule's entries that name a side, what else it names, and the entries that do.

    Traefik's own (`api@internal`) lead to no users.
    """
    entries: list[Entry] = []
    others: set[str] = set()
    strays: list[Stray] = []
    for s, service in enumerate(services):
        namespace = service.get("namespace") or route.namespace
        kind, name = service.get("kind", "Service"), str(service.get("name", ""))
        pointer, explicit = f"/spec/routes/{index}/services/{s}/namespace", bool(service.get("namespace"))
        if side := sides.get(namespace):
            entries.append(Entry(pointer, namespace, side, explicit))
        elif kind == "Service":
            others.add(namespace)
            strays.append(Stray(pointer, namespace, name, explicit))
        elif not name.endswith("@internal"):
            others.add(f"{kind} {namespace}/{name}")
    return entries, others, strays


@dataclass(frozen=True)
class RoutePatch:
    """One fenced JSON patch of one route."""

    route: RouteName
    api_version: str
    operations: tuple[dict[str, Any], ...]


def plan_move(
    traffic: Traffic,
    namespaces: Mapping[Side, str],
    to: Side,
    *,
    direction: str = FORWARD,
    services: Collection[str] = (),
) -> tuple[RoutePatch, ...]:
    """The patches that send every route's side entries to `to`; routes already there need none.

    Forward, each patch tests the old value and the version read, so that any write in between refuses it. Back, it
    tests values only: an unrelated writer must not hold up a rollback. A route that names neither side is sent to `to`
    only where the Services it names are among `services`: a person has named the side then, and it has these. Raises
    Refused when a route cannot be moved; on the way back only when none can: those that are left go back all the same.
    """
    movable = {state.route: _movable(state, to, services) for state in traffic.routes}
    some = direction == BACK and any(state.entries or movable[state.route] for state in traffic.routes)
    patches = []
    for state in traffic.routes:
        moving = movable[state.route]
        if not (state.entries or moving or some):
            raise Refused(
                "is missing" if not state.found else f"points at neither side ({state})",
                obj=str(state.route),
                reason="RouteUnknown",
                untouched="all routes",
                next_command="flipgate check -f APP.yaml",
            )
        if moving:
            fence = [_test("/metadata/resourceVersion", state.resource_version)] if direction == FORWARD else []
            moves = [op for entry in moving for op in _move(entry, namespaces[to])]
            patches.append(RoutePatch(state.route, state.api_version, (*fence, *moves)))
    return tuple(patches)


def _movable(state: RouteState, to: Side, services: Collection[str]) -> tuple[Entry | Stray, ...]:
    strays = tuple(stray for stray in state.strays if stray.service in services)
    return tuple(entry for entry in state.entries if entry.side is not to) if state.entries else strays


def _move(entry: Entry | Stray, namespace: str) -> Iterable[dict[str, Any]]:
    if not entry.explicit:
        return [{"op": "add", "path": entry.pointer, "value": namespace}]
    return [_test(entry.pointer, entry.namespace), {"op": "replace", "path": entry.pointer, "value": namespace}]


def _test(path: str, value: str) -> dict[str, Any]:
    return {"op": "test", "path": path, "value": value}


def by_hand(patch: RoutePatch) -> str:
    """The kubectl line that makes the same change without flipgate, values tested, versions not."""
    resource = f"{patch.route.kind.lower()}s.{patch.api_version.split('/')[0]}"
    ops = [op for op in patch.operations if op["path"] != "/metadata/resourceVersion"]
    return (
        f"kubectl -n {patch.route.namespace} patch {resource} {patch.route.name} --type=json "
        f"-p='{json.dumps(ops, separators=(',', ':'))}'"
    )
