"""Decides where users would go back to: once, for `flipgate rollback` and for the advice to type it.

Looking, moving and waiting is `steps/going_back`; whether the side is as users left it, `way_back.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf

from flipgate.core.record.intents import MOVE_ROUTES, Move
from flipgate.core.record.phases import AFTER_TRAFFIC, Phase, Rollback
from flipgate.core.record.record import EntryState, JournalEntry, Record
from flipgate.core.record.release import Release
from flipgate.core.spec.application import Application
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values import stamps
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.workloads import counts
from flipgate.core.workloads.counts import without_pods
from flipgate.core.workloads.view import SideState


@dataclass(frozen=True)
class NoWay:
    """A rollback that is refused."""

    reason: Why
    """One of docs/reasons.md; treated as API."""
    fact: str
    """Why it is refused, as a sentence."""
    side: Side | None = None
    """What the fact is about, where it is not about the application."""


@dataclass(frozen=True)
class Back:
    """A rollback that is allowed. `to` is None where users have seen nothing of the release: it is aborted."""

    to: Side | None


def sent_elsewhere(seen: Record, now: Record, to: Side, actor: str) -> JournalEntry | None:
    """Returns the way back of another actor that has arrived on the other side than `to` since the record was `seen`:
    somebody has said done meanwhile, and is not to be taken back by whoever comes late. None where there is none."""
    last = max((entry.id for entry in seen.journal), default=0)
    for entry in reversed(now.journal):
        if entry.id <= last or entry.step != MOVE_ROUTES or entry.state is not EntryState.DONE:
            continue
        move = Move.find(entry.intent)
        if move and move.back and entry.actor != actor:
            return entry if move.to is not to else None
    return None


def judge_rollback(
    record: Record | None,
    application: Application,
    traffic: Traffic | None,
    sides: Mapping[Side, SideState],
    movable: Collection[Side],
    to: Side | None = None,
) -> Back | NoWay:
    """Returns what `flipgate rollback`, or `--to` a side, does from here. `movable` are the sides that a route can be
    sent to when a person names one. Without a record the routes and the stamps on both sides decide; with one, routes
    that could not be read are taken for movable."""
    if record and (release := aborted(record, to)):
        return _before_traffic(record, release, traffic, to)
    found = to or (came_from(record) if record or traffic is None else older(traffic, sides))
    if isinstance(found, NoWay):
        return found
    if refused := _refused(record, found, named=to is not None):
        return refused
    if traffic and not _can_move(traffic, found, movable if to else ()):
        routes = "; ".join(f"{state.route} {state.unmovable}" for state in traffic.leading)
        return NoWay(Why.ROUTE_UNKNOWN, f"no route can be sent to {found}: {routes}")
    if record is None and to is None and (short := without_pods(application, record, sides[found])):
        return NoWay(Why.WAY_BACK_NOT_READY, f"{found} is not Ready: {counts.said(short)}", found)
    return Back(found)


def aborted(record: Record, to: Side | None) -> Release | None:
    """Returns the release that a rollback would end without moving users, since they have seen nothing of it; else
    None."""
    release = record.release
    aborts = release and release.phase.row.rollback is Rollback.ABORTS and to in (None, release.side)
    return release if aborts else None


def _can_move(traffic: Traffic, to: Side, named: Collection[Side]) -> bool:
    return to in named or any(route.entries for route in traffic.leading)


def _before_traffic(record: Record, release: Release, traffic: Traffic | None, to: Side | None) -> Back | NoWay:
    if to is release.side:
        return not_approved(release)
    if traffic is None or not any(release.side in route.sides for route in traffic.routes):
        return Back(None)
    return closed(record, release.side.other) or Back(release.side.other)


def _refused(record: Record | None, side: Side, *, named: bool) -> NoWay | None:
    if record is None:
        return None
    return (never_live(record, side) if named else None) or closed(record, side)


def came_from(record: Record | None) -> Side | NoWay:
    """Returns the side that users of the open release came from."""
    if record is None:
        return NoWay(Why.NO_WAY_BACK, "neither the record nor the routes can be read")
    release = record.release
    if release and release.phase in AFTER_TRAFFIC:
        return release.side.other
    state = f"release {release.name} is `{release.phase}`" if release else "no release is open"
    return NoWay(Why.NO_WAY_BACK, f"there is nothing to go back from: {state}")


def never_live(record: Record, side: Side) -> NoWay | None:
    """Whether what runs on the side was approved by nobody, or is what users were taken back from: going there is a
    flip, even where a person names it."""
    release = record.newest
    if record.release and record.release.phase in AFTER_TRAFFIC:
        return None
    if release and release.side is side and release.phase is not Phase.SETTLED:
        return not_approved(release)
    return None


def runs_unapproved(record: Record, side: Side, images: Mapping[str, str]) -> NoWay | None:
    """The same by what the side's workloads ask for (`images`, by service): until a release is brought up there, what
    users had is there still."""
    release, before = record.newest, record.sides.get(side)
    refused = never_live(record, side)
    if refused is None or release is None or before is None or before.release == release.name:
        return refused
    new = {name: image for name, image in release.images.items() if before.images.get(name) != image}
    return refused if any(images.get(name) == image for name, image in new.items()) else None


def not_approved(release: Release) -> NoWay:
    """Returns the refusal to send users to what nobody has approved."""
    return NoWay(
        Why.NOT_A_WAY_BACK,
        f"runs release {release.name}, which is `{release.phase}`: going there is no way back but a flip",
        release.side,
    )


def closed(record: Record, side: Side) -> NoWay | None:
    """Returns the refusal of a side that nobody can go back to: nothing ever ran there, or a contract migration came
    since; else None."""
    if not record.ran_on(side):
        return NoWay(Why.NO_WAY_BACK, f"nothing ever ran on {side}: there is no way back to it", side)
    occupant = record.sides.get(side)
    done = occupant.contracted if occupant else None
    if done is None:
        return None
    return NoWay(
        Why.CONTRACT_MIGRATION_DONE,
        f"a contract migration was done at {done.at:%Y-%m-%d %H:%M:%S} UTC by {done.by} ({done.reason}): what runs "
        "there can no longer read the data. What is left is to go forward",
        side,
    )


def older(traffic: Traffic, sides: Mapping[Side, SideState]) -> Side | NoWay:
    """Returns the side that was live before, by the stamps on the sides' workloads: without a record only these say it.

    A side that is brought up, and a side that is flipped to, are stamped later than the other, and the routes with the
    side that they are moved to. So a dark side that is stamped later than the live one was approved by nobody, and one
    that is stamped no earlier than the routes is what they were moved away from: a rollback that was begun anew, and
    came no further than its side's stamps, makes that the newest.
    """
    if traffic.active is None:
        return NoWay(Why.ROUTES_SPLIT, f"the routes name no one side: {traffic}")
    if any(stamps.unrecorded(each.stamp) for each in sides[traffic.active.other].stamped):
        return traffic.active.other  # a rollback that could not be recorded has chosen it, and did not get through
    target, moved = traffic.active.other, earliest_stamp(traffic)
    live, dark = (latest_stamp(sides[side]) for side in (traffic.active, target))
    if live is not None and dark is not None and moved is not None and dark < min(live, moved):
        return target
    said = [*("unreadably" if stamp is None else stamp for stamp in (dark, live, moved))]
    return NoWay(
        Why.NO_WAY_BACK,
        f"without the record nobody can say that {target} was live before: {target} is stamped {said[0]}, "
        f"{traffic.active} {said[1]}{'' if moved == inf else f', the routes {said[2]}'}",
    )


def earliest_stamp(traffic: Traffic) -> float | None:
    """The lowest epoch in which a route was moved; None where one is no number. Routes without a stamp say nothing:
    infinite where none has one."""
    epochs = [stamps.epoch_of(route.stamp) for route in traffic.routes if route.stamp]
    return None if None in epochs else min((epoch for epoch in epochs if epoch is not None), default=inf)


def latest_stamp(state: SideState) -> int | None:
    """The highest epoch on a side; -1 where none was ever stamped, None where one is no number."""
    epochs = [stamps.epoch_of(each.stamp) for each in state.workloads.values() if each.stamp]
    return None if None in epochs else max((epoch for epoch in epochs if epoch is not None), default=-1)
