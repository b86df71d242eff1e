"""Plans what a move changes: fenced patches of the routes, and the same as kubectl commands."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.traffic import (
    DISABLED,
    EXCLUDED,
    HELD,
    UNRECORDED,
    WAY_BACK,
    Edit,
    Entry,
    ForeignEntry,
    RouteName,
    RouteState,
    Traffic,
)
from flipgate.core.values.errors import Refused
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.place import Places
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP
from flipgate.core.values.text import written_bytes

FORWARD: Final = "forward"
BACK: Final = "back"
COMMAND_BYTES: Final = 3_000
"""Of a command in a message, which has room for a sentence beside it: half a command is none."""
LINE_BYTES: Final = 128 * 1024
"""Of the line on a route that takes it back: all annotations of an object have 256 KiB."""


@dataclass(frozen=True)
class RoutePatch:
    """One fenced JSON patch of one route: its tests let it pass once, and never after another patch of flipgate's."""

    route: RouteName
    api_version: str
    operations: tuple[dict[str, Any], ...]
    """The tests and the change. A person approves these, and can do the same by hand."""
    annotating: tuple[dict[str, Any], ...] = ()
    """What is written on the route's annotations with them; no part of the plan that a person approves."""


def plan_move(
    traffic: Traffic,
    places: Places,
    to: Side,
    *,
    direction: str = FORWARD,
    services: Collection[str] = (),
    stamp: str = "",
    unrecorded: str = "",
    versions: bool = True,
    hold: str = "",
) -> tuple[RoutePatch, ...]:
    """Returns the patches that send every route's side entries to `to`; routes already there need none.

    Each patch tests the object, our stamp on it and the old values, and writes another `stamp`. Forward it tests the
    version read, too, so that any write in between refuses it (whoever sends it may plan anew, if that write changed
    nothing of `RouteState.meaning`); and it writes the line that takes it back on the route. Back, an unrelated writer
    must not hold it up, so it tests no version, unless there is no stamp yet (and not even then without `versions`); a
    rollback without a record leaves `unrecorded` on each route. Without a `stamp` the plan is one to be shown, and not
    to be sent. `hold`, a time: Flux, which keeps these routes as Git has them, is told in the same patch to leave them.

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
                state.unmovable,
                obj=str(state.route),
                reason=Why.ROUTE_UNKNOWN,
                untouched="all routes",
                next_command="flipgate check -f APP.yaml",
            )
        if moving:
            forward = direction == FORWARD
            version = [_version(state)] if forward or (versions and state.stamp is None) else []
            kind = KINDS[state.route.kind]
            moves = [op for entry in moving for op in _operations(kind.edit(entry, places[to]))]
            annotations = {STAMP: stamp, UNRECORDED: unrecorded, **_holding(state, hold)}
            if forward:
                annotations[WAY_BACK] = way_back_line(state, places, to, stamp, hold)
            by_hand_too = [] if stamp else _writing(_holding(state, hold), state.annotated)
            operations = (*version, *_same(state), *moves, *by_hand_too)
            patches.append(RoutePatch(state.route, state.api_version, operations, _annotate(state, annotations)))
    return tuple(patches)


def plan_close(
    state: RouteState,
    stamp: str,
    unrecorded: str = "",
    *,
    open_to: Places | None = None,
    versions: bool = True,
    hold: str = "",
    leave: str = "",
) -> RoutePatch:
    """Returns the patch that leaves a route where it is, and has every earlier move of it refused, the way back by hand
    too: it tests the object, our stamp and all that names a side, and writes another stamp. `unrecorded` is what stands
    there of a rollback without a record from now on. With the sides' places in `open_to`, a way back by hand that
    stands there is written anew, under the new stamp; `hold` as of `plan_move`, of that line. `leave`, a time: Flux is
    told to leave the route."""
    same = [_test(entry.pointer, entry.namespace) for entry in state.entries if entry.explicit]
    version = [_version(state)] if versions and state.stamp is None else []
    annotations = {STAMP: stamp, UNRECORDED: unrecorded, **_holding(state, leave)}
    if open_to and state.way_back and state.whole:
        annotations[WAY_BACK] = way_back_line(state, open_to, state.whole, stamp, hold)
    return RoutePatch(state.route, state.api_version, (*version, *_same(state), *same), _annotate(state, annotations))


def forget_unrecorded(state: RouteState) -> tuple[dict[str, Any], ...]:
    """Returns the operations that remove the mark of a rollback without a record, as it was read."""
    pointer = _pointer(UNRECORDED)
    return (_test(pointer, state.unrecorded), {"op": "remove", "path": pointer})


def _movable(state: RouteState, to: Side, services: Collection[str]) -> tuple[Entry | ForeignEntry, ...]:
    if state.entries:
        return tuple(entry for entry in state.entries if entry.side is not to)
    return tuple(entry for entry in state.foreign_entries if entry.service in services)


def _operations(edit: Edit) -> list[dict[str, Any]]:
    if edit.was is None:
        return [{"op": "add", "path": edit.pointer, "value": edit.to}]
    return [_test(edit.pointer, edit.was), {"op": "replace", "path": edit.pointer, "value": edit.to}]


def plan_hold(state: RouteState, at: str) -> RoutePatch | None:
    """Returns the patch that has Flux leave a route as it is, before it is moved: what it is just applying has read the
    route already, and would write it back. It tests the object and our stamp. None where Flux does not touch it."""
    if not (holding := _holding(state, at)) or state.held:
        return None
    annotating = tuple(_writing(holding, state.annotated))
    return RoutePatch(state.route, state.api_version, tuple(_same(state)), annotating)


def plan_lift(state: RouteState) -> RoutePatch:
    """Returns the patch that has Flux keep a route again as Git has it. It tests the object, our stamp, all that names
    a side and the mark that it takes off: it is refused once anybody of ours has moved the route since, and taken once.
    So it leaves no stamp of its own, and the way back by hand, which tests that, stays good."""
    same = [_test(entry.pointer, entry.namespace) for entry in state.entries if entry.explicit]
    held = _test(_pointer(HELD), state.held)
    gone = [{"op": "remove", "path": _pointer(name)} for name in ((EXCLUDED, HELD) if state.excluded else (HELD,))]
    return RoutePatch(state.route, state.api_version, (*_same(state), *same, held, *gone))


def _holding(state: RouteState, at: str) -> dict[str, str]:
    """Returns the annotations that have Flux leave a route as it is; none where somebody else has put it there."""
    return {EXCLUDED: DISABLED, HELD: at} if at and (state.held or not state.excluded) else {}


def way_back_line(state: RouteState, places: Places, to: Side, stamp: str, hold: str = "") -> str:
    """Returns the command that takes this route's users to the other side again, once they are on `to` under this
    stamp."""
    kind = KINDS[state.route.kind]
    back = [(entry, kind.edit(entry, places[to.other])) for entry in state.entries]
    edits = [e if entry.side is to else replace(e, was=kind.edit(entry, places[to]).to) for entry, e in back]
    operations = [op for edit in edits for op in _operations(edit)]
    same = _same(replace(state, stamp=stamp, annotated=True))
    hold_too = _writing(_holding(state, hold), True)
    line = by_hand(RoutePatch(state.route, state.api_version, (*same, *operations, *hold_too)))
    if len(line.encode()) > LINE_BYTES:
        return f"flipgate rollback: its {len(edits)} entries are more than a line holds"
    return line


def _version(state: RouteState) -> dict[str, Any]:
    return _test("/metadata/resourceVersion", state.resource_version)


def _same(state: RouteState) -> list[dict[str, Any]]:
    """Returns the tests that it is still this very object, and that flipgate has not written it since."""
    # A test for null passes where nothing stands there, and is refused where the parent is missing.
    stamp = _test(_pointer(STAMP), state.stamp) if state.annotated else _test("/metadata/annotations", None)
    return [_test("/metadata/uid", state.uid), stamp]


def _annotate(state: RouteState, annotations: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """Returns the operations that write these annotations (but empty ones), and remove an older rollback's mark."""
    kept = {name: text for name, text in annotations.items() if text}
    written = _writing(kept, state.annotated)
    over = state.annotated and state.unrecorded and UNRECORDED not in kept
    return (*written, *([{"op": "remove", "path": _pointer(UNRECORDED)}] if over else []))


