"""Judges what leads users to a side beside the declared routes: no move takes those users along, and when the side goes
to rest they are cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from flipgate.core.traffic.kinds import SOUGHT
from flipgate.core.traffic.kinds.sought import Sought
from flipgate.core.traffic.preview import OURS
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.place import Places, side_at
from flipgate.core.values.sides import Side

NAMED = 8
"""So many objects are named in one sentence; the others are counted."""


@dataclass(frozen=True)
class Undeclared:
    """One object that leads users to a side, and that nobody declared."""

    name: RouteName
    sides: tuple[Side, ...]

    def mend(self, live: Side | None) -> str:
        """What a person does about it, first things first: a route that is declared while it leads elsewhere than the
        others makes them name no one side. `live` is the side that these name; None where they name none."""
        if not SOUGHT[self.name.kind].movable:
            return "no move changes one: let it lead to a declared route, or declare it under spec.routesThatStay"
        if live and self.sides != (live,):
            return (
                f"first let all of it lead to {live}, where users are, and only then declare it under spec.routes, and "
                "it is moved with the others (declared before, the routes would name no one side, and nothing could be "
                "released); or, as it is, declare it under spec.routesThatStay"
            )
        return "declare it under spec.routes, and it is moved with the others, or under spec.routesThatStay"


@dataclass(frozen=True)
class Blind:
    """What may not be listed: a resource, in one namespace, or (empty) in all of them at once."""

    resource: str
    namespace: str


def read_undeclared(
    kind: Sought, objects: Iterable[Mapping[str, Any]], places: Places, known: Collection[RouteName]
) -> Iterator[Undeclared]:
    """Yields those of the objects that lead to a side and are not `known`: declared as routes, or to stay.

    What no user comes in by, and leads to its own side from within, is part of that side. A preview is flipgate's own.
    """
    for obj in objects:
        meta = obj["metadata"]
        name = RouteName(kind.word, meta["namespace"], meta["name"])
        named = {side_at(places, namespace or name.namespace) for namespace in kind.leads(obj.get("spec") or {})}
        inner = None if kind.door else side_at(places, name.namespace)
        sides = tuple(side for side in Side if side in named - {inner})
        if sides and name not in known and not OURS.items() <= (meta.get("labels") or {}).items():
            yield Undeclared(name, sides)


def shortened(names: Collection[object]) -> str:
    """Returns the names as one text, in their order; of many the first."""
    first = [str(name) for name in names][:NAMED]
    more = len(names) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def not_looked(blind: Collection[Blind], looked: Collection[str]) -> Iterator[str]:
    """Yields a sentence for each place where something was not looked for. `looked` are the namespaces that are looked
    into where no list of all of them is given."""
    places = Counter(each.resource for each in blind if each.namespace)
    for namespace, group in groupby(sorted(blind, key=lambda each: (each.namespace, each.resource)), _namespace):
        names = [each.resource for each in group]
        if namespace:
            command = f"kubectl auth can-i list {names[0]} -n {namespace}"
            yield f"not looked for in namespace {namespace}, for want of rights to list: {', '.join(names)} ({command})"
        elif anywhere := [name for name in names if places[name] < len(looked)]:
            command = f"kubectl auth can-i list {anywhere[0]} -A"
            yield f"looked for in namespaces {', '.join(looked)} alone: {', '.join(anywhere)} ({command})"


def _namespace(each: Blind) -> str:
    return each.namespace
