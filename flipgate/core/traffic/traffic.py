"""Where the live routes send users, read from the cluster's own objects; what a move would change.

Nothing here remembers anything. `Traffic` is made from route objects as they are at one moment; only when every route
points wholly at one side does `Traffic.active` name it, and only then can a `DarkSide` be made.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP

FORWARD: Final = "forward"
BACK: Final = "back"
WAY_BACK: Final = "flipgate.dev/way-back"
"""Annotation on a route that was moved: the kubectl line that takes its users back, for as long as that is a way back.
"""
UNRECORDED: Final = "flipgate.dev/unrecorded"
"""Annotation on a route that a rollback sent back without being able to write it down: when, by whom, and why.
reconcile finds it and finishes what is missing."""


@dataclass(frozen=True)
class RouteName:
    """Names one declared route."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Target:
    """What an entry names in its namespace. `port` is the number or the name of a Service's port. `answers`: whether
    users hear from it now; not so at weight 0, and not of a mirror."""

    kind: str
    name: str
    port: int | str | None = None
    answers: bool = True


@dataclass(frozen=True)
class Entry:
    """One service entry of a route that names a side: where in the object it stands, and which namespace it names.

    `rule` is the match of the IngressRoute's rule that has no entry but this."""

    pointer: str
    namespace: str
    side: Side
    explicit: bool
    target: Target
    rule: str = ""


@dataclass(frozen=True)
class Stray:
    """One service entry of a route that names no side at all: where it stands, and what it names."""

    pointer: str
    namespace: str
    service: str
    explicit: bool


@dataclass(frozen=True)
class RouteState:
    """One route at one moment. `via` are declared routes that it leads to: its users go where those say. `strangers`
    are namespaces and TraefikServices it names that are neither side's; `strays` are the entries of a route that names
    neither side, for a person who sends it to one all the same. `annotated`: it has annotations, whichever;
    `way_back` is the one that says the way back by hand. `meaning` is a hash of all that a move depends on: while it
    is the same, whoever wrote since has changed nothing that matters. `stamp` is ours (core/values/stamps.py), None
    without one; `unrecorded` is what a rollback without a record has left on it."""

    route: RouteName
    found: bool
    api_version: str = ""
    resource_version: str = ""
    entries: tuple[Entry, ...] = ()
    strangers: tuple[str, ...] = ()
    strays: tuple[Stray, ...] = ()
    via: tuple[RouteName, ...] = ()
    annotated: bool = False
    way_back: str = ""
    meaning: str = ""
    uid: str = ""
    stamp: str | None = None
    unrecorded: str = ""

    @property
    def sides(self) -> frozenset[Side]:
        return frozenset(entry.side for entry in self.entries)

    @property
    def whole(self) -> Side | None:
        """The one side this route itself sends everybody to, or None."""
        return next(iter(self.sides)) if self.found and len(self.sides) == 1 and not self.strangers else None

    @property
    def follows(self) -> bool:
        """Whether it sends nobody anywhere but through other declared routes: those say the side, and are moved."""
        return bool(self.via) and not self.entries and not self.strangers

    def __str__(self) -> str:
        if not self.found:
            return f"{self.route} is missing"
        leads = " and ".join([*sorted(self.sides), *(str(route) for route in self.via)])
        if not leads:
            return f"{self.route} names neither side" + (
                f" (it names {', '.join(self.strangers)})" if self.strangers else ""
            )
        also = f" and a stranger ({', '.join(self.strangers)})" if self.strangers else ""
        return f"{self.route} -> {leads}{also}"


@dataclass(frozen=True)
class Unrecorded:
    """A rollback without a record: where it sent users, and its time, who and why, as `TIME WHO: WHY`."""

    to: Side
    said: str