def _writing(annotations: Mapping[str, str], annotated: bool) -> list[dict[str, Any]]:
    """Returns the operations that write these annotations on an object that has some already, or none at all."""
    if not annotated:
        return [{"op": "add", "path": "/metadata/annotations", "value": dict(annotations)}] if annotations else []
    return [{"op": "add", "path": _pointer(name), "value": text} for name, text in annotations.items()]


def forget_way_back(state: RouteState) -> tuple[dict[str, Any], ...]:
    """Returns the operations that remove the way back by hand, as it was read; refused when it is another by now."""
    return (_test(_pointer(WAY_BACK), state.way_back), {"op": "remove", "path": _pointer(WAY_BACK)})


def _pointer(annotation: str) -> str:
    return "/metadata/annotations/" + annotation.replace("/", "~1")


def _test(path: str, value: str | None) -> dict[str, Any]:
    return {"op": "test", "path": path, "value": value}


def in_a_message(commands: Sequence[str], instead: str) -> str:
    """Joins commands to one line for a message; returns `instead` where that is longer than a message can be."""
    line = " && ".join(commands)
    return line if written_bytes(line) <= COMMAND_BYTES else instead


def by_hand(patch: RoutePatch) -> str:
    """Returns the kubectl command that makes the same change without flipgate: it tests values and our stamp, no
    versions. It is refused once flipgate has written the route again, so that an old message leads nobody to a side
    that is at rest by now."""
    plural = f"{KINDS[patch.route.kind].plural}.{patch.api_version.split('/')[0]}"
    ops = [op for op in patch.operations if op["path"] not in ("/metadata/resourceVersion", "/metadata/uid")]
    return (
        f"kubectl -n {patch.route.namespace} patch {plural} {patch.route.name} --type=json "
        f"-p='{json.dumps(ops, separators=(',', ':'))}'"
    )
