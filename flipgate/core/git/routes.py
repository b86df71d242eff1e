"""Whether the routes' files say what the routes do: which file has which route, what to commit, and when Flux may keep
the routes again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from flipgate.core.git.manifest import find_routes, with_side
from flipgate.core.record.held import BREAK_GLASS
from flipgate.core.record.intents import MOVE_ROUTES, Move
from flipgate.core.record.phases import AFTER_TRAFFIC, Phase, QuestionKind
from flipgate.core.record.record import JournalEntry, Record
from flipgate.core.record.release import Release
from flipgate.core.record.sent import ROLLBACK
from flipgate.core.traffic.traffic import RouteName, Traffic
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.place import Places
from flipgate.core.values.sides import Side

Files = Mapping[str, str]
"""The text of the routes' files, by path."""


@dataclass(frozen=True)
class Told:
    """What a commit says of a move: `what` was done, in which release, by whom, and why."""

    what: str
    release: str
    by: str
    why: str


def changed_files(files: Files, routes: Collection[RouteName], places: Places, to: Side) -> dict[str, str]:
    """Returns the files that have to change so that all of these routes lead to a side, with their new text. Raises
    BadInput where one cannot be changed without touching more."""
    new = {path: with_side(text, routes, places, to, path) for path, text in files.items()}
    return {path: text for path, text in new.items() if text != files[path]}


def not_in_files(files: Files, routes: Collection[RouteName], places: Places) -> tuple[RouteName, ...]:
    """Returns the routes that none of these files has."""
    found = {state.route for path, text in files.items() for state in find_routes(text, routes, places, path)}
    return tuple(route for route in routes if route not in found)


def leads_there(files: Files, routes: Collection[RouteName], places: Places, to: Side) -> bool:
    """Whether every one of these routes is in these files, and leads to this side there, and to nothing else: one that
    names neither side leads users away, too. Raises BadInput for what is not YAML, or no route."""
    found = [state for path, text in files.items() for state in find_routes(text, routes, places, path)]
    return {state.route for state in found} == set(routes) and all(s.whole is to or s.follows for s in found)


def leading(traffic: Traffic) -> tuple[RouteName, ...]:
    """Returns the routes that name a side themselves: those that a move changes."""
    return tuple(state.route for state in traffic.leading)


def story(record: Record, to: Side, forward: str, back: str) -> Told:
    """Returns what has sent users to this side, as far as the record knows it."""
    known = [each for each in (record.release, record.last) if each]
    # Git may have been away for so long that a newer release is under way: it has moved nobody yet.
    moved = [each for each in known if any(change.phase is Phase.FLIPPING for change in each.changes)]
    release = moved[0] if moved else record.newest
    if release is None:
        return Told(back, "-", "somebody", "before any release")
    moves = [each for each in record.journal if each.step == MOVE_ROUTES and _leads(each, to)]
    went_back = moves and Move.read(moves[-1].intent).back
    if release.side is to and release.phase in AFTER_TRAFFIC and not went_back:
        flips = [each for each in reversed(release.decisions) if each.kind == QuestionKind.FLIP]
        said = next((each for each in flips if each.decision != BREAK_GLASS), None)
        broken = [f"break-glass by {each.by}: {each.reason}" for each in flips if each.decision == BREAK_GLASS]
        why = "; ".join([*([said.reason] if said else []), *broken[:1]])
        return Told(forward, release.name, said.by if said else release.opened_by, why)
    left = next((each for each in moved if each.side is to.other), release)
    who, _, why = _said_of(record, left, moves[-1] if moves else None).partition(": ")
    return Told(back, left.name, who or "flipgate", why)


def _leads(entry: JournalEntry, to: Side) -> bool:
    meant = Move.find(entry.intent)
    return meant is not None and meant.to is to


def _said_of(record: Record, release: Release, move: JournalEntry | None) -> str:
    """Returns who sent users back, and why, as `WHO: WHY`: said with the move, where no release changed its phase for
    it, or with that phase."""
    before = [each for each in record.journal if each.step == ROLLBACK and move and each.id == move.id - 1]
    if before:
        return before[0].outcome.partition(": ")[2].rpartition("; all users to ")[0]
    back = [each.message for each in release.changes if each.phase is Phase.ROLLING_BACK]
    return back[-1] if back else f"flipgate: {release.changes[-1].message}"


def lines(routes: Iterable[RouteName], to: Side, why: str) -> str:
    """Returns what a commit says of the routes."""
    return "\n".join([*(f"- {route} -> {to}" for route in routes), *([why] if why else [])])
