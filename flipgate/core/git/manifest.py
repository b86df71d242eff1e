"""A live route as a file of the repository says it: which side it leads to, and the same file leading to another."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from flipgate.core.git import edits
from flipgate.core.git.edits import Part, Splice
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.traffic import Edit, RouteName, RouteState
from flipgate.core.values.errors import BadInput
from flipgate.core.values.place import Places
from flipgate.core.values.sides import Side


def find_routes(text: str, routes: Collection[RouteName], places: Places, source: str) -> tuple[RouteState, ...]:
    """Returns where a file sends the users of those of the routes that it has. Raises BadInput for what is not YAML, or
    no route."""
    return tuple(state for _, state in _found(edits.read_parts(text, source), routes, places, source))


def with_side(text: str, routes: Collection[RouteName], places: Places, to: Side, source: str) -> str:
    """Returns the file with those of the routes that it has leading to a side, and nothing else of it changed. Raises
    BadInput where one is written in a way that cannot be changed without touching more."""
    parts = edits.read_parts(text, source)
    wanted = {id(part): part.data for part in parts}
    splices: list[Splice] = []
    moved: list[RouteName] = []
    for part, state in _found(parts, routes, places, source):
        kind = KINDS[state.route.kind]
        moving = [kind.edit(entry, places[to]) for entry in state.entries if entry.side is not to]
        wanted[id(part)] = _edited(part.data, moving, source)
        splices += [_splice(text, part, edit, source) for edit in moving]
        moved += [state.route] if moving else []
    changed = edits.spliced(text, splices)
    now = edits.read_parts(changed, source) if splices else parts
    if [part.data for part in now] != [*wanted.values()]:
        named = ", ".join(map(str, dict.fromkeys(moved)))
        fact = f"{named} is written in a way that cannot be changed without touching more (anchors, aliases)"
        raise BadInput(fact, obj=source, untouched="the repository")
    for _, state in _found(now, routes, places, source):
        if state.whole is not to and not state.follows:
            raise BadInput(f"{state}: it cannot be led to {to} alone there", obj=source, untouched="the repository")
    return changed


def _found(
    parts: Collection[Part], routes: Collection[RouteName], places: Places, source: str
) -> Iterator[tuple[Part, RouteState]]:
    """One that is there twice is yielded twice: who applies the file may take the last, or one after the other. One
    without a namespace counts only where none has the route's."""
    for route in routes:
        named = [part for part in parts if isinstance(part.data, Mapping) and _is(part.data, route)]
        own = [part for part in named if (part.data.get("metadata") or {}).get("namespace")]
        for part in own or named:
            yield part, _read(part, route, places, source, routes)


def _read(part: Part, route: RouteName, places: Places, source: str, declared: Collection[RouteName]) -> RouteState:
    """The route as the file has it: no API server has looked at that, so anything may stand anywhere."""
    try:
        return read_route(route, part.data, places, declared)
    except (AttributeError, TypeError, KeyError, ValueError, RecursionError):
        line = part.root.start_mark.line + 1
        fact = f"line {line}: {route} is not written as a {route.kind} is"
        raise BadInput(fact, obj=source, untouched="the repository") from None


def _edited(data: Any, moving: Collection[Edit], source: str) -> Any:
    """What a document says with these edits, and no other."""
    changed = edits.own(data)
    for edit in moving:
        path, key = _place_of(edit)
        holder = changed
        for step in path:
            holder = holder[int(step) if isinstance(holder, list) else step]
        holder[key] = edit.to
    return changed


def _splice(text: str, part: Part, edit: Edit, source: str) -> Splice:
    path, key = _place_of(edit)
    node = part.root
    for step in path:
        found = edits.child(node, step)
        if found is None:
            raise BadInput(f"{edit.pointer} is not written there", obj=source, untouched="the repository")
        node = found
    return edits.put(text, node, key, edit.to, source)


def _place_of(edit: Edit) -> tuple[list[str], str]:
    """The way to the mapping that is changed, and its key there."""
    *path, key = edit.pointer.removeprefix("/").split("/")
    return path, key


def _is(obj: Mapping[str, Any], route: RouteName) -> bool:
    """Whether it is this route; its namespace may be given to it by a kustomization."""
    meta = obj.get("metadata")
    meta = meta if isinstance(meta, Mapping) else {}
    group = str(obj.get("apiVersion", "")).partition("/")[0]
    named = (obj.get("kind"), group, meta.get("name")) == (route.kind, KINDS[route.kind].group, route.name)
    return named and meta.get("namespace", route.namespace) == route.namespace
