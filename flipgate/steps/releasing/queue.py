"""A build becomes a release, or waits until one may be opened: none is lost."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from flipgate.core.record import queue
from flipgate.core.record.going_on import Run
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.workloads.content import deploy_again
from flipgate.core.workloads.render import image_refs
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.bring_up import open_release

LOOK_SECONDS = 2.0
TRIES = 10
"""Builds that come at once push each other aside; each looks again at what the others have opened."""
PUSHED_ASIDE = frozenset({Why.RELEASE_OPEN, Why.SUPERSEDED, Why.NO_SUCH_TRANSITION})
"""Refusals by which a build finds out that another release was opened, or moved on, since it looked."""


def release_or_queue(world: World, images: Mapping[str, str], built_by: str, again: str = "") -> Release | None:
    """Opens the release of these images, or of those that waited where none are given; None where they have to wait
    for the open release to end, which is written down and told. With the mark `again` also what is live.

    Raises as `open_release` does, but for a release that is in the way.
    """
    for _ in range(TRIES - 1):
        try:
            return open_release(world, images, built_by, again)
        except Refused as refused:
            if refused.reason not in PUSHED_ASIDE:
                raise
        if _waits(world, images, built_by, again):
            return None
    return open_release(world, images, built_by, again)


def leave_to_others(world: World, images: Mapping[str, str], built_by: str, again: str = "") -> None:
    """Has these images wait in the record with all that do, without a run of their own: reconcile releases what waits,
    the newest of each service. Where a release is in the way, people hear that they wait for it."""
    if queue.waits_for(world.store.read()) and _waits(world, images, built_by, again):
        return
    given, now = image_refs(images, world.application), world.now()
    world.store.update(partial(queue.gather, images=given, by=built_by, now=now, again=again))


def join_builds(world: World, images: Mapping[str, str], built_by: str, again: str = "") -> Mapping[str, str] | None:
    """Waits until no build has come for `joinBuildsSeconds`. Returns what is to be released: these images where a
    release is in the way, which they wait for anyhow; else none, for all that have come wait in the record by now,
    where reconcile finds them should this run be killed. None where it is not this one's turn: a newer build goes on
    with them, or somebody has released them."""
    if queue.waits_for(world.store.read()):
        return images
    given = image_refs(images, world.application)
    seconds, now = float(world.application.spec.policy.join_builds_seconds), world.now()
    record = world.store.update(partial(queue.gather, images=given, by=built_by, now=now, again=again))
    began, came = queue.newest(record).at, world.monotonic()  # dates tell builds apart; a wall clock may jump
    while world.monotonic() - came < seconds:
        world.sleep(min(LOOK_SECONDS, seconds))
        record = world.store.read()
        if not record.queued or queue.newest(record).at > began:
            return None
    return {}


def refused_build(world: World, refused: FlipgateError) -> None:
    """Has everybody hear of a build event that started nothing: the CI that sent it was told that it was taken."""
    fact, now = refused.named_fact, world.now()
    write(world, partial(queue.refuse_build, fact=fact, actor=world.actor, now=now))


def leave_what_waits(world: World, last: Run) -> None:
    """Has everybody hear, once, that nobody starts the builds that wait any more: the runs that were to release them
    have ended, this one last, and all of them wait still."""
    fact = f"nobody releases what waits any more: each run that was to do it has ended, the last {last.url or last.id}"
    world.say(fact)
    write(world, partial(queue.leave, fact=fact, actor=world.actor, now=world.now()))


def _waits(world: World, images: Mapping[str, str], built_by: str, again: str) -> bool:
    """Writes these images down as waiting. False where a release may be opened by now."""
    given = image_refs(images, world.application) if images else {}
    if release := queue.has_them(world.store.read(), given, again):
        raise Refused(
            f"has these images in release {release.name}, which is `{release.phase}`",
            reason=Why.ALREADY_LIVE,
            obj=f"application {world.application.name}",
            untouched="both sides",
            next_command=deploy_again(world.application, given),
        )
    waits = True

    def change(record: Record) -> Record:
        nonlocal waits
        waits = queue.waits_for(record) is not None
        return queue.enqueue(record, given, by=built_by, now=world.now(), again=again) if waits else record

    write(world, change)
    return waits
