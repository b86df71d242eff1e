"""Conditions beside the phase, kept in the record with the time of their last turn. A turn of the way back, or of a
live side that serves, is announced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Condition, ConditionStatus, Record, announce
from flipgate.core.values.base import but
from flipgate.core.values.reasons import Why

WAY_BACK_READY: Final = "WayBackReady"
DRIFTED: Final = Why.DRIFTED
LIVE_SIDE_READY: Final = "LiveSideReady"
DARK_SIDE_WORKS: Final = "DarkSideWorks"
ROUTES_IN_GIT: Final = "RoutesInGit"
"""Whether the routes' files lead where the routes do. Only who pushes knows it (steps/moving/git_routes.py)."""
GIT_ACCESS: Final = "GitAccess"
"""Whether a release's credentials open the team's repository. Only a run has them (steps/watching/git_access.py)."""
GATES_PASS: Final = Why.GATES_PASS
"""What the gates at `soak` say. Only a run asks them (steps/watching/soak_gates.py)."""
JUDGED: Final = frozenset({WAY_BACK_READY, DRIFTED, LIVE_SIDE_READY, DARK_SIDE_WORKS})
"""The types that `recorded` answers for; others in the record are left as they are."""

LOST, FOUND = Why.WAY_BACK_LOST, Why.WAY_BACK_FOUND
LIVE_SIDE_SHORT, LIVE_SIDE_FOUND = Why.LIVE_SIDE_SHORT, Why.LIVE_SIDE_FOUND


def changes(found: Iterable[str], passing: Iterable[str] = ()) -> str:
    """Returns what others have changed as one word, and after a `+` one for each thing that is so and may pass by
    itself, as pods that crash; empty where there is nothing. What comes and goes at every look (how many pods are
    Ready, times) is no part of it."""
    parts = sorted(set(found))
    return "+".join([_word(parts, 12) if parts else "", *sorted({_word([each], 8) for each in passing})])


def _word(parts: Iterable[str], digits: int) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()[:digits]


def changed_again(before: Condition | None, after: Condition) -> bool:
    """Whether others have changed something since it was told, or judged first, or something else is so."""
    known = before.changed if before is not None and before.side is after.side else ""
    was, *passed = known.split("+")
    now, *passing = after.changed.split("+")
    return now not in ("", was) or bool(set(passing) - set(passed))


def _as_told(before: Condition | None, after: Condition) -> Condition:
    """What others have changed is remembered while it is out of sight, and what passes by itself as long as anything is
    amiss: seen again, it is no news."""
    same = before is not None and before.side is after.side
    if before is None or not same or ConditionStatus.TRUE in (before.status, after.status):
        return after
    if not after.changed:
        return but(after, changed=before.changed)
    now, *passing = after.changed.split("+")
    _, *passed = before.changed.split("+")
    return but(after, changed="+".join([now, *sorted({*passed, *passing})]))


