"""Where the live routes send users, read from the cluster's own objects.

Nothing here remembers anything. `Traffic` is made from route objects as they are at one moment; only when every route
points wholly at one side does `Traffic.active` name it, and only then can a `DarkSide` be made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from flipgate.core.values.place import Places
from flipgate.core.values.sides import Side
from flipgate.core.values.text import TEXT_BYTES, fitted

SERVICE: Final = "Service"
"""The kind of target that leads nowhere on: its pods answer."""
COUNTER: Final = "{namespace}-{name}-{port}@kubernetescrd"
"""Traefik's name for a Service's port that a TraefikService, or a rule with several services, leads to."""
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
    users hear from it now; not so at weight 0, and not of a mirror. `counter` is what Traefik calls it where it counts
    per target."""

    kind: str
    name: str
    port: int | str | None = None
    answers: bool = True
    counter: str = COUNTER


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
class OtherEntry:
    """One service entry of a route that names no side at all: where it stands, and what it names."""

    pointer: str
    namespace: str
    service: str
    explicit: bool


@dataclass(frozen=True)
class Edit:
    """One value that a move changes: where in the object it stands, what stands there before (None: nothing does), and
    after."""

    pointer: str
    was: str | None
    to: str


@dataclass(frozen=True)
class RouteState:
    """One route at one moment. `via` are declared routes that it leads to: its users go where those say. `others`
    are namespaces it names that are neither side's, and objects there that are no Services; `other_entries` are the
    entries of a route that names neither side, for a person who sends it to one all the same. `annotated`: it has
    annotations, whichever; `way_back` is the one that says the way back by hand. `meaning` is a hash of all that a move
    depends on: while it is the same, whoever wrote since has changed nothing that matters. `stamp` is ours
    (core/values/stamps.py), None without one; `unrecorded` is what a rollback without a record has left on it."""

    route: RouteName
    found: bool
    api_version: str = ""
    resource_version: str = ""
    entries: tuple[Entry, ...] = ()
    others: tuple[str, ...] = ()
    other_entries: tuple[OtherEntry, ...] = ()
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
        return next(iter(self.sides)) if self.found and len(self.sides) == 1 and not self.others else None

    @property
    def follows(self) -> bool:
        """Whether it sends nobody anywhere but through other declared routes: those say the side, and are moved."""
        return bool(self.via) and not self.entries and not self.others

    @property
    def unmovable(self) -> str:
        """Why it cannot be moved, where it has no entry of a side."""
        return "is missing" if not self.found else f"points at neither side ({self})"

    def __str__(self) -> str:
        if not self.found:
            return f"{self.route} is missing"
        leads = " and ".join([*sorted(self.sides), *(str(route) for route in self.via)])
        if not leads:
            return f"{self.route} names neither side" + (f" (it names {', '.join(self.others)})" if self.others else "")
        also = f" and a stranger ({', '.join(self.others)})" if self.others else ""
        return f"{self.route} -> {leads}{also}"


@dataclass(frozen=True)
class Unrecorded:
    """A rollback without a record: where it sent users, and its time, who and why, as `TIME WHO: WHY`, as long as the
    record takes it."""

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
                found.append(Unrecorded(Side(side), fitted(said, TEXT_BYTES)))
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


def dark_side(traffic: Traffic, places: Places, *, both_protected: bool) -> DarkSide | None:
    """The dark side, or None when the routes do not allow to name one or a move is under way."""
    active = traffic.active
    if active is None or both_protected:
        return None
    return DarkSide(active.other, places[active.other].namespace, _SEAL)
