"""Brings a release up on the dark side: opens it, sets its images, scales it, waits until it is Ready."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from flipgate.adapters.addresses import address, address_of
from flipgate.core.gates.database import word_for
from flipgate.core.record import queue
from flipgate.core.record import record as records
from flipgate.core.record.intents import BringUp
from flipgate.core.record.occupant import Occupant, Ran
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.release import PhaseChange, Release, attempts
from flipgate.core.spec.application import application_hash
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput, Conflict, Refused
from flipgate.core.values.managed_fields import set_by
from flipgate.core.values.reasons import Why
from flipgate.core.workloads.containers import changes, left_out
from flipgate.core.workloads.content import deploy_again, new_content, not_pulled
from flipgate.core.workloads.counts import all_of, coming_up, short_of, wanted_counts
from flipgate.core.workloads.pointed import marks_for
from flipgate.core.workloads.render import configuration_hash
from flipgate.core.workloads.standing import rolling, standing
from flipgate.core.workloads.standstill import standstills
from flipgate.core.workloads.taken_out import roles_of
from flipgate.core.workloads.view import SideState, View, Workload, repository_of
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import advance, complete_history, need_open, write, write_history
from flipgate.steps.acting.world import World
from flipgate.steps.looking.autoscalers import find_rested
from flipgate.steps.looking.commands import need_commands
from flipgate.steps.looking.look import configuration, list_side, look, need_its_side, need_record
from flipgate.steps.looking.room import need_room
from flipgate.steps.looking.scaled_objects import find_unpaused
from flipgate.steps.looking.standstill import Waiting, need_none
from flipgate.steps.looking.why import why_not_ready
from flipgate.steps.moving.autoscalers import hold_each, take_back
from flipgate.steps.moving.dark_preview import keep_dark_preview
from flipgate.steps.moving.move import close_routes
from flipgate.steps.moving.rest import stop_consuming
from flipgate.steps.moving.stamp import need_ours, stamped_look
from flipgate.steps.releasing.by_git import by_git, set_by_git
from flipgate.steps.releasing.meant import Meant, given_images, live_side, mean, said_again

Coming = Callable[[str, Mapping[str, tuple[int, int]]], None]
"""Told a line, and how many pods of each service are Ready and wanted."""


def _untold(_line: str, _counts: Mapping[str, tuple[int, int]]) -> None:
    """For whoever looks at the log alone."""


LOOK_SECONDS = 5.0
"""How often pods that are waited for are looked at while nothing changes: what stands in their way changes nothing."""


@about_application(untouched="both sides")
def open_release(world: World, images: Mapping[str, str], opened_by: str, again: str = "") -> Release:
    """Opens the release of these images on the dark side, or finds the one that is the same.

    The same content is one release however often it is announced. A newer one supersedes an older that users have not
    seen, and goes on with its images; builds that waited are part of it (without `images`, they alone). With a mark
    (`again`) a reference that is live is released all the same: somebody says that it has other content by now. Raises
    Refused while traffic moves, bakes or soaks, when these images are live already, and (CommandsNotAllowed) where this
    worker would not run the file's commands.
    """
    need_commands(world)
    view = look(world)
    record = need_record(world, view)
    given = given_images(world.application, record, images)
    if not given:
        _take_queue(world, record)
        raise BadInput(
            f"{queue.said(record.queued)} waited, and the file names no such service any more",
            obj=f"images for {world.application.name}",
            untouched="both sides",
        )
    if busy := queue.waits_for(record):
        _refuse_open(world, busy)
    meant = mean(world, view, given, said_again(images, again))
    if meant.unseen and meant.unseen.id == meant.id:
        _take_queue(world, record)
        return _at_present_counts(world, meant.unseen, meant.live)
    if meant.is_live:
        _take_queue(world, record)
        raise Refused(
            f"has these images and this configuration live on {meant.side.other} already",
            reason=Why.ALREADY_LIVE,
            next_command=deploy_again(world.application, given),
        )
    if meant.unseen:
        supersede(world, meant.unseen, meant.id)
    return _create(world, view, meant, opened_by)


def _take_queue(world: World, seen: records.Record) -> None:
    """Takes what was seen waiting out of the queue: it is under way or live by now, or nobody's. What has come since
    waits on."""
    if seen.queued:
        world.store.update(lambda record: queue.dequeue(record, seen.queued))


def supersede(world: World, release: Release, by: str) -> None:
    """Ends an older release that users have not seen; its approval, if it has one, is void with it."""
    message = f"{by} is newer; nothing of {release.name} was shown to users"
    advance(world, release.name, Phase.SUPERSEDED, Reason.NEWER_BUILD, message)
    write_history(world)


@about_application()
def bring_up(acting: Acting, release: Release, view: View | None = None) -> None:
    """Sets the release's images on its side and scales it to the wanted counts. Only what is missing is changed.

    Each write tests the stamp that was read before the routes were read, so a side that has become live refuses it;
    and the routes are closed first, so that no patch of theirs that is on its way sends users to a half-made side.
    `view` is what was seen under this Lease, where somebody has looked. Raises Refused before anything is written:
    DeploymentPaused, PodsHeldBack, or PodsRefused where the namespace has no room for the release.
    """
    world = acting.world
    view = stamped_look(acting, release.side, view)
    need_open(need_record(world, view), release.name)
    dark = need_its_side(world, view, release)
    keep_dark_preview(acting)  # of a release that this one supersedes
    side = view.sides[dark.side]
    _need_switches(world, side)
    rolled = rolling(world.application, side, release.images, release.again)
    need_none(standing(rolled), obj=_on_its_side(release), untouched="both sides")
    unpaused = find_unpaused(world, dark.side)
    rested = find_rested(world, dark.side)
    quiet = all(switch.says(False) for switch in side.switches.values()) and not unpaused and not by_git(world)
    if quiet and not any(_changes(world, each, release, side.pointed) for each in side.workloads.values()):
        take_back(acting, rested)
        _note_occupant(world, release, side)  # who set all this may have been killed before the note
        return
    need_ours(acting, side)
    templates = sum(workload.kind == "Deployment" for workload in rolled.values())
    need_room(world, view, side, templates=templates, obj=_on_its_side(release))
    if by_git(world):
        view = set_by_git(acting, release, view)
        side = view.sides[dark.side]
    _say_left_out(world, side)
    for sentence in not_pulled(world.application, side, release.images, release.again):
        world.say(sentence)
    with journal(acting, BringUp(dark.side)) as entry:
        close_routes(acting, view.traffic)
        stop_consuming(acting, side)  # before any pod comes up
        hold_each(acting, ((each, 0) for each in unpaused))
        take_back(acting, rested)  # before the counts, which one that is held would undo
        world.each(lambda each: _set_workload(acting, each, release, side.pointed), side.workloads.values())
        entry.outcome = f"{sum(release.wanted.values())} pods wanted on {dark.side}"
    _note_occupant(world, release, side)


def scale_to_live(acting: Acting, release: Release) -> Release:
    """Scales a dark release to what the active side has by now, and waits until it is Ready: since it was brought up,
    autoscalers may have grown the one or shrunk the other. Nothing is done where it has as much.

    An approval stands: it is of what would run, not of how often. Raises Refused like `wait_ready`, users untouched.
    """
    world = acting.world
    view = look(world)
    active = live_side(need_record(world, view), view, release.side.other)
    side = view.sides[release.side]
    has = side.replicas
    few = {name: count for name, count in wanted_counts(world.application, active).items() if has[name] < count}
    if not few:
        return release
    by = {name: set_by(side.workloads[name].scaled_by, f"set to {has[name]}") for name in few}
    told = ", ".join(f"{name} {has[name]} to {count}{by[name]}" for name, count in few.items())
    world.say(f"{release.side} has fewer pods than users need by now, and is scaled up: {told}")
    grown = _at_present_counts(world, release, active)
    bring_up(acting, grown, view)
    wait_ready(acting, grown, timeout_seconds=float(world.application.spec.policy.ready_timeout_seconds))
    return grown


def _need_switches(world: World, side: SideState) -> None:
    """Raises Refused where what tells pods what to do is not there: nobody could tell them later."""
    missing = sorted({each.name for each in side.told_by if not each.found})
    if missing:
        raise Refused(
            f"lacks the ConfigMaps {', '.join(missing)}, which tell pods whether to consume, or their database",
            obj=f"side {side.side} (namespace {side.namespace})",
            reason=Why.CONFIG_MAP_MISSING,
            untouched="both sides",
            next_command=f"kubectl -n {side.namespace} create configmap {missing[0]}",
        )


def _set_workload(acting: Acting, workload: Workload, release: Release, pointed: Mapping[str, str]) -> None:
    """One workload: image and count (a CronJob: suspended) in one fenced patch; what is as wanted is left alone.

    Raises Refused (SideChanged) when somebody of ours has written it since it was read.
    """
    changes = _changes(acting.world, workload, release, pointed)
    if not changes:
        return
    acting.check_lease()
    try:
        acting.cluster.patch(address_of(workload), workload.fenced(acting.epoch, acting.new_stamp(), *changes))
    except Conflict as error:
        raise Refused(
            "was written by another actor since it was read",
            obj=str(workload),
            reason=Why.SIDE_CHANGED,
            untouched=f"this {workload.kind}",  # others are written at the same time
            next_command=f"flipgate status {acting.world.application.name}; the same build again does what is missing",
        ) from error


def wait_ready(acting: Acting, release: Release, *, timeout_seconds: float, coming: Coming = _untold) -> None:
    """Waits until every wanted pod of the side is Ready and of this release, told by a watch, not by asking in a loop.
    `coming` is told how far each service is, whenever that has changed.

    Raises Refused that says which pods are missing and why: in time (NotReadyInTime), or at once where waiting is of no
    use.
    """
    world = acting.world
    began = world.monotonic()
    waiting = Waiting(world)
    said: tuple[Mapping[str, tuple[int, int]], str] = {}, ""
    while True:
        side, versions = list_side(world, release.side)
        waiting.need_none(side, release.wanted, obj=_on_its_side(release), untouched=_users(release))
        missing, counts = short_of(side, release.wanted), coming_up(side, release.wanted)
        behind = [name for name, w in side.workloads.items() if w.replicas and not w.rolled_out]
        up, turns = not missing and not behind, "".join(f"; {turn}" for turn in waiting.turns.values())
        waited = world.monotonic() - began
        if (counts, turns) != said:
            said = counts, turns
            line = f"{all_of(counts)} Ready after {waited:.0f} s of {timeout_seconds:g} s{turns}"
            coming(line, counts)
            if not up:
                world.say(line)
        if up:
            return
        if waited >= timeout_seconds:
            late = missing or dict.fromkeys(behind, (0, 0))
            raise _not_ready(world, release, side, late, timeout_seconds, waiting.turns.values())
        acting.check_lease()
        need_open(world.store.read(), release.name)
        awaited = side.workloads[[*missing, *behind][0]].kind  # one list can be watched, and that is what is waited for
        path = address(awaited, side.namespace)
        _wait_for_change(world, path, versions[awaited], min(LOOK_SECONDS, timeout_seconds - waited))


def _on_its_side(release: Release) -> str:
    return f"release {release.name} on {release.side}"


def _users(release: Release) -> str:
    return f"{release.side.other}, which has the live traffic, and all routes"


def _wait_for_change(world: World, path: str, version: str, seconds: float) -> None:
    try:
        for _ in world.cluster.watch(path, seconds=seconds, resourceVersion=version):
            return
    except Conflict:
        return  # the version is gone: the caller lists again


def _not_ready(
    world: World,
    release: Release,
    side: SideState,
    missing: Mapping[str, tuple[int, int]],
    seconds: float,
    turns: Iterable[str],
) -> Refused:
    counts = ", ".join(f"{name} {ready}/{count}" for name, (ready, count) in missing.items())
    place = world.application.place_of(release.side)
    named = [place.workload_of(each) for each in world.application.spec.services if each.name in missing]
    known = [each.fact for each in standstills(side, missing)]  # it may pass, and has not
    causes = "; ".join([*known, *turns, why_not_ready(world, release.side, named)])
    return Refused(
        f"not Ready within {seconds:g} s: {counts}. {causes}",
        obj=_on_its_side(release),
        reason=Why.NOT_READY_IN_TIME,
        untouched=_users(release),
        next_command=f"kubectl -n {place.namespace} get pods",
    )


def _changes(world: World, workload: Workload, release: Release, pointed: Mapping[str, str]) -> list[dict[str, Any]]:
    """What has to change in it, if anything. Where its pods were refused they are asked for once more: what stood in
    their way may be mended."""
    name, application = workload.name, world.application
    marks = marks_for(application, workload, release.again, pointed)
    found = changes(workload, application.service(name), release.images[name], release.wanted[name], marks)
    return found or ([workload.asking_again()] if workload.refusal else [])


def _say_left_out(world: World, side: SideState) -> None:
    """What keeps its image though it is of the same repository: to be released too, that has to be declared."""
    for service in world.application.spec.services:
        for each in left_out(workload := side.workloads[service.name], service):
            declare = f"`image: {repository_of(each.image)}`"
            world.say(f"{workload}: {each.name} keeps {each.image}; {declare} for {service.name} would release it too")


def _create(world: World, view: View, meant: Meant, opened_by: str) -> Release:
    now = world.now()
    record, names = need_record(world, view), world.store.names()
    complete_history(world, record, names)
    attempt = 1 + attempts([*names, *(old.name for old in record.releases)], meant.id)
    anew = ", ".join(new_content(meant.images, meant.again, meant.live))
    message = f"by {opened_by}{f'; with other content under the same name: {anew}' if anew else ''}"
    change = PhaseChange(phase=Phase.DEPLOYING, reason=Reason.BUILD_ANNOUNCED, at=now, message=message)
    release = Release(
        id=meant.id,
        attempt=attempt,
        application_hash=application_hash(world.application),
        databases=word_for(world.application.spec.databases),
        side=meant.side,
        images=meant.images,
        wanted=meant.wanted,
        again=meant.again,
        opened_by=opened_by,
        changes=(change,),
    )

    def opens(found: records.Record) -> records.Record:
        queue.need_as_seen(found, record)
        return records.open_release(queue.dequeue(found, record.queued), release, now)

    opened = write(world, opens)
    return opened.named(release.name) or release


def _at_present_counts(world: World, release: Release, active: SideState | None) -> Release:
    """The open release, wanting at least what the active side has by now: it may have been scaled up meanwhile."""
    present = wanted_counts(world.application, active)

    def change(record: records.Record) -> records.Record:
        found = need_open(record, release.name)
        wanted = {name: max(count, found.wanted.get(name, 0)) for name, count in present.items()}
        return records.update_release(record, lambda release: but(release, wanted=wanted))

    return need_open(world.store.update(change), release.name)


def _note_occupant(world: World, release: Release, side: SideState) -> None:
    """What the side runs from here on, with the configuration that its pods start with."""
    now, hashed = world.now(), configuration_hash(configuration(world.cluster, side))
    roles = roles_of(world.application)
    world.store.update(lambda record: _occupied(record, release, roles, hashed, now))


def _occupied(
    record: records.Record, release: Release, roles: dict[str, Ran], hashed: str, now: datetime
) -> records.Record:
    """A release that is brought up again (its counts have grown) is the same occupant still."""
    before = record.sides.get(release.side)
    same = before if before and before.release == release.name else Occupant(release=release.name, since=now)
    occupant = but(same, images=release.images, roles=roles, replicas=release.wanted, configuration=hashed)
    return records.occupied(record, release.side, occupant)


def _refuse_open(world: World, release: Release) -> None:
    raise Refused(
        f"is `{release.phase}` since {release.since:%Y-%m-%d %H:%M} UTC: {release.side.other} is its way back",
        obj=f"release {release.name}",
        reason=Why.RELEASE_OPEN,
        next_command=f"flipgate scale-down {world.application.name} when it has soaked, then announce the build again",
    )