def condition_of(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """Returns the condition of this type, if there is one."""
    return next((each for each in conditions if each.type == kind), None)


def held(known: Iterable[Condition], found: Condition) -> Condition:
    """Returns the condition as it was found now, with the time since when it has had this status."""
    before = condition_of(known, found.type)
    same = before is not None and before.status is found.status and before.side is found.side
    return but(found, since=before.since) if before and same else found


def recorded(record: Record, found: Sequence[Condition]) -> Record:
    """Returns the record with what was judged now. A judged type that is not among `found` has no meaning any more, and
    is removed.

    A way back that is lost, or found again, puts one message into the outbox, and so does a live side that is short.
    The first True says nothing.
    """
    found = [_as_told(condition_of(record.conditions, each.type), each) for each in found]
    changed = record
    for each in found:
        add = _ANNOUNCED.get(each.type, _announced)
        changed = add(changed, condition_of(record.conditions, each.type), each)
    gone = JUDGED - {each.type for each in found}
    return put(forget(changed, *gone), *found)


def put(record: Record, *found: Condition) -> Record:
    """Returns the record with these conditions, without an announcement."""
    kept = tuple(held(record.conditions, each) for each in found)
    others = forget(record, *(each.type for each in found)).conditions
    return but(record, conditions=(*others, *kept))


def forget(record: Record, *kinds: str) -> Record:
    """Returns the record without conditions of these types: a new release begins its own."""
    kept = tuple(each for each in record.conditions if each.type not in kinds)
    return but(record, conditions=kept)


def _announced(record: Record, before: Condition | None, after: Condition) -> Record:
    """Announces a turn, once, and what is changed while it is lost. A way back that ends in `settling` was given up on
    a person's word: that is no loss."""
    was = before is None or before.status is ConditionStatus.TRUE
    now = after.status is ConditionStatus.TRUE
    release = record.release
    same = was == now and not changed_again(before, after)
    if after.type != WAY_BACK_READY or same or release is None or release.phase is Phase.SETTLING:
        return record
    side = release.side.other
    if now:
        since = f", after {(after.since - before.since).total_seconds():.0f} s" if before else ""
        said = f"the way back to {side} is found again{since}: {after.message}"
    else:
        how = "is lost from sight" if after.status is ConditionStatus.UNKNOWN else "is lost" if was else "is still lost"
        said = f"the way back to {side} {how} ({after.reason}): {after.message}"
    key = f"{release.name}/{after.type}/{after.status}/{after.since.isoformat()}"
    return announce(
        record,
        key,
        release=release.name,
        side=side,
        text=f"{record.application} {release.name}: {said}",
        reason=FOUND if now else LOST,
        at=after.since,
    )


def _live_side_announced(record: Record, before: Condition | None, after: Condition) -> Record:
    """One message a turn, and one when something else is changed while it is short, whether a release is open or not.
    A live side that is out of sight after it was short has not turned; one that is short after it was out of sight has.
    """
    known = before if before is not None and before.side is after.side else None
    was, now = known.status if known else ConditionStatus.TRUE, after.status
    same = was is now and not changed_again(known, after)
    if after.side is None or same or (was is ConditionStatus.FALSE and now is ConditionStatus.UNKNOWN):
        return record
    if known and now is ConditionStatus.TRUE:
        said = f"serves again, after {(after.since - known.since).total_seconds():.0f} s: {after.message}"
    else:
        still = "is still not ready" if was is now else "is not ready"
        how = still if now is ConditionStatus.FALSE else "is lost from sight"
        said = f"{how} ({after.reason}): {after.message}"
    release = record.under_way
    name = release.name if release and release.side is after.side else ""
    return announce(
        record,
        f"{after.side}/{after.type}/{now}/{after.since.isoformat()}",
        release=name,
        side=after.side,
        text=f"{f'{record.application} {name}'.strip()}: the live side {after.side} {said}",
        reason=LIVE_SIDE_FOUND if now is ConditionStatus.TRUE else LIVE_SIDE_SHORT,
        at=after.since,
    )


def _dark_side_announced(record: Record, before: Condition | None, after: Condition) -> Record:
    """One message when something begins to work on the dark side, too, or other things do, and one when nothing does
    any more."""
    known = before if before is not None and before.side is after.side else None
    was, now = bool(known and known.status is ConditionStatus.TRUE), after.status is ConditionStatus.TRUE
    if after.side is None or (was is now and not changed_again(known, after)):
        return record
    if now:
        said = f"the dark side {after.side} works, too: {after.message}"
    else:
        since = f", after {(after.since - known.since).total_seconds():.0f} s" if known else ""
        said = f"only the live side {after.side.other} works again{since}"
    release = record.newest
    return announce(
        record,
        f"{after.side}/{after.type}/{after.status}/{after.since.isoformat()}",
        release=release.name if release else "",
        side=after.side,
        text=f"{record.application}: {said}",
        reason=after.reason,
        at=after.since,
    )


_ANNOUNCED: Final = {LIVE_SIDE_READY: _live_side_announced, DARK_SIDE_WORKS: _dark_side_announced}