@dataclass(frozen=True)
class Traffic:
    """All declared routes at one moment."""

    routes: tuple[RouteState, ...]

    @property
    def active(self) -> Side | None:
        """The side all live traffic goes to; None when the routes are mixed, missing or point elsewhere."""
        sides = {route.whole for route in self.leading}
        return next(iter(sides)) if len(sides) == 1 else None

    @property
    def unrecorded(self) -> Unrecorded | None:
        """The last rollback without a record, by what it left on the routes; None where none has left anything."""
        found = []
        for route in self.routes:
            side, _, said = route.unrecorded.partition(" ")
            if side in list(Side):
                found.append(Unrecorded(Side(side), said))
        return max(found, key=lambda each: each.said, default=None)  # it begins with its time

    @property
    def leading(self) -> tuple[RouteState, ...]:
        """The routes that say the side, and that a move changes: all but those that only follow them.

        Where each follows another there is none to say it, and all of them are looked at.
        """
        return tuple(route for route in self.routes if not route.follows) or self.routes

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


@dataclass(frozen=True)
class RoutePatch:
    """One fenced JSON patch of one route. `noted` is written with it, on the route's annotations, and is no part of the
    plan: a person approves `operations`, and does them by hand. Both begin with the tests that make it arrive at most
    once, and never after another of ours."""

    route: RouteName
    api_version: str
    operations: tuple[dict[str, Any], ...]
    noted: tuple[dict[str, Any], ...] = ()


def plan_move(
    traffic: Traffic,
    namespaces: Mapping[Side, str],
    to: Side,
    *,
    direction: str = FORWARD,
    services: Collection[str] = (),
    stamp: str = "",
    unrecorded: str = "",
    versions: bool = True,
) -> tuple[RoutePatch, ...]:
    """The patches that send every route's side entries to `to`; routes already there need none.

    Each patch tests the object, our stamp on it and the old values, and writes another `stamp`. Forward it tests the
    version read, too, so that any write in between refuses it (whoever sends it may plan anew, if that write changed
    nothing of `RouteState.meaning`); and it notes on the route the line that takes it back. Back, an unrelated writer
    must not hold it up, so it tests no version, unless there is no stamp yet (and not even then without `versions`); a
    rollback without a record leaves `unrecorded` on each route. Without a `stamp` the plan is one to be shown, and not
    to be sent.

    A route that names neither side is sent to `to` only where the Services it names are among `services`: a person has
    named the side then, and it has these. Raises Refused when a route cannot be moved; on the way back only when none
    can: those that are left go back all the same.
    """
    movable = {state.route: _movable(state, to, services) for state in traffic.leading}
    some = direction == BACK and any(state.entries or movable[state.route] for state in traffic.leading)
    patches = []
    for state in traffic.leading:
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
            forward = direction == FORWARD
            version = [_version(state)] if forward or (versions and state.stamp is None) else []
            moves = [op for entry in moving for op in _move(entry, namespaces[to])]
            notes = {STAMP: stamp, UNRECORDED: unrecorded}
            if forward:
                notes[WAY_BACK] = _way_back(state, namespaces, to, stamp)
            operations = (*version, *_same(state), *moves)
            patches.append(RoutePatch(state.route, state.api_version, operations, _note(state, notes)))
    return tuple(patches)


def plan_close(
    state: RouteState,
    stamp: str,
    unrecorded: str = "",
    *,
    open_to: Mapping[Side, str] | None = None,
    versions: bool = True,
) -> RoutePatch:
    """The patch that leaves a route where it is and has every move of it refused that was planned before, the way back
    by hand too: it tests the object, our stamp and all that names a side, and writes another stamp. `unrecorded` is
    what stands there of a rollback without a record from now on. With the sides' namespaces in `open_to`, a way back by
    hand that stands there is written anew, under the new stamp.
    """
    same = [_test(entry.pointer, entry.namespace) for entry in state.entries if entry.explicit]
    version = [_version(state)] if versions and state.stamp is None else []
    notes = {STAMP: stamp, UNRECORDED: unrecorded}
    if open_to and state.way_back and state.whole:
        notes[WAY_BACK] = _way_back(state, open_to, state.whole, stamp)
    return RoutePatch(state.route, state.api_version, (*version, *_same(state), *same), _note(state, notes))


