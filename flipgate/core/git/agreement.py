"""The condition RoutesInGit: whether Git says of the routes what they say; kept in the record, and told when Git stays
behind, or when a person has to merge a request."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from flipgate.core.record import conditions
from flipgate.core.record.conditions import ROUTES_IN_GIT
from flipgate.core.record.intents import COMMIT_ROUTES, MOVE_ROUTES, CommitRoutes
from flipgate.core.record.merge_request import MergeRequest
from flipgate.core.record.record import Condition, ConditionStatus, EntryState, Record, announce
from flipgate.core.spec.git import GitSpec
from flipgate.core.traffic.traffic import RouteName, Traffic
from flipgate.core.values.base import but
from flipgate.core.values.place import Places
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side

STAYS_SECONDS: Final = 300.0
"""After which people are told that Git is behind still: it is tried every five minutes."""
TOLD: Final = frozenset({Why.GIT_STAYS_BEHIND, Why.GIT_AWAY})
"""Reasons under which the condition is kept once people were told."""
TOLD_ELSEWHERE: Final = frozenset({Why.AWAITS_MERGE, Why.DRIFTED})
"""Reasons of which people are told when they begin, by a message of its own: a person's turn, however long it takes."""


def basis_of(commit: str, spec: GitSpec, routes: Collection[RouteName], places: Places, to: Side) -> str:
    """Returns one word for all that says whether Git agrees: the same word, the same answer."""
    named = sorted(spec.routes), sorted(map(str, routes)), sorted(map(str, places.values()))
    said = json.dumps([commit, spec.repository, spec.branch, *named, str(to)])
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def agrees(to: Side, message: str, now: datetime, basis: str = "") -> Condition:
    """Returns the condition that Git leads users where they are."""
    return but(_seen(ConditionStatus.TRUE, Why.GIT_AGREES, to, message, now), basis=basis)


def agreed(record: Record, traffic: Traffic, to: Side) -> str | None:
    """Returns the basis on which Git agreed when it was looked at last; None where it did not, where a request is not
    over, or where a route is still left alone by who applies Git."""
    known = conditions.condition_of(record.conditions, ROUTES_IN_GIT)
    if known is None or known.status is not ConditionStatus.TRUE or known.side is not to or record.merge_request:
        return None
    return None if any(state.held for state in traffic.routes) else known.basis


def is_behind(to: Side, message: str, now: datetime) -> Condition:
    """Returns the condition that Git does not do so yet, and why."""
    return _seen(ConditionStatus.FALSE, Why.GIT_BEHIND, to, message, now)


def agrees_still(record: Record, now: datetime) -> Record:
    """Returns the record whose condition was found to be so still."""
    known = conditions.condition_of(record.conditions, ROUTES_IN_GIT)
    return conditions.put(record, but(known, looked_at=now)) if known else record


def _seen(status: ConditionStatus, reason: Why, to: Side, message: str, now: datetime) -> Condition:
    return Condition(
        type=ROUTES_IN_GIT, status=status, reason=reason, message=message, since=now, side=to, looked_at=now
    )


def is_away(to: Side, fact: str, now: datetime) -> Condition:
    """Returns the condition that nobody can say, for the Git server does not answer: nothing is wrong beside that."""
    why = f"Git is away: {fact}; nothing is wrong in the cluster: users stay on {to}"
    return but(is_behind(to, why, now), reason=Why.GIT_AWAY)


def awaits_merge(request: MergeRequest, spec: GitSpec, now: datetime) -> Condition:
    """Returns the condition that a person has to merge a request until Git does so. Whether it was closed only its
    server knows, which is not asked: what to do then is said beside it."""
    since = f"since {request.at:%Y-%m-%d %H:%M:%S} UTC"
    flux = (
        f". Until then Flux leaves the routes as they are, also where people commit to {', '.join(spec.routes)}"
        if spec.holds
        else ""
    )
    said = (
        f"{request.name} waits for a person to merge it, {since}: then {spec.branch} leads to {request.to}, as the "
        f"routes do{flux}. Was it closed unmerged: git push {spec.repository} --delete {request.branch}, and reconcile "
        "opens it anew; or `flipgate rollback`"
    )
    found = is_behind(request.to, said, now)
    return but(found, reason=Why.AWAITS_MERGE)


def has_led(record: Record, to: Side) -> bool:
    """Whether Git has led to this side since users were sent there last: found so, or pushed by flipgate. What leads
    elsewhere now is somebody else's commit then."""
    steps = (each for each in reversed(record.journal) if each.state is EntryState.DONE)
    last = next((each for each in steps if each.step in (MOVE_ROUTES, COMMIT_ROUTES)), None)
    if last and last.step == COMMIT_ROUTES and CommitRoutes.find(last.intent) == CommitRoutes(to):
        return True
    known = conditions.condition_of(record.conditions, ROUTES_IN_GIT)
    found = known is not None and known.status is ConditionStatus.TRUE and known.side is to
    return bool(found and known and (last is None or known.since > last.at))


def led_back(record: Record, to: Side, branch: str, commit: str, now: datetime) -> Record:
    """Returns the record with the message that a commit of somebody else's led users elsewhere in Git, and that Git
    follows them again: who has meant users to go there has to be told how."""
    said = (
        f"{branch} led users away from {to} as of commit {commit[:12]}, which is not flipgate's: users stay on {to}, "
        f'and {branch} leads there again. If they were to go: flipgate rollback {record.application} --reason "..."'
    )
    return _told(record, to, Why.GIT_LED_BACK, said, f"led-back/{commit}", now)


