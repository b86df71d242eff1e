"""A live route as a file of the repository says it: which side it leads to, and the same file leading to another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flipgate.core.git import edits
from flipgate.core.git.edits import Part, Splice
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.traffic import Edit, RouteName, RouteState
from flipgate.core.values.errors import BadInput
from flipgate.core.values.place import Places
from flipgate.core.values.sides import Side


def find_route(
    text: str, route: RouteName, places: Places, source: str, declared: Collection[RouteName] = ()
) -> RouteState | None:
    """Returns where a file sends the users of a route; None where the file does not have it. Raises BadInput for what
    is not YAML."""
    part = _part_of(edits.read_parts(text, source), route)
    return _read(part, route, places, source, declared) if part else None


def with_side(
    text: str, route: RouteName, places: Places, to: Side, source: str, declared: Collection[RouteName] = ()
) -> str:
    """Returns the file with this route leading to a side, and nothing else of it changed; the same text where it does
    so, or does not have it. Raises BadInput where it is written in a way that cannot be changed without touching more.
    """
    parts = edits.read_parts(text, source)
    part = _part_of(parts, route)
    if part is None:
        return text
    state, kind = _read(part, route, places, source, declared), KINDS[route.kind]
    moving = [kind.edit(entry, places[to]) for entry in state.entries if entry.side is not to]
    changed = edits.spliced(text, [_splice(text, part, edit, source) for edit in moving])
    wanted = [_edited(each.data, moving, source) if each is part else each.data for each in parts]
    now = find_route(changed, route, places, source, declared)
    if now is None or [each.data for each in edits.read_parts(changed, source)] != wanted:
        fact = f"{route} is written in a way that cannot be changed without touching more (anchors, aliases)"
        raise BadInput(fact, obj=source, untouched="the repository")
    if now.whole is not to and not now.follows:
        raise BadInput(f"{now}: it cannot be led to {to} alone there", obj=source, untouched="the repository")
    return changed


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
        *path, key = edit.pointer.removeprefix("/").split("/")
        holder = changed
        for step in path:
            holder = holder[int(step) if isinstance(holder, list) else step]
        holder[key] = edit.to
    return changed


def _splice(text: str, part: Part, edit: Edit, source: str) -> Splice:
    *path, key = edit.pointer.removeprefix("/").split("/")
    node = part.root
    for step in path:
        found = edits.child(node, step)
        if found is None:
            raise BadInput(f"{edit.pointer} is not written there", obj=source, untouched="the repository")
        node = found
    return edits.put(text, node, key, edit.to, source)


def _part_of(parts: Collection[Part], route: RouteName) -> Part | None:
    return next((part for part in parts if isinstance(part.data, Mapping) and _is(part.data, route)), None)


def _is(obj: Mapping[str, Any], route: RouteName) -> bool:
    """Whether it is this route; its namespace may be given to it by a kustomization."""
    meta = obj.get("metadata")
    meta = meta if isinstance(meta, Mapping) else {}
    group = str(obj.get("apiVersion", "")).partition("/")[0]
    named = (obj.get("kind"), group, meta.get("name")) == (route.kind, KINDS[route.kind].group, route.name)
    return named and meta.get("namespace", route.namespace) == route.namespace