def forget_unrecorded(state: RouteState) -> tuple[dict[str, Any], ...]:
    """Takes off what a rollback without a record has left, as it was read, whatever the route leads to."""
    pointer = _pointer(UNRECORDED)
    return (_test(pointer, state.unrecorded), {"op": "remove", "path": pointer})


def _movable(state: RouteState, to: Side, services: Collection[str]) -> tuple[Entry | Stray, ...]:
    strays = tuple(stray for stray in state.strays if stray.service in services)
    return tuple(entry for entry in state.entries if entry.side is not to) if state.entries else strays


def _move(entry: Entry | Stray, namespace: str) -> Iterable[dict[str, Any]]:
    if not entry.explicit:
        return [{"op": "add", "path": entry.pointer, "value": namespace}]
    return [_test(entry.pointer, entry.namespace), {"op": "replace", "path": entry.pointer, "value": namespace}]


def _way_back(state: RouteState, namespaces: Mapping[Side, str], to: Side, stamp: str) -> str:
    """The line that takes this route's users to the other side again, once they are on `to` under this stamp."""
    moved = [e if e.side is to else replace(e, namespace=namespaces[to], explicit=True) for e in state.entries]
    operations = tuple(op for entry in moved for op in _move(entry, namespaces[to.other]))
    same = _same(replace(state, stamp=stamp, annotated=True))
    return by_hand(RoutePatch(state.route, state.api_version, (*same, *operations)))


def _version(state: RouteState) -> dict[str, Any]:
    return _test("/metadata/resourceVersion", state.resource_version)


def _same(state: RouteState) -> list[dict[str, Any]]:
    """It is still this very object, and nobody of ours has written it since."""
    # A test for null passes where nothing stands there, and is refused where the parent is missing.
    stamp = _test(_pointer(STAMP), state.stamp) if state.annotated else _test("/metadata/annotations", None)
    return [_test("/metadata/uid", state.uid), stamp]


def _note(state: RouteState, notes: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """Writes these annotations on the route, but for empty ones. What an unrecorded rollback left goes with it."""
    kept = {name: text for name, text in notes.items() if text}
    if not state.annotated:
        return ({"op": "add", "path": "/metadata/annotations", "value": kept},) if kept else ()
    written = [{"op": "add", "path": _pointer(name), "value": text} for name, text in kept.items()]
    over = state.unrecorded and UNRECORDED not in kept
    return (*written, *([{"op": "remove", "path": _pointer(UNRECORDED)}] if over else []))


def forget_way_back(state: RouteState) -> tuple[dict[str, Any], ...]:
    """Takes the line that `state` was read with off its route again; refused when it is another one by now."""
    return (_test(_pointer(WAY_BACK), state.way_back), {"op": "remove", "path": _pointer(WAY_BACK)})


def _pointer(annotation: str) -> str:
    return "/metadata/annotations/" + annotation.replace("/", "~1")


def _test(path: str, value: str | None) -> dict[str, Any]:
    return {"op": "test", "path": path, "value": value}


def resource(kind: str) -> str:
    """The plural that a kind of route is served under."""
    return f"{kind.lower()}s"


def by_hand(patch: RoutePatch) -> str:
    """The kubectl line that makes the same change without flipgate: values and our stamp tested, versions not. It is
    refused once flipgate has written the route again, so an old message leads nobody to a side that rests by now."""
    plural = f"{resource(patch.route.kind)}.{patch.api_version.split('/')[0]}"
    ops = [op for op in patch.operations if op["path"] not in ("/metadata/resourceVersion", "/metadata/uid")]
    return (
        f"kubectl -n {patch.route.namespace} patch {plural} {patch.route.name} --type=json "
        f"-p='{json.dumps(ops, separators=(',', ':'))}'"
    )