def left_to_a_person(to: Side, branch: str, now: datetime) -> Condition:
    """Returns the condition that Git leads elsewhere than the routes, which nobody of flipgate's has sent there: which
    of both is right a person says."""
    said = (
        f"users are on {to}, where the record does not have them (Drifted), and {branch} leads elsewhere: Git is left "
        "as it is until a person has settled that"
    )
    return but(is_behind(to, said, now), reason=Why.DRIFTED)


def requested(record: Record, request: MergeRequest, now: datetime) -> Record:
    """Returns the record with a request that is open; people are asked once to merge it."""
    before = record.merge_request
    changed = but(record, merge_request=request)
    if before and before.commit and before.branch == request.branch:
        return changed
    said = f"users are on {request.to}; Git follows when a person merges {request.name}"
    return _told(changed, request.to, Why.AWAITS_MERGE, said, request.branch, now, request.url)


def request_over(record: Record, active: Side, now: datetime, *, left: bool = False) -> Record:
    """Returns the record without the request; its end is told where people were asked to merge it. `left`: its branch
    has somebody's commits, and was not moved."""
    request = record.merge_request
    changed = but(record, merge_request=None)
    if request is None or not request.commit:
        return changed
    if request.to is active:
        said, why = f"{request.name} is over: Git leads to {active}, as the routes do", Why.GIT_AGREES
    elif left:
        said = (
            f"users are on {active}: {request.name} was merged. Its branch has commits of somebody else's, so it is "
            f"left, and leads to {request.to} still: delete it"
        )
        why = Why.REQUEST_WITHDRAWN
    else:
        said = f"users are on {active}: {request.name} changes nothing any more, and can be closed"
        why = Why.REQUEST_WITHDRAWN
    return _told(changed, active, why, said, request.branch, now)


def let_go(record: Record, spec: GitSpec | None, now: datetime) -> Record:
    """Returns the record without what it knows of the routes in Git, where the file keeps them there no longer; people
    who were asked to merge a request are told that nobody waits for it any more."""
    if spec and spec.routes:
        return record
    request, changed = record.merge_request, conditions.forget(but(record, merge_request=None), ROUTES_IN_GIT)
    if request is None or not request.commit:
        return changed
    said = f"spec.git of the file names no routes any more: {request.name} is left; close it, it leads to {request.to}"
    return _told(changed, record.active, Why.REQUEST_WITHDRAWN, said, request.branch, now)


def noted(record: Record, found: Condition, now: datetime) -> Record:
    """Returns the record with this condition. One that was false for STAYS_SECONDS is announced, and its end, each
    once. A Git server that is there again after it was said to be away is such an end: whatever else keeps Git behind
    has STAYS_SECONDS of its own."""
    before = conditions.condition_of(record.conditions, ROUTES_IN_GIT)
    told = before is not None and before.reason in TOLD
    there_again = found.reason in (Why.GIT_BEHIND, Why.AWAITS_MERGE)
    if before and before.reason == Why.GIT_AWAY and there_again and before.side is found.side:
        changed = conditions.put(conditions.forget(record, ROUTES_IN_GIT), found)
        return _turned(changed, found, f"Git is there again: {found.message}", now)
    held = conditions.held(record.conditions, found)
    if held.status is not ConditionStatus.FALSE:
        changed = conditions.put(record, held)
        return _turned(changed, held, f"Git leads to {held.side} again, as the routes do", now) if told else changed
    if found.reason in TOLD_ELSEWHERE:
        return conditions.put(record, held)
    waited = before is not None and before.since == held.since and before.reason not in TOLD_ELSEWHERE
    stays = waited and (now - held.since).total_seconds() > STAYS_SECONDS
    if before and told:
        held = but(held, reason=before.reason)
    elif stays:
        held = but(held, reason=Why.GIT_AWAY if found.reason == Why.GIT_AWAY else Why.GIT_STAYS_BEHIND)
    else:
        held = but(held, reason=Why.GIT_BEHIND)
    changed = conditions.put(record, held)
    return _turned(changed, held, _stays(held, now), now) if stays and not told else changed


def _stays(held: Condition, now: datetime) -> str:
    if held.reason == Why.GIT_AWAY:
        since = f"{held.since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return f"Git is away, and since {since} not known to lead to {held.side}: {held.message.partition(': ')[2]}"
    minutes = (now - held.since).total_seconds() / 60
    return (
        f"Git could not be brought to lead to {held.side}, as the routes do, for {minutes:.0f} minutes: {held.message}"
    )


def _turned(record: Record, found: Condition, said: str, now: datetime) -> Record:
    assert found.side is not None, "made here, and nowhere else"
    return _told(record, found.side, found.reason, said, f"{found.status}/{found.since.isoformat()}", now)


def _told(record: Record, side: Side, why: str, said: str, key: str, now: datetime, url: str = "") -> Record:
    name = record.newest.name if record.newest else ""
    return announce(
        record,
        f"{ROUTES_IN_GIT}/{key}",
        release=name,
        side=side,
        text=f"{f'{record.application} {name}'.strip()}: {said}",
        reason=why,
        url=url,
        at=now,
    )
