"""Where the live routes send users, read from the cluster's own objects.

Nothing here remembers anything. `Traffic` is made from route objects as they are at one moment; only when every route
points wholly at one side does `Traffic.active` name it, and only then can a `DarkSide` be made.
"""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, datetime
from typing import Final

from flipgate.core.values.appliers import Applier
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.managed_fields import Writer, moment_of
from flipgate.core.values.place import Places
from flipgate.core.values.sides import Side
from flipgate.core.values.text import SELF_DECLARED, TEXT_BYTES, fitted

SERVICE: Final = "Service"
"""The kind of target that leads nowhere on: its pods answer."""
COUNTER: Final = "{namespace}-{name}-{port}@kubernetescrd"
"""Traefik's name for a Service's port that a TraefikService, or a rule with several services, leads to."""
WAY_BACK: Final = "flipgate.dev/way-back"
"""Annotation on a route that was moved: the kubectl line that takes its users back, for as long as that is a way back.
"""
EXCLUDED: Final = "kustomize.toolkit.fluxcd.io/reconcile"
"""Annotation that has Flux leave an object of the cluster as it is, where it says DISABLED (kustomize-controller)."""
DISABLED: Final = "disabled"
HELD: Final = "flipgate.dev/held"
"""Annotation on a route that flipgate has put EXCLUDED on: until Git says the side that it leads to, and Flux knows."""
UNRECORDED: Final = "flipgate.dev/unrecorded"
"""Annotation on a route that a rollback sent back without being able to write it down: when, by whom, and why.
reconcile finds it and finishes what is missing."""


@dataclass(frozen=True)
class RouteName:
    """The name of a route, declared or not, or of another object that is told beside routes."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Target:
    """The object that an entry names in its namespace: a Service, or a TraefikService."""

    kind: str
    name: str
    port: int | str | None = None
    """The number or the name of a Service's port."""
    answers: bool = True
    """Whether users get answers from it now: at weight 0 they do not, and a mirror answers nobody."""
    needed: bool = False
    """Whether Traefik drops all that shares its rule while nobody is Ready behind it, answers or not."""
    counter: str = COUNTER
    """The form of its name in Traefik's metrics, where Traefik counts per target."""


@dataclass(frozen=True)
class Entry:
    """One entry of a route that names a side."""

    pointer: str
    """Where the entry's namespace stands in the object: a JSON pointer."""
    namespace: str
    side: Side
    explicit: bool
    """Whether the namespace is written there; else it is the route's own."""
    target: Target
    rule: str = ""
    """The match of the IngressRoute's rule, where the rule has no other entry."""


@dataclass(frozen=True)
class ForeignEntry:
    """One entry of a route that names neither side: fields as of `Entry`; `service` is the Service it names."""

    pointer: str
    namespace: str
    service: str
    explicit: bool


@dataclass(frozen=True)
class Edit:
    """One value that a move changes."""

    pointer: str
    """Where in the object it stands."""
    was: str | None
    """What stands there before the move; None: nothing does."""
    to: str


@dataclass(frozen=True)
class RouteState:
    """One route as it was read at one moment: where it sends users, and what a patch of it has to test."""

    route: RouteName
    found: bool
    """Whether the object exists; all else is empty where it does not."""
    api_version: str = ""
    resource_version: str = ""
    entries: tuple[Entry, ...] = ()
    """Its entries that name a side."""
    foreign_backends: tuple[str, ...] = ()
    """What else it sends users to: namespaces that are neither side's, and objects there that are no Services."""
    foreign_entries: tuple[ForeignEntry, ...] = ()
    """The entries of a route that names neither side, for a person who sends it to one all the same."""
    via: tuple[RouteName, ...] = ()
    """Declared routes that it leads to: its users go where those say."""
    companions: tuple[RouteName, ...] = ()
    """What it names beside its targets, and no move changes: middlewares, options of TLS."""
    annotated: bool = False
    """Whether it has any annotation; a patch that adds the first one has to add their map."""
    way_back: str = ""
    """The annotation that holds the command for going back by hand."""
    meaning: str = ""
    """A hash of all that a move depends on: while it is the same, no write since has changed anything that matters."""
    uid: str = ""
    stamp: str | None = None
    """flipgate's stamp (core/values/stamps.py); None without one."""
    unrecorded: str = ""
    """What a rollback without a record has left on it."""
    unrecorded_by: Writer | None = field(default=None, compare=False)
    """Who wrote that, as far as the API server says."""
    excluded: bool = False
    """Whether Flux leaves it as it is."""
    written_by: Writer | None = field(default=None, compare=False)
    """Who wrote last where it sends users, as far as the API server says."""
    applied_by: Applier | None = field(default=None, compare=False)
    """Who keeps it as a source of theirs has it, as far as it says."""
    held: str = ""
    """Since when flipgate has had Flux do so; empty where it has not."""

    @property
    def sides(self) -> frozenset[Side]:
        return frozenset(entry.side for entry in self.entries)

    @property
    def whole(self) -> Side | None:
        """The one side this route itself sends everybody to, or None."""
        return next(iter(self.sides)) if self.found and len(self.sides) == 1 and not self.foreign_backends else None

    @property
    def follows(self) -> bool:
        """Whether it sends users only through other declared routes: those say the side, and are moved."""
        return bool(self.via) and not self.entries and not self.foreign_backends

    @property
    def unmovable(self) -> str:
        """Why it cannot be moved, where it has no entry of a side."""
        return "is missing" if not self.found else f"points at neither side ({self})"

    def __str__(self) -> str:
        if not self.found:
            return f"{self.route} is missing"
        leads = " and ".join([*sorted(self.sides), *(str(route) for route in self.via)])
        if not leads:
            return f"{self.route} names neither side" + (
                f" (it names {', '.join(self.foreign_backends)})" if self.foreign_backends else ""
            )
        also = f" and a foreign backend ({', '.join(self.foreign_backends)})" if self.foreign_backends else ""
        return f"{self.route} -> {leads}{also}"


@dataclass(frozen=True)
class Unrecorded:
    """A rollback without a record: where it sent users, and its time, who and why, as `TIME WHO: WHY`, as long as the
    record takes it. Whoever may write the route can write all of that: it is shown as a claim."""

    to: Side
    said: str
    route: RouteName | None = field(default=None, compare=False)
    """The one that it stands on."""
    written_by: Writer | None = field(default=None, compare=False)

    @property
    def mark(self) -> str:
        """By which it is known from others, as the record keeps it: two of one second may go to different sides."""
        return fitted(f"{self.to} {self.said}", TEXT_BYTES)

    def claimed(self, opened: datetime | None = None) -> str:
        """What it says, with where it stands and who wrote it; and whether its time can be right, where the newest
        release was opened at `opened`."""
        written = f", written by {self.written_by}," if self.written_by else ""
        at = moment_of(self.said.partition(" ")[0])
        doubt = ""
        if opened and (at is None or at < opened.replace(microsecond=0)):  # it has whole seconds
            opened_at = f"{opened.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
            doubt = f"; its time is not believed: the newest release was opened at {opened_at}"
        return f"an annotation on {self.route}{written} says: {self.said}{SELF_DECLARED}{doubt}"


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
                said = fitted(said, TEXT_BYTES)
                found.append(Unrecorded(Side(side), said, route.route, route.unrecorded_by))
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
