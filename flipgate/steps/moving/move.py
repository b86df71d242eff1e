"""Moves all users: every route to one side, in fenced patches, journaled, all or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flipgate.adapters.routes import clear_unrecorded, clear_way_back, declared, find_route, patch_route
from flipgate.core.record import intents
from flipgate.core.record.record import Record
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.moves import RoutePatch, plan_close, plan_hold, plan_move
from flipgate.core.traffic.traffic import RouteName, RouteState, Traffic
from flipgate.core.values.errors import Conflict, FlipgateError, LostLease, PermanentError, Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.workloads import counts
from flipgate.core.workloads.counts import counts_to_move, short_of
from flipgate.core.workloads.view import View
from flipgate.steps.acting.acting import Acting, Authority
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.moves import Move
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.looking.plan import Planned, plan_back
from flipgate.steps.looking.standstill import taken

RETRIES = 5
APPLIED_SECONDS = 0.3
"""After which an apply that had looked at a route before it was moved has written it."""
SURE_TRIES = 2
MOVE_TRIES = 10
"""Patches of one route, forward, that unrelated writers may spoil in a row: each is planned anew in some milliseconds.
"""


def move(acting: Acting, to: Side, *, also: Callable[[Record, int], Record] | None = None) -> Move:
    """Moves every route to `to`, forward: journal, one fenced patch a route. The caller has stamped `to` before it
    counted its pods.

    `also` goes into the write that opens the journal entry (phase, spent approval). Raises Refused when somebody else
    changed what a route says since it was read, or wrote it without end; every route is then back where it was.
    """
    # Read before the entry: its write is refused to who was taken over by then, and who takes over later writes the
    # routes later, so that these versions are refused. Read after it, they could be the ones that a rollback has left.
    traffic = look_at_traffic(acting.world)
    with journal(acting, intents.Move(to), also=also) as entry:
        at = acting.world.monotonic()
        patches = _send_all(acting, traffic, to)
        done = acting.world.monotonic()
        entry.outcome = f"{len(patches)} route{'' if len(patches) == 1 else 's'} to {to}"
    return Move(to, at, done, patches)


def hold_routes(acting: Acting, traffic: Traffic) -> None:
    """Tells Flux to leave the routes, where it keeps them, as long as possible before they are moved: an apply that is
    under way has looked at them already, and may still write one back (kustomize-controller reads the annotation as it
    begins). Never raises: the move's own patch says so once more."""
    if not (at := acting.world.hold):
        return
    for state in traffic.routes:
        try:
            if state.found and state.entries and (patch := plan_hold(state, at)):
                patch_route(acting.cluster, patch, timeout=5.0)
        except LostLease:
            raise
        except FlipgateError as error:
            acting.world.say(f"Flux was not told yet to leave {state.route}: {error}")


def move_back(
    acting: Authority, to: Side, *, forced: bool = False, unrecorded: str = "", planned: Planned | None = None
) -> Move:
    """Sends every route to `to`, testing no versions; reads again and retries while others write. For rolling back.
    `forced`, because a person named the side: also routes that name neither side, where the side has their Services.

    A route that needs no patch is stamped all the same: a patch that is on its way tests the stamp it read, and must
    not arrive after us. Routes that are gone or name no side are left and named in `Move.left`. `unrecorded` says who
    goes back and why where no record can: it is left on the routes, for reconcile.

    `planned` is what `plan_to_send` said before the journal's entry was written: whoever took over since has stamped
    the routes since, so its patches are refused then, and no others are made. Raises LostLease so, Refused when no
    route can be moved, Conflict after RETRIES losses.
    """
    world, at = acting.world, acting.world.monotonic()
    sent: tuple[RoutePatch, ...] = ()
    for tried in range(RETRIES):
        # What bears no stamp yet is fenced by its version, but not for long: an unrelated writer must not win.
        sure = tried < SURE_TRIES
        traffic, patches = planned or plan_to_send(acting, to, forced=forced, unrecorded=unrecorded, versions=sure)
        planned = None
        faults = _send_each(acting, patches)
        sent += tuple(patch for patch in patches if patch.route not in faults)
        there = [s for s in traffic.routes if s.entries and s.route not in {patch.route for patch in patches}]
        unconfirmed = _confirm(acting, there, unrecorded, versions=sure)
        # An answer that never came is asked for again, too: a patch that hung may still arrive, and not one route may
        # be left where the others were moved from.
        again = TemporaryError if tried + 1 < RETRIES else Conflict
        lasting = {route: error for route, error in faults.items() if not isinstance(error, again)}
        now = look_at_traffic(world)  # what has arrived is what the routes say, and not what was sent
        arrived = all(state.sides == {to} for state in now.routes if state.entries and state.route not in lasting)
        if arrived and not any(isinstance(error, again) for error in unconfirmed.values()):
            gone = tuple(str(state) for state in now.leading if not state.entries)
            stuck = tuple(f"{route} could not be moved: {e}" for route, e in lasting.items())
            unsure = tuple(f"{route} is on {to}, and could not be confirmed: {e}" for route, e in unconfirmed.items())
            forget_way_back(acting, now)
            return Move(to, at, world.monotonic(), sent, (*gone, *stuck, *unsure))
        acting.confirm_lease()
    raise Conflict(
        f"was changed by somebody else {RETRIES} times in a row",
        obj=f"routes of {world.application.name}",
        next_command=f"flipgate status {world.application.name}",
    )


