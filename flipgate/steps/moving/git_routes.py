"""Brings Git to say of the routes what they say, after each move, and has Flux keep them again. Users never wait for
it: the move was made in the cluster, and Flux leaves the routes as they are until Git says the same."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from functools import partial
from math import inf

from flipgate.adapters.flux import find_kustomization
from flipgate.adapters.git import Git, no_room
from flipgate.adapters.git_copy import Checkout
from flipgate.adapters.routes import patch_route
from flipgate.core.git import agreement
from flipgate.core.git import routes as files_of
from flipgate.core.git.fed import no_commit
from flipgate.core.git.flux import Kustomized
from flipgate.core.git.message import FLIP, ROLL_BACK
from flipgate.core.git.routes import Told
from flipgate.core.record import conditions
from flipgate.core.record import record as records
from flipgate.core.record.intents import CommitRoutes, ReleaseRoutes, RequestMerge, WithdrawRequest
from flipgate.core.record.record import Condition, ConditionStatus, EntryState
from flipgate.core.spec.git import GitSpec
from flipgate.core.traffic.moves import by_hand, in_a_message, plan_lift
from flipgate.core.traffic.traffic import RouteState, Traffic
from flipgate.core.values.errors import Conflict, FlipgateError, LostLease, NotFound, Unreachable
from flipgate.core.values.sides import Side
from flipgate.core.way_back.explain import Drift, explain
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import close_open, journal
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.looking.applied import what_stands_still
from flipgate.steps.looking.git import led_there
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.moving.ask_flux import ask_flux
from flipgate.steps.moving.git_requests import end_request, request_merge
from flipgate.steps.moving.move import hold_routes
from flipgate.steps.moving.push import Files, message_of, note_commit, push

QUICK_SECONDS = 10.0
"""Of all exchanges with the Git server together, and of the program that opens a request, before a release is watched:
reconcile has more patience."""


def put_routes_right(world: World) -> None:
    """The same as `put_routes_into_git` for whoever holds no Lease: takes it where there is something to do. Never
    raises: what went wrong is said, and in the condition RoutesInGit.

    Git is asked before the Lease is taken: a server that is slow, or away, keeps nobody from acting meanwhile.
    """
    if not _keeps_routes(world):
        return
    try:
        record, traffic = world.store.find(), look_at_traffic(world)
        if record is None or traffic.active is None:
            return
        with ExitStack() as opened:
            try:
                git = world.open_git()
                if _is_as_it_was(world, git, record, traffic, traffic.active):
                    write(world, partial(agreement.agrees_still, now=world.now()))
                    return
                copy = opened.enter_context(git.checkout())
                if _is_right(world, copy, record, traffic, traffic.active):
                    return
            except FlipgateError as error:
                _note_behind(world, traffic.active, error)
                return
            with world.acting(patience_seconds=1) as acting:
                put_routes_into_git(acting, copy=copy)
    except FlipgateError as error:
        world.say(f"the routes in Git were not looked at: {error}")


def _is_as_it_was(world: World, git: Git, record: records.Record, traffic: Traffic, active: Side) -> bool:
    """Whether all is right, and the branch still at the commit that was found to be so: then nothing is fetched."""
    known = agreement.agreed(record, traffic, active)
    return bool(known) and known == _basis(world, git.find_head(), traffic, active)


def _is_right(world: World, copy: Checkout, record: records.Record, traffic: Traffic, active: Side) -> bool:
    """Whether Git says where the routes lead, Flux keeps them, and the record knows; by which commit is noted."""
    if agreement.agreed(record, traffic, active) is None:
        return False
    files = copy.read_all(world.git_spec().routes)
    if not files_of.leads_there(files, files_of.leading(traffic), world.application.places, active):
        return False
    write(world, partial(agreement.noted, found=_agrees(world, copy, traffic, active), now=world.now()))
    return True


def _basis(world: World, commit: str, traffic: Traffic, to: Side) -> str:
    return agreement.basis_of(commit, world.git_spec(), files_of.leading(traffic), world.application.places, to)


def _agrees(world: World, copy: Checkout, traffic: Traffic, to: Side) -> Condition:
    said = f"commit {copy.head[:12]} on {world.git_spec().branch} leads to {to}"
    return agreement.agrees(to, said, world.now(), _basis(world, copy.head, traffic, to))


def _note_behind(world: World, active: Side, error: FlipgateError) -> None:
    world.say(f"the routes in Git: {error}")
    # Not each server that does not answer is Git's: Prefect has the credentials, the API server what Flux says.
    away = isinstance(error, Unreachable) and error.obj == world.git_spec().where
    found = (
        agreement.is_away(active, error.fact, world.now())
        if away
        else agreement.is_behind(active, error.named_fact, world.now())
    )
    write(world, partial(agreement.noted, found=found, now=world.now()))


def put_routes_into_git(acting: Acting, *, seconds: float | None = None, copy: Checkout | None = None) -> bool:
    """Commits and pushes where the routes lead, where the file keeps them in Git, and has Flux keep them again once it
    has applied that. Whether both are so now. `copy` is the branch, where somebody has it already.

    Nothing is done while the routes lead to no one side, and nothing committed while they lead where no step of
    flipgate's has sent users: a drift is settled by a person. Raises LostLease, and what reading the routes and writing
    the record raise: whatever else goes wrong is said, kept as the condition RoutesInGit, and tried again by reconcile.
    """
    world = acting.world
    if not _keeps_routes(world) or acting.record is None:
        return True
    traffic = look_at_traffic(world)
    if traffic.active is None:
        return False
    try:
        found = _bring(acting, traffic, traffic.active, seconds, copy)
    except LostLease:
        raise
    except (FlipgateError, OSError) as fault:
        # Of a copy that somebody else has opened nobody has said yet what a disk that is full means.
        error = fault if isinstance(fault, FlipgateError) else no_room(fault, world.git_spec().where)
        _close(acting, error)
        _note_behind(world, traffic.active, error)
        return False
    write(world, partial(agreement.noted, found=found, now=world.now()))
    return found.status is ConditionStatus.TRUE


def look_again(acting: Acting) -> None:
    """Brings Git to say of the routes what they say where it was found not to: whoever calls has just had an answer of
    it, so what was found before may be over. Raises as `put_routes_into_git`."""
    known = conditions.condition_of(acting.record.conditions, conditions.ROUTES_IN_GIT) if acting.record else None
    if known and known.status is not ConditionStatus.TRUE:
        put_routes_into_git(acting, seconds=QUICK_SECONDS)


def _close(acting: Acting, error: FlipgateError) -> None:
    """Ends what a fault has left open: whatever of it has arrived, whoever looks next sees it, and does what is
    missing. Left open it would have others refused (JournalOpen), and a run begun again that waits for a person."""
    for step in (CommitRoutes.step, ReleaseRoutes.step, RequestMerge.step, WithdrawRequest.step):
        close_open(acting, acting.world.store.read(), step, EntryState.UNDONE, f"looked at again later: {error}")


def _bring(acting: Acting, traffic: Traffic, to: Side, seconds: float | None, had: Checkout | None) -> Condition:
    world, spec = acting.world, acting.world.git_spec()
    until = world.monotonic() + seconds if seconds else inf
    with nullcontext(had) if had else _git(world, seconds).checkout() as copy:
        record = world.store.read()
        request = record.merge_request
        if request and request.to is not to:
            end_request(acting, copy, traffic, to)
        files = copy.read_all(spec.routes)
        routes, places = files_of.leading(traffic), world.application.places
        if lacking := files_of.not_in_files(files, routes, places):
            named = ", ".join(map(str, lacking))
            raise NotFound(f"{named} is in none of {', '.join(spec.routes)}", obj=f"commit {copy.head[:12]}")
        changed = files_of.changed_files(files, routes, places, to)
        if changed and isinstance(explain(record, traffic), Drift):
            # What somebody has done by hand, who applies Git mends; a commit would have it kept for ever.
            return agreement.left_to_a_person(to, spec.branch, world.now())
        if changed:
            traffic = _held(acting, traffic)
        if changed and spec.request:
            story, message = _said(world, traffic, to)
            asked = request_merge(acting, copy, changed, story, message, to=to, until=until)
            return agreement.awaits_merge(asked, spec, world.now())
        if changed:
            with journal(acting, CommitRoutes(to)) as entry:
                foreign = copy.head if agreement.has_led(record, to) else ""
                _push(acting, copy, traffic, to)
                if foreign:
                    write(
                        world, partial(agreement.led_back, to=to, branch=spec.branch, commit=foreign, now=world.now())
                    )
                entry.outcome = f"commit {copy.head[:12]} on {spec.branch}"
        elif request:
            end_request(acting, copy, traffic, to)
        return _released(acting, copy, traffic, to)


def _held(acting: Acting, traffic: Traffic) -> Traffic:
    """The routes as they are once Flux has been told to leave those that it keeps: what it is about to apply may lead
    users elsewhere, and they would come back with what is pushed now. Raises Conflict where it has done so."""
    if all(state.held for state in traffic.routes) or not acting.world.hold:
        return traffic
    hold_routes(acting, traffic)
    now = look_at_traffic(acting.world)
    if now.active is not traffic.active:
        raise Conflict(f"were moved by somebody else meanwhile: {now}", obj="the routes")
    return now


def _git(world: World, seconds: float | None) -> Git:
    return world.open_git().within(seconds) if seconds else world.open_git()


def _push(acting: Acting, copy: Checkout, traffic: Traffic, to: Side) -> None:
    world, spec = acting.world, acting.world.git_spec()
    routes, places = files_of.leading(traffic), world.application.places
    told, message = _said(world, traffic, to)

    def changed() -> Files:
        return files_of.changed_files(copy.read_all(spec.routes), routes, places, to)

    if push(acting, copy, changed(), changed, message):
        note_commit(world, told.release, told.what, copy.head)


def _said(world: World, traffic: Traffic, to: Side) -> tuple[Told, str]:
    """What has sent users there, and the message of the commit that says so."""
    told = files_of.story(world.store.read(), to, FLIP, ROLL_BACK)
    details = files_of.lines(files_of.leading(traffic), to, told.why)
    return told, message_of(world, told.what, told.release, to, told.by, details)


def _released(acting: Acting, copy: Checkout, traffic: Traffic, to: Side) -> Condition:
    """Has Flux keep the routes again where what it applied last leads them where they lead, and says what is so."""
    world, spec = acting.world, acting.world.git_spec()
    held = [state for state in traffic.routes if state.held]
    agrees = _agrees(world, copy, traffic, to)
    if not held:
        return agrees
    left = f"{agrees.message}; Flux leaves {', '.join(str(state.route) for state in held)} as it is"
    if not spec.flux or not spec.flux.routes:
        why = f"{left}, and the file names no Kustomization that applies that (spec.git.flux.routes)"
        return agreement.is_behind(to, f"{why}{_by_hand(copy, held)}", world.now())
    found = find_kustomization(world.cluster, spec.flux.routes)
    if not _has_applied(copy, spec, traffic, to, found, world):
        ask_flux(acting, spec.flux.routes)
        flux = what_stands_still(world, spec.flux.routes) or no_commit(found) or found.sentence
        typed = _by_hand(copy, held) if found.names_no_commit else ""
        return agreement.is_behind(to, f"{left} until it has applied that: {flux}{typed}", world.now())
    with journal(acting, ReleaseRoutes(to)) as entry:
        _lift(acting, held)
        entry.outcome = f"Flux keeps {', '.join(str(state.route) for state in held)} again"
    return agrees


def _by_hand(copy: Checkout, held: list[RouteState]) -> str:
    """Says what lets Flux keep the routes again where nobody but a person can know what it has applied."""
    commands = [by_hand(plan_lift(state)) for state in held]
    then = in_a_message(commands, "take what flipgate has annotated off each (docs/gitops.md, Artifacts)")
    return f". Once Flux has applied commit {copy.head[:12]}: {then}"


def _has_applied(copy: Checkout, spec: GitSpec, traffic: Traffic, to: Side, found: Kustomized, world: World) -> bool:
    """By the files of the commit that it applied last, and by its place in the branch: an older one that it is still at
    would lead users back, or, where it says the same, be followed by one that does (of a flip that was taken back)."""
    if not found.applied or found.suspended or not copy.has_last_change(found.applied, spec.routes):
        return False
    return led_there(world, copy, found.applied, traffic, to)


def _lift(acting: Acting, held: list[RouteState]) -> None:
    for state in held:
        acting.check_lease()
        try:
            patch_route(acting.cluster, plan_lift(state))
        except Conflict:
            acting.world.say(f"{state.route} was written by somebody else meanwhile: Flux leaves it as it is for now")


def _keeps_routes(world: World) -> bool:
    git = world.application.spec.git
    return git is not None and bool(git.routes)
