"""Contract migrations: older code can no longer read the data, so the way back to it is closed."""

from __future__ import annotations

from flipgate.core.record import conditions
from flipgate.core.record.occupant import Contract
from flipgate.core.record.phases import Phase, Rollback
from flipgate.core.record.record import Condition, ConditionStatus, Record, announce, journaled, occupied
from flipgate.core.record.release import Release
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.way_back.way_back import WayBackReason, contract_fact, way_back_of

CONTRACT = "Contract"
CLOSED = Why.WAY_BACK_CLOSED


def side_to_close(record: Record, traffic: Traffic | None) -> Side:
    """Returns the side that runs the older code. `traffic` is needed only where no release has moved users yet.

    Raises Refused (NothingToClose) where the other side is no way back, (RoutesSplit) when the routes name no one side.
    """
    release = record.release
    if release and release.phase.row.rollback is Rollback.MOVES:
        return release.side.other
    if record.under_way:
        raise _nothing(record, _in_the_way(record.under_way))
    if traffic is None or traffic.active is None:
        raise Refused(f"the routes name no one side: {traffic or 'they were not read'}", reason=Why.ROUTES_SPLIT)
    side, ended = traffic.active.other, record.ended
    if ended and ended.side is side and ended.phase is not Phase.SETTLED:
        raise _nothing(record, f"{side} has release {ended.name}, which is `{ended.phase}`: it is no way back")
    occupant = record.sides.get(side)
    if occupant is None or not occupant.images:
        raise _nothing(record, f"nothing ever ran on {side}")
    return side


def close(record: Record, side: Side, done: Contract) -> Record:
    """Closes the way back to what runs on `side` now; a release that is brought up there later begins without this.

    One journal entry, one message. WayBackReady turns with it, so that the same is not told twice.
    """
    occupant = but(record.sides[side], contracted=done)
    closed = occupied(record, side, occupant)
    closed = journaled(closed, CONTRACT, done.by, done.at, f"the way back to {side} is closed: {done.reason}")
    if way_back_of(closed) is side:
        closed = conditions.put(closed, _turned(record.application, done))
    release = record.newest
    name = release.name if release else occupant.release or "none"
    return announce(
        closed,
        f"{CONTRACT}/{side}/{done.at.isoformat()}",
        release=name,
        side=side,
        text=f"{record.application}: the way back to {side} is closed: {contract_fact(done)}. It opens again with the "
        f"next release that is brought up on {side}.",
        reason=CLOSED,
        at=done.at,
    )


def _turned(application: str, done: Contract) -> Condition:
    return Condition(
        type=conditions.WAY_BACK_READY,
        status=ConditionStatus.FALSE,
        reason=str(WayBackReason.CONTRACT_MIGRATION_DONE),
        message=f"{contract_fact(done)}. Next: go forward with a fix: flipgate status {application}",
        since=done.at,
    )


def _in_the_way(release: Release) -> str:
    if release.phase is Phase.ROLLING_BACK:
        return f"users are on their way back from release {release.name} to {release.side.other} right now"
    return (
        f"release {release.name} is `{release.phase}` on {release.side}: users have seen nothing of it, and the way "
        "back to what ran there before ended when it was brought up"
    )


def _nothing(record: Record, why: str) -> Refused:
    return Refused(f"there is no way back to close: {why}", reason=Why.NOTHING_TO_CLOSE)