def keep_back(acting: Acting, to: Side, *, forced: bool = False) -> None:
    """Looks once more where Flux keeps the routes, and sends those there again that it has just written back: it had
    looked at them right before it was told to leave them (seen once in forty, within 50 ms). Raises as `move_back`."""
    world = acting.world
    if not world.hold:
        return
    world.sleep(APPLIED_SECONDS)
    if any(state.sides - {to} for state in look_at_traffic(world).leading if state.entries):
        world.say("Flux has written a route back that it had just looked at: sent once more")
        move_back(acting, to, forced=forced)


def plan_to_send(
    acting: Authority, to: Side, *, forced: bool = False, unrecorded: str = "", versions: bool = True
) -> Planned:
    """The routes now, and the patches for `move_back`. Raises Refused when none can move."""
    stamp = acting.new_stamp()
    return plan_back(acting.world, to, stamp=stamp, forced=forced, unrecorded=unrecorded, versions=versions)


def close_routes(acting: Authority, traffic: Traffic, *, keep_way_back: bool = False) -> None:
    """Has every move refused that was planned before, by any actor: what follows is done to a dark side, and no patch
    still on its way may lead users there. Raises Refused (SideChanged) where a route is no longer as it was read.

    The line that takes users back by hand is refused from then on, too, unless it is to be kept: it is made anew then.
    """
    open_to, hold = acting.application.places if keep_way_back else None, acting.world.hold
    for state in traffic.routes:
        if not state.entries:
            continue
        try:
            patch_route(
                acting.cluster, plan_close(state, acting.new_stamp(), state.unrecorded, open_to=open_to, hold=hold)
            )
        except Conflict as error:
            raise Refused(
                "was written by somebody else since it was read; the dark side may be live again",
                obj=str(state.route),
                reason=Why.SIDE_CHANGED,
                untouched="both sides",
            ) from error


def _confirm(
    acting: Authority, states: Iterable[RouteState], unrecorded: str, *, versions: bool
) -> dict[RouteName, FlipgateError]:
    """Stamps routes that are there already, and has Flux leave them: Git may say the other side still. One that may
    not be written holds up no other, and is said."""
    faults: dict[RouteName, FlipgateError] = {}
    for state in states:
        try:
            patch = plan_close(state, acting.new_stamp(), unrecorded, versions=versions, leave=acting.world.hold)
            patch_route(acting.cluster, patch, timeout=5.0)
        except FlipgateError as error:
            faults[state.route] = error
    return faults


def forget_unrecorded(acting: Authority, traffic: Traffic) -> tuple[str, ...]:
    """Takes the mark of an unrecorded rollback off each route that bore it when it was read: what another one has left
    since, nobody knows of yet. What could not be done is returned, a sentence each: reconcile tries again."""

    def clear(state: RouteState) -> str:
        try:
            clear_unrecorded(acting.cluster, state)
        except FlipgateError as error:
            return f"{state.route} still bears the mark of an unrecorded rollback: {error}"
        return ""

    return tuple(filter(None, acting.world.each(clear, [state for state in traffic.routes if state.unrecorded])))


def forget_way_back(acting: Authority, traffic: Traffic) -> None:
    """Takes the command for going back by hand off each route that has one: where it leads is no way back any more.

    Written apart from any move, and after it. Never raises: a line that stays is refused by what it tests itself,
    unless its side went to rest, and then somebody is told here.
    """

    def clear(state: RouteState) -> None:
        try:
            clear_way_back(acting.cluster, state)
        except FlipgateError as error:
            acting.world.say(f"{state.route} still says a way back that is none: {error}")

    acting.world.each(clear, [state for state in traffic.routes if state.way_back])


