"""The condition RoutesInGit: whether Git says of the routes what they say; kept in the record, and told when Git stays
behind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from datetime import datetime
from typing import Final

from flipgate.core.record import conditions
from flipgate.core.record.conditions import ROUTES_IN_GIT
from flipgate.core.record.record import Announcement, Condition, ConditionStatus, Record, announced, message_id
from flipgate.core.spec.git import GitSpec
from flipgate.core.traffic.traffic import RouteName, Traffic
from flipgate.core.values.base import but
from flipgate.core.values.place import Places
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side

STAYS_SECONDS: Final = 300.0
"""After which people are told that Git is behind still: it is tried every five minutes."""


def basis_of(commit: str, spec: GitSpec, routes: Collection[RouteName], places: Places, to: Side) -> str:
    """Returns one word for all that says whether Git agrees: the same word, the same answer."""
    named = sorted(spec.routes), sorted(map(str, routes)), sorted(map(str, places.values()))
    said = json.dumps([commit, spec.repository, spec.branch, *named, str(to)])
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def agrees(to: Side, message: str, now: datetime, basis: str = "") -> Condition:
    """Returns the condition that Git leads users where they are."""
    return Condition(
        type=ROUTES_IN_GIT,
        status=ConditionStatus.TRUE,
        reason=Why.GIT_AGREES,
        message=message,
        since=now,
        side=to,
        basis=basis,
    )


def agreed(record: Record, traffic: Traffic, to: Side) -> str | None:
    """Returns the basis on which Git agreed when it was looked at last; None where it did not, or where a route is
    still left alone by who applies Git."""
    known = conditions.condition_of(record.conditions, ROUTES_IN_GIT)
    if known is None or known.status is not ConditionStatus.TRUE or known.side is not to:
        return None
    return None if any(state.held for state in traffic.routes) else known.basis


def is_behind(to: Side, message: str, now: datetime) -> Condition:
    """Returns the condition that Git does not do so yet, and why."""
    return Condition(
        type=ROUTES_IN_GIT, status=ConditionStatus.FALSE, reason=Why.GIT_BEHIND, message=message, since=now, side=to
    )


def noted(record: Record, found: Condition, now: datetime) -> Record:
    """Returns the record with this condition. One that was false for STAYS_SECONDS is announced, and its end, each
    once."""
    before = conditions.condition_of(record.conditions, ROUTES_IN_GIT)
    held = conditions.held(record.conditions, found)
    told = before is not None and before.reason == Why.GIT_STAYS_BEHIND
    if held.status is ConditionStatus.FALSE:
        stays = before is not None and before.since == held.since and (now - held.since).total_seconds() > STAYS_SECONDS
        if told or stays:
            held = but(held, reason=Why.GIT_STAYS_BEHIND)
        changed = conditions.put(record, held)
        minutes = (now - held.since).total_seconds() / 60
        said = f"Git leads elsewhere still, after {minutes:.0f} minutes: {held.message}"
        return _told(changed, held, said, now) if stays and not told else changed
    changed = conditions.put(record, held)
    return _told(changed, held, f"Git leads to {held.side} again, as the routes do", now) if told else changed


def _told(record: Record, found: Condition, said: str, now: datetime) -> Record:
    assert found.side is not None, "made here, and nowhere else"
    name = record.newest.name if record.newest else ""
    message = Announcement(
        id=message_id(f"{record.application}/{ROUTES_IN_GIT}/{found.status}/{found.since.isoformat()}"),
        release=name,
        side=found.side,
        text=f"{f'{record.application} {name}'.strip()}: {said}",
        reason=found.reason,
        at=now,
    )
    return announced(record, message)
