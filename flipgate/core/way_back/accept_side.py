"""Decides whether a person's word may make right what others changed of the live side, and notes it. On plain values.

The record follows the cluster: the images that run are those of the side's release from then on, and the counts those
that it returns to. The other side's record, by which the way back is judged, is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from flipgate.core.record import record as records
from flipgate.core.record.record import Record, announce
from flipgate.core.spec.application import Application
from flipgate.core.values.base import but
from flipgate.core.values.managed_fields import set_by
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import TEXT_BYTES, fitted
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.going_back import NoWay
from flipgate.core.way_back.live_side import Amiss, LiveSide, amiss, shortages
from flipgate.core.way_back.other_images import was_and_is

ADOPT_LIVE_SIDE: Final = "AdoptLiveSide"
"""The step of its journal entries."""


def judge_acceptance(record: Record, application: Application, live: LiveSide) -> tuple[Amiss, ...] | NoWay:
    """Returns what others changed of the live side, and is up there; nothing where it is as the record has it.

    Refused while a release is open, where something could not be read, where what was changed is not Ready (nobody
    knows then whether it runs at all), and where flipgate itself had put the side to rest.
    """
    if isinstance(live.state, Unread):
        return NoWay(Why.UNREADABLE, live.state.why, live.side)
    found = amiss(record, application, live)
    if found and record.under_way:
        fact = (
            f"release {record.under_way.name} is `{record.under_way.phase}`: only its own images and counts are right"
        )
        return NoWay(Why.WRONG_PHASE, fact)
    if isinstance(live.autoscalers, Unread):
        return NoWay(Why.UNREADABLE, live.autoscalers.why, live.side)
    if not found:
        return ()
    rested = [short for short in shortages(record, application, live) if short.rest]
    if rested:
        return NoWay(Why.LIVE_SIDE_NOT_READY, f"reconcile scales it up again: {'; '.join(map(str, rested))}", live.side)
    if not_up := [said for each in found if (said := _not_up(each))]:
        return NoWay(Why.LIVE_SIDE_NOT_READY, f"nobody knows whether it runs: {', '.join(not_up)}", live.side)
    return found


def taken(record: Record, live: LiveSide, found: tuple[Amiss, ...]) -> str:
    """Returns what is taken as right, before and after, and who changed it, as text."""
    return "; ".join(_taken(record, live, each) for each in found)


def fewer(found: tuple[Amiss, ...]) -> Iterator[str]:
    """Yields what a person has to know of counts that are less than the file's."""
    for each in found:
        if each.count is not None and each.workload.replicas < each.service.replicas:
            asks = f"the next release asks for {each.service.replicas} again, as the file says"
            yield f"{each.service.name}: {asks}; to keep {each.workload.replicas}, change it there, too, and apply it"


def accepted(record: Record, live: LiveSide, found: tuple[Amiss, ...], word: str, actor: str, now: datetime) -> Record:
    """Returns the record with this as what runs on the live side, one journal entry, and one message."""
    occupant = record.sides[live.side]
    images = {each.service.name: str(_runs(each)) for each in found if each.image}
    counts = {each.service.name: each.workload.replicas for each in found if each.count is not None}
    below = {each.service.name for each in found if each.workload.replicas < each.service.replicas}
    changed = but(
        occupant,
        images={**occupant.images, **images},
        replicas={**occupant.replicas, **counts},
        accepted={**occupant.accepted, **{name: count for name, count in counts.items() if name in below}},
    )
    said = fitted(f"{word}: {taken(record, live, found)}", TEXT_BYTES)
    noted = records.journaled(records.occupied(record, live.side, changed), ADOPT_LIVE_SIDE, actor, now, said)
    release = record.newest
    return announce(
        noted,
        f"{ADOPT_LIVE_SIDE}/{noted.journal[-1].id}",
        release=release.name if release else "",
        side=live.side,
        text=f"{record.application}: what the live side {live.side} runs is right: {said}",
        reason=Why.LIVE_SIDE_ADOPTED,
        at=now,
    )


def _taken(record: Record, live: LiveSide, each: Amiss) -> str:
    parts, workload = [], each.workload
    if each.image:
        parts.append(was_and_is(each.service, workload, each.image))
    if each.count is not None:
        carried = record.sides[live.side].replicas.get(each.service.name) or each.count
        parts.append(f"{workload.name} pods {carried} -> {workload.replicas}{set_by(workload.scaled_by, 'set')}")
    return "; ".join(parts)


def _runs(each: Amiss) -> str | None:
    return each.workload.image_of(each.service.container)


def _not_up(each: Amiss) -> str:
    """What is missing until it is known to run; empty where nothing is. A CronJob's pods are its Jobs'."""
    workload = each.workload
    if workload.kind == "CronJob" or (workload.rolled_out and workload.ready):
        return ""
    return f"{workload.name} {workload.ready} of {workload.replicas} Ready of image {_runs(each)}"
