"""Builds that wait: announced while users are moved, or are on a release that has not settled.

One image a service, the newest; together they are the next release, as soon as one may be opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from flipgate.core.record.conditions import condition_of, forget, put
from flipgate.core.record.phases import Build, Phase
from flipgate.core.record.record import Condition, ConditionStatus, Record, announce, journaled, need_release
from flipgate.core.record.release import QueuedImage, RefusedBuild, Release
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side

LEFT: Final = Why.BUILDS_LEFT
"""The type of the condition that nobody starts what waits any more: its runs failed, as many as are ever started."""


def waits_for(record: Record) -> Release | None:
    """Returns the release that a new build has to wait for; None where one may be opened."""
    return record.release if record.phase.row.build is Build.WAITS else None


def need_as_seen(record: Record, seen: Record) -> None:
    """Raises Refused (Superseded) where another release was opened since the record was `seen`: what a new one is made
    of was chosen beside that one, and what has ended meanwhile may stand in the record alone, which would forget it."""
    newest, before = record.newest, seen.newest
    if newest is None or (before is not None and before.name == newest.name):
        return
    raise Refused(
        f"was opened since what is live was looked at, and is `{newest.phase}`",
        obj=f"release {newest.name}",
        reason=Why.SUPERSEDED,
        untouched="both sides",
    )


def has_them(record: Record, images: Mapping[str, str], again: str = "") -> Release | None:
    """Returns the release in the way of a build where it has these very images: then nothing has to wait for its end.
    What is to be released `again` does, unless that release is it."""
    release = waits_for(record)
    if release is None or not images or any(name in record.queued for name in images):
        return None  # it takes the place of what waits
    same = all(release.images.get(name) == image for name, image in images.items())
    return release if same and all(again in ("", release.again.get(name)) for name in images) else None


def may_start(record: Record, now: datetime, join_seconds: float = 0) -> bool:
    """Whether builds wait, and nothing keeps them from becoming a release: neither another one nor the time
    (`join_seconds`) in which others may join them."""
    if not record.queued or waits_for(record) is not None:
        return False
    return now - newest(record).at >= timedelta(seconds=join_seconds)


def gather(record: Record, images: Mapping[str, str], *, by: str, now: datetime, again: str = "") -> Record:
    """Returns the record with these images waiting for others to join them. Nobody is told: it takes minutes at most.
    Where a release is in the way already they are `enqueue`d by whoever opens it. One that waits to be released `again`
    still does when the same image comes without a word."""
    known = {name: each.again for name, each in record.queued.items() if images.get(name) == each.image}
    news = {
        name: QueuedImage(image=image, at=now, by=by, again=again or known.get(name, ""))
        for name, image in images.items()
    }
    return forget(but(record, queued={**record.queued, **news}, refused_build=None), LEFT)


def enqueue(record: Record, images: Mapping[str, str], *, by: str, now: datetime, again: str = "") -> Record:
    """Returns the record with these images waiting for the open release to end: the newest of each service, those of
    services that are not named stay. Unchanged where nothing is new; an image that the release has itself waits for
    nothing, and takes the place of another that does, unless it is to be released `again`. One journal entry, one
    message. Raises Refused (NoOpenRelease).
    """
    release = need_release(record)
    queued = dict(record.queued)
    for name, image in images.items():
        before = queued.get(name)
        if before and before.image == image and again in ("", before.again):
            continue
        if release.images.get(name) == image and again in ("", release.again.get(name)):
            queued.pop(name, None)
        else:
            queued[name] = QueuedImage(image=image, at=now, by=by, again=again)
    if queued == record.queued:
        return but(record, refused_build=None)
    fact = f"{said(queued) or 'no build'} waits until release {release.name} (`{release.phase}`) has ended"
    waiting = forget(but(record, queued=queued, refused_build=None), LEFT)
    changed = journaled(waiting, Why.BUILD_QUEUED, by, now, fact)
    return _told(changed, Why.BUILD_QUEUED, f"{fact}. Built by {by}", now, release=release.name, side=release.side)


def refuse_build(record: Record, fact: str, *, actor: str, now: datetime) -> Record:
    """Returns the record with a build event that started nothing: one journal entry, one message. Unchanged where the
    last one said the same."""
    refused = RefusedBuild(fact=fact, at=now)
    if record.refused_build and record.refused_build.fact == refused.fact:
        return record
    changed = journaled(but(record, refused_build=refused), Why.BUILD_REFUSED, actor, now, fact)
    return _told(changed, Why.BUILD_REFUSED, fact, now, release="", side=record.active)


def _told(record: Record, reason: Why, text: str, now: datetime, *, release: str, side: Side) -> Record:
    """The record, in whose journal this stands last, with the message about it."""
    return announce(
        record,
        f"{reason}/{record.journal[-1].id}/{now.isoformat()}",
        release=release,
        side=side,
        text=f"{record.application}: {text}",
        reason=reason,
        at=now,
    )


def dequeue(record: Record, seen: Mapping[str, QueuedImage]) -> Record:
    """Returns the record without what was seen waiting; what has come since waits on."""
    waits = {name: each for name, each in record.queued.items() if each != seen.get(name)}
    return forget(but(record, queued=waits), LEFT)


def left(record: Record) -> str:
    """Returns why nobody starts what waits any more; empty where somebody still does."""
    found = condition_of(record.conditions, LEFT) if record.queued else None
    return found.message if found else ""


def leave(record: Record, fact: str, *, actor: str, now: datetime) -> Record:
    """Returns the record with that nobody starts what waits any more, until another build comes: a condition, one
    journal entry, one message. Unchanged where it is known, or nothing waits."""
    if not record.queued or condition_of(record.conditions, LEFT):
        return record
    found = Condition(type=LEFT, status=ConditionStatus.TRUE, reason=Why.RUN_FAILED, message=fact, since=now)
    changed = journaled(put(record, found), LEFT, actor, now, fact)
    return _told(changed, LEFT, f"{said(record.queued)}: {fact}", now, release="", side=record.active)


def joined(record: Record, images: Mapping[str, str]) -> dict[str, str]:
    """Returns the images to release: those that waited, and `images`, which are newer."""
    return {**{name: each.image for name, each in record.queued.items()}, **images}


def carried_on(record: Record) -> dict[str, str]:
    """Returns the images of a release that users have not seen, where they differ from what the live side runs: a
    newer build supersedes it, and goes on with them. So does the next one where that build was killed before it had
    opened its own: until then the superseded one is the newest."""
    release = _unseen(record)
    if release is None:
        return {}
    live = record.sides.get(release.side.other)
    return {name: image for name, image in release.images.items() if not live or live.images.get(name) != image}


def again_of(record: Record, images: Mapping[str, str]) -> dict[str, str]:
    """Returns the marks under which these images are released again: those of a release that users have not seen, and
    of what waits; the newest of each service, for as long as it is the same image."""
    release, waits = _unseen(record), record.queued.items()
    marks = {n: mark for n, mark in release.again.items() if images.get(n) == release.images.get(n)} if release else {}
    return marks | {name: each.again for name, each in waits if each.again and images.get(name) == each.image}


def _unseen(record: Record) -> Release | None:
    """The release that a newer build goes on with."""
    release = record.newest
    if release and (release.phase.row.build is Build.SUPERSEDES or release.phase is Phase.SUPERSEDED):
        return release
    return None


def said(queued: Mapping[str, QueuedImage]) -> str:
    """Returns what waits, as a sentence's subject."""
    return ", ".join(f"{name} {each.image}" for name, each in sorted(queued.items()))


def newest(record: Record) -> QueuedImage:
    """Returns the image that was built last of those that wait. Raises ValueError where none does."""
    return max(record.queued.values(), key=lambda each: each.at)