def _send_each(acting: Authority, patches: tuple[RoutePatch, ...]) -> dict[RouteName, FlipgateError]:
    """Every patch is tried: one route that cannot be moved must not keep the others' users where they are."""
    faults: dict[RouteName, FlipgateError] = {}
    for patch in patches:
        try:
            patch_route(acting.cluster, patch, timeout=5.0)
        except FlipgateError as error:
            faults[patch.route] = error
    if faults and len(faults) == len(patches) and not any(isinstance(e, Conflict) for e in faults.values()):
        raise next(iter(faults.values()))
    return faults


def need_counts(world: World, view: View, to: Side) -> None:
    """Raises Refused unless each serving service of `to` has at least as many Ready pods as the active side has now;
    where nothing ever ran there, as the application's file asks for."""
    first = view.record is not None and not view.record.ran_on(to.other)
    wanted = counts_to_move(world.application, view.sides[to.other], first=first)
    missing = short_of(view.sides[to], wanted)
    if missing:
        carried = "a first release" if first else f"the traffic {to.other} carries"
        gone = taken(world, view.sides[to], wanted)
        side = view.sides[to]
        look = f"kubectl -n {side.namespace} get {side.resources}"
        raise Refused(
            "; ".join([f"has too few Ready pods for {carried}: {counts.said(missing)}", *(each.fact for each in gone)]),
            obj=f"side {world.application.place_of(to)}",
            reason=Why.TOO_FEW_READY,
            untouched="all routes",
            next_command=" && ".join(each.command for each in gone) or look,
        )


def _send_all(acting: Acting, traffic: Traffic, to: Side) -> tuple[RoutePatch, ...]:
    """All routes or none: when one is refused, those before it go back. What was sent, in the declared order.

    Where each side has a database of its own, users that were moved write to the other one: the entry is left open, and
    who recovers it carries that back first. Raises TemporaryError then.
    """
    planned = {state.route: state for state in traffic.leading}
    sent: list[RoutePatch] = []
    for patch in plan_move(traffic, acting.application.places, to, stamp=acting.new_stamp(), hold=acting.world.hold):
        try:
            sent.append(_send(acting, planned[patch.route], patch, to))
        except LostLease:
            raise
        except (Conflict, Refused, PermanentError) as error:
            if sent and acting.application.per_side():
                raise TemporaryError(
                    f"could not be moved, and {len(sent)} before it were: what users wrote since is carried back "
                    f"first: {error.fact}",
                    obj=str(patch.route),
                    untouched="the other routes",
                    next_command=f"flipgate status {acting.application.name}",
                ) from error
            left = move_back(acting, to.other).left if sent else ()
            raise Refused(
                f"was changed by somebody else since it was read, or may not be changed: {error.fact}",
                obj=str(patch.route),
                reason=Why.ROUTE_CHANGED,
                untouched=f"all routes: traffic is on {to.other}" + (f" ({'; '.join(left)})" if left else ""),
                next_command=f"kubectl -n {patch.route.namespace} get {KINDS[patch.route.kind].plural} "
                f"{patch.route.name} --show-managed-fields -o yaml",
            ) from error
    return tuple(sent)


def _send(acting: Acting, planned: RouteState, patch: RoutePatch, to: Side) -> RoutePatch:
    """One route's patch, planned anew while others write what does not matter. The patch that was taken.

    Each tests the version it was planned on. That is read before the Lease is confirmed: who takes over after that
    writes the route after that, too, and the patch is refused. Raises Conflict.
    """
    world = acting.world
    for _ in range(MOVE_TRIES):
        acting.check_lease()
        try:
            patch_route(acting.cluster, patch)
            return patch
        except Conflict:
            route, known = planned.route, declared(world.application)
            now = find_route(world.cluster, world.application, route, world.route_api(route.kind), known)
            acting.confirm_lease()
            if now.meaning != planned.meaning:
                raise
            stamp, places = acting.new_stamp(), world.application.places
            (patch,) = plan_move(Traffic((now,)), places, to, stamp=stamp, hold=world.hold)
    raise Conflict(f"others wrote it {MOVE_TRIES} times in a row, each right before the patch", obj=str(patch.route))
