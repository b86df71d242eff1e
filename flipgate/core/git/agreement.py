"""The condition RoutesInGit: whether Git says of the routes what they say; kept in the record, and told when Git stays
behind, or when a person has to merge a request."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flipgate.core.record import conditions
from flipgate.core.record.conditions import ROUTES_IN_GIT
from flipgate.core.record.merge_request import MergeRequest
from flipgate.core.record.record import Announcement, Condition, ConditionStatus, Record, announced, message_id
from flipgate.core.values.base import but
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side

STAYS_SECONDS: Final = 300.0
"""After which people are told that Git is behind still: it is tried every five minutes."""


def agrees(to: Side, message: str, now: datetime) -> Condition:
    """Returns the condition that Git leads users where they are."""
    return Condition(
        type=ROUTES_IN_GIT, status=ConditionStatus.TRUE, reason=Why.GIT_AGREES, message=message, since=now, side=to
    )


def is_behind(to: Side, message: str, now: datetime) -> Condition:
    """Returns the condition that Git does not do so yet, and why."""
    return Condition(
        type=ROUTES_IN_GIT, status=ConditionStatus.FALSE, reason=Why.GIT_BEHIND, message=message, since=now, side=to
    )


def awaits_merge(request: MergeRequest, target: str, now: datetime) -> Condition:
    """Returns the condition that a person has to merge a request until Git does so."""
    said = (
        f"{request.name} waits for a person to merge it, since {request.at:%Y-%m-%d %H:%M:%S} UTC: then {target} leads "
        f"to {request.to}, as the routes do"
    )
    found = is_behind(request.to, said, now)
    return but(found, reason=Why.AWAITS_MERGE)


def requested(record: Record, request: MergeRequest, now: datetime) -> Record:
    """Returns the record with a request that is open; people are asked once to merge it."""
    before = record.merge_request
    changed = but(record, merge_request=request)
    if before and before.commit and before.branch == request.branch:
        return changed
    said = f"users are on {request.to}; Git follows when a person merges {request.name}"
    return _told(changed, request.to, Why.AWAITS_MERGE, said, request.branch, now, request.url)


def request_over(record: Record, active: Side, now: datetime) -> Record:
    """Returns the record without the request; its end is told where people were asked to merge it."""
    request = record.merge_request
    changed = but(record, merge_request=None)
    if request is None or not request.commit:
        return changed
    if request.to is active:
        said, why = f"{request.name} is over: Git leads to {active}, as the routes do", Why.GIT_AGREES
    else:
        said = f"users are on {active}: {request.name} changes nothing any more, and can be closed"
        why = Why.REQUEST_WITHDRAWN
    return _told(changed, active, why, said, request.branch, now)


def noted(record: Record, found: Condition, now: datetime) -> Record:
    """Returns the record with this condition. One that was false for STAYS_SECONDS is announced, and its end, each
    once."""
    before = conditions.condition_of(record.conditions, ROUTES_IN_GIT)
    held = conditions.held(record.conditions, found)
    told = before is not None and before.reason == Why.GIT_STAYS_BEHIND
    if held.status is ConditionStatus.FALSE:
        waited = before is not None and before.since == held.since and before.reason != Why.AWAITS_MERGE
        stays = waited and (now - held.since).total_seconds() > STAYS_SECONDS
        if found.reason == Why.AWAITS_MERGE:  # told when it was asked for
            return conditions.put(record, held)
        if told or stays:
            held = but(held, reason=Why.GIT_STAYS_BEHIND)
        changed = conditions.put(record, held)
        minutes = (now - held.since).total_seconds() / 60
        said = f"Git leads elsewhere still, after {minutes:.0f} minutes: {held.message}"
        return _turned(changed, held, said, now) if stays and not told else changed
    changed = conditions.put(record, held)
    return _turned(changed, held, f"Git leads to {held.side} again, as the routes do", now) if told else changed


def _turned(record: Record, found: Condition, said: str, now: datetime) -> Record:
    assert found.side is not None, "made here, and nowhere else"
    return _told(record, found.side, found.reason, said, f"{found.status}/{found.since.isoformat()}", now)


def _told(record: Record, side: Side, why: str, said: str, key: str, now: datetime, url: str = "") -> Record:
    name = record.newest.name if record.newest else ""
    message = Announcement(
        id=message_id(f"{record.application}/{ROUTES_IN_GIT}/{key}"),
        release=name,
        side=side,
        text=f"{f'{record.application} {name}'.strip()}: {said}",
        reason=why,
        url=url,
        at=now,
    )
    return announced(record, message)
