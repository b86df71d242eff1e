"""Rolls back. `flipgate rollback`, the `roll_back` flow and a failed bake all call this one step. Users first: it takes
over at once, and whatever keeps it from writing down what it does (Lease, record, stamps) does not keep it from sending
the routes back: it goes on "unrecorded" then. It needs the API server and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from functools import partial

from flipgate.core.gates.proof import Proven
from flipgate.core.record import approvals, intents
from flipgate.core.record import record as records
from flipgate.core.record.phases import BEFORE_TRAFFIC, TRANSITIONS, Phase, Reason, Rollback
from flipgate.core.record.record import EntryState, Record
from flipgate.core.record.release import BAKE, Release
from flipgate.core.record.sent import note_sent
from flipgate.core.values import stamps
from flipgate.core.values.base import but
from flipgate.core.values.errors import (
    BadInput,
    FlipgateError,
    LostLease,
    NotFound,
    PermanentError,
    Refused,
    TemporaryError,
    Unreachable,
)
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence
from flipgate.core.way_back.going_back import NoWay, aborted, closed, judge_rollback, sent_elsewhere
from flipgate.core.way_back.way_back import may_be_shrinking
from flipgate.core.workloads.view import View
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import close
from flipgate.steps.acting.outbox import write, write_history
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.answers import figures, proving
from flipgate.steps.going_back.attempted import attempted
from flipgate.steps.going_back.hand_back import close_move, hand_back, patiently
from flipgate.steps.going_back.no_way_back import no_way_back
from flipgate.steps.going_back.taking import take, take_patiently
from flipgate.steps.going_back.way_back import (
    ABORT,
    FAST,
    SLOW_TIMEOUT_SECONDS,
    RollbackRequest,
    RolledBack,
    Way,
    as_it_is,
    need_approved,
    need_ready,
    open_way,
    say_other_images,
    scale_up,
    workers_left,
)
from flipgate.steps.looking.drift import movable_sides
from flipgate.steps.looking.look import look_at_side, look_at_traffic
from flipgate.steps.moving.carry_over import carry_back, let_go, need_carrying
from flipgate.steps.moving.forget_jobs import end_jobs
from flipgate.steps.moving.jobs import stop_jobs
from flipgate.steps.moving.maintenance import flag_left_on, flag_taken_off
from flipgate.steps.moving.move import close_routes, forget_unrecorded, keep_back, move_back, plan_to_send
from flipgate.steps.moving.preview import clear_preview
from flipgate.steps.moving.rest import rest
from flipgate.steps.moving.stamp import stamp, stamped_look

TAKE_OVER_TRIES = 3
READ_TRIES, READ_PAUSE_SECONDS = 3, 0.2


@about_application()
def roll_back(
    world: World,
    reason: str,
    *,
    by: str,
    to: Side | None = None,
    now: bool = False,
    cause: Reason = Reason.ROLLBACK_REQUESTED,
    patience_seconds: float = SLOW_TIMEOUT_SECONDS,
    evidence: tuple[Evidence, ...] = (),
    name: Callable[[], str] | None = None,
) -> RolledBack:
    """Sends all users back to the side they came from, or ends a release that users have not seen.

    Fast where the old side is Ready at the counts that matter; else it is brought up first, which a person waits for
    (at most `patience_seconds`) or not (`now`), and a failed bake does not: what that said (`evidence`) is noted in
    the write that notes the way back. Raises BadInput without a reason, Refused when there is no way back to go (`to`
    decides then), the side is not up, or `to` names a side that nobody approved; NotFound before `adopt`. Never
    refuses for drift, for an open journal entry, or for a record that cannot be read. Once users are back, `name` asks
    who it is.
    """
    began = world.monotonic()
    if not reason.strip():
        raise BadInput("needs a reason", obj="rollback")
    why = reason.strip()
    request = RollbackRequest(why, cause, to is not None, now, patience_seconds, evidence, by=by, name=name)
    while (done := _as_judged(world, to, request)) is None:
        world.say("the release has gone on meanwhile: what it takes to go back is judged once more")
    return replace(done, seconds=round(world.monotonic() - began, 3))


def _as_judged(world: World, to: Side | None, request: RollbackRequest) -> RolledBack | None:
    """Rolls back as what is there now asks for. None where that is another release when the Lease is had, or one that
    nobody had seen and that its run has moved users to meanwhile: it moves nobody any more."""
    record, unread = _read(world, to)
    target = _judged(world, record, to)
    ends = aborted(record, to) if record else None
    if target is None:
        assert ends
        return _abort(world, ends, request.named().message)  # users are where they were: nobody waits
    if (done := _over_others(world, record, target, request, unread)) is None:
        return None  # else users were on what nobody approved: they come first
    if ends and (ended := _abort(world, ends, request.named().message)):
        done = replace(done, notes=(*done.notes, *ended.notes), left=(*done.left, *ended.left))
    return done


def _judged(world: World, record: Record | None, to: Side | None) -> Side | None:
    """Returns the side to send users to; None where they have seen nothing of the release that ends. Raises Refused,
    with nothing changed, when there is no way back, or no route that could be moved."""
    traffic = look_at_traffic(world)
    sides = {side: look_at_side(world, side) for side in Side} if record is None and to is None else {}
    movable = movable_sides(world, traffic, (to,)) if to else ()  # the other side may be unreadable
    judged = judge_rollback(record, world.application, traffic, sides, movable, to)
    if isinstance(judged, NoWay):
        raise no_way_back(world, judged, traffic, named=to is not None)
    return judged.to


def _over_others(
    world: World, record: Record | None, target: Side, request: RollbackRequest, why: str
) -> RolledBack | None:
    """Takes over from whoever holds the Lease, and rolls back; without the record where that fails (`why`). None where
    another release is open by then: a machine that slept would send users to what that one goes to."""
    for _ in range(TAKE_OVER_TRIES if record else 0):
        try:
            with world.acting(steal=True) as acting:
                _need_last_word(world, record, acting.record, target)
                if done := closed(acting.record, target):  # since it was judged: what runs there cannot read the data
                    raise no_way_back(world, done, look_at_traffic(world), named=request.forced)
                if record and not request.forced and _is_another(record.under_way, acting.record.under_way):
                    return None
                return go_back(acting, target, request)
        except LostLease as lost:
            world.say(f"taking over once more: {lost.fact}")
            why = str(lost)
        except (PermanentError, TemporaryError) as error:
            why = str(error)
            break
    if record:
        _need_last_word(world, record, _found(world), target)
    return _move_unrecorded(world, target, request, why, record)


def _found(world: World) -> Record | None:
    try:
        return world.store.read()
    except FlipgateError:
        return None


def _need_last_word(world: World, seen: Record | None, now: Record | None, target: Side) -> None:
    """Raises Refused (MovedOn) where somebody else has sent users to the other side since this rollback looked, and has
    said done: whoever hung for long does not take that back."""
    other = sent_elsewhere(seen, now, target, world.actor) if seen and now else None
    if other is None:
        return
    raise Refused(
        f"{other.actor} has sent all users to {target.other} at {other.ended or other.at:%H:%M:%S} UTC, after this "
        f"rollback to {target} had begun",
        obj=f"traffic of {world.application.name}",
        reason=Why.MOVED_ON,
        untouched="all routes",
        next_command=f"flipgate status {world.application.name}; where {target} is meant all the same: flipgate "
        f'rollback {world.application.name} --to {target} --reason "..."',
    )


def _is_another(seen: Release | None, now: Release | None) -> bool:
    return now is not None and (seen is None or seen.name != now.name)


def go_back(acting: Acting, target: Side, request: RollbackRequest) -> RolledBack:
    """Sends all users to `target`, with all that follows from it, and writes it down. Repeated, it does what is
    missing."""
    world = acting.world
    # Before the pods are counted, where a stale scale-down may be on its way: from here on it is refused. Elsewhere
    # users do not wait for it.
    first = may_be_shrinking(acting.record, target)
    state, notes = take(acting, target) if first else (None, ())
    if first:
        need_approved(acting, target, state, acting.record, named=request.forced)
    way = open_way(acting, target, request, state)
    left = carry_back(acting, target, forced=request.forced)
    # Before the entry: its write is refused to who was taken over by then, and who takes over later stamps the routes.
    planned = plan_to_send(acting, target, forced=request.forced)
    entry = _open(acting, target, request)
    moved = move_back(acting, target, forced=request.forced, planned=planned)
    with proving(world, target, moved, request) as answers:  # for people: nothing waits before the workers are back
        notes += attempted("look at the routes once more", lambda: keep_back(acting, target, forced=request.forced))
        noted = partial(_close, acting, entry, target, way)
        left += (*moved.left, *attempted("note the move", lambda: patiently(acting, "noting the move", noted)))
        # Once more where it could not be taken before: else a stale scale-down empties it under its users.
        state, again = (state, ()) if state else take(acting, target)
        notes += again
        notes += attempted(f"scale {target} up", lambda: scale_up(acting, target))
        other, again = take(acting, target.other)
        notes += again
        # Before the workers start: a hand-over that was taken over stops them again where no stamp of ours stands.
        for side in (side for side, taken in ((target, state), (target.other, other)) if taken is None):
            left += take_patiently(acting, side)
        handed = hand_back(acting, target)
        left += handed.left
        left += attempted(f"stop the Jobs of {target.other}", lambda: stop_jobs(acting, target.other))
        left += forget_unrecorded(acting, planned[0])
    if not handed.again:  # else the release stays as it is, and who goes on with it hands them back
        left += attempted("end the release", lambda: _end(acting, target, answers.request, way, answers.proven))
        left += flag_taken_off(acting)
    return RolledBack(way.name, target, 0.0, True, answers.first_answer, (*notes, *way.notes, *answers.unproven), left)


def _open(acting: Acting, target: Side, request: RollbackRequest) -> int:
    """Begins the rollback in one write: closes what was open, sets `rolling_back`, opens the journal entry."""
    world = acting.world
    now, opened = world.now(), [0]

    def change(record: Record) -> Record:
        stale, told = record.open_entry, record.outbox
        if stale:
            record = records.end(record, stale.id, EntryState.UNDONE, now, f"taken over by {world.actor}")
        release = record.release
        if release and release.phase.row.rollback is Rollback.MOVES and release.side is not target:
            allowed = TRANSITIONS[release.phase][Phase.ROLLING_BACK]
            # A word must not hold up the way back.
            reason = request.cause if request.cause in allowed else Reason.ROLLBACK_REQUESTED
            record = records.judged(record, BAKE, request.evidence, now)
            record = records.advance(
                record, Phase.ROLLING_BACK, reason, now, actor=world.actor, message=request.message
            )
        record = note_sent(record, target, Reason.ROLLBACK_REQUESTED, request.message, actor=world.actor, now=now)
        if request.announced_at_end:
            record = but(record, outbox=told)
        way_back = intents.Move(target, back=True, forced=request.forced)
        record, entry = records.begin(record, way_back.step, world.actor, now, way_back.written())
        opened[:] = [entry.id]
        return approvals.withdraw(record)

    world.store.update(change)
    return opened[0]


def _close(acting: Acting, entry: int, target: Side, way: Way) -> None:
    def took(record: Record) -> Record:
        occupant = record.sides.get(target)
        if way.up_seconds is None or occupant is None:
            return record
        return records.occupied(record, target, but(occupant, up_seconds=way.up_seconds))

    # Nobody is told before the workers are back, too.
    close_move(acting, entry, target, f"routes to {target} (the {way.name} way)", took)


def _end(acting: Acting, target: Side, request: RollbackRequest, way: Way, proven: Proven | None) -> None:
    """Ends the rollback as `rolled_back`. This comes last: a run killed before it is joined by the next one."""
    world = acting.world
    now = world.now()

    def change(record: Record) -> Record:
        text = "; ".join(filter(None, (f"{request.message} ({figures(proven)})", way.other_images)))
        if record.phase is not Phase.ROLLING_BACK:
            return note_sent(record, target, Reason.TRAFFIC_RESTORED, text, actor=world.actor, now=now)
        return records.advance(record, Phase.ROLLED_BACK, Reason.TRAFFIC_RESTORED, now, actor=world.actor, message=text)

    write(world, change)
    write_history(world)


def _abort(world: World, release: Release, message: str) -> RolledBack | None:
    """Ends a release that users have not seen: takes the Lease from its run, and puts its side to rest. Whoever is
    taken over by another rollback goes on with what that has left. None where users have seen it by now, or something
    else ended it."""
    for left in reversed(range(TAKE_OVER_TRIES)):
        try:
            with world.acting(steal=True) as acting:
                found = acting.record.named(release.name)
                if found is None or found.phase not in (*BEFORE_TRAFFIC, Phase.ABORTED):
                    return None
                return _end_unseen(acting, found, message)
        except LostLease as lost:
            if not left:
                raise
            world.say(f"taking over once more: {lost.fact}")
    return None


def _end_unseen(acting: Acting, release: Release, message: str) -> RolledBack:
    """Notes the end of a release that users have not seen, unless another rollback has, and puts its side to rest."""
    world = acting.world
    if release.phase is not Phase.ABORTED:
        now = world.now()

        def change(record: Record) -> Record:
            entry = record.open_entry
            if entry:
                record = records.end(record, entry.id, EntryState.UNDONE, now, f"aborted: {message}")
            return records.advance(
                record, Phase.ABORTED, Reason.DEPLOY_ABORTED, now, actor=world.actor, message=message
            )

        write(world, change)
    elif entry := acting.record.open_entry:  # of the rollback that has noted it
        close(acting, entry.id, EntryState.UNDONE, f"taken over by {world.actor}")
    left = attempted("write the history", lambda: write_history(world))
    left += attempted("take the preview away", lambda: clear_preview(acting))
    # Not before: now nobody else works on that side any more. Taken, so that what its run has sent and is still on its
    # way is refused: it would bring up what was ended, with nobody to put it to rest. Lost to another rollback: whoever
    # is left out takes over in turn, and finds it done.
    taking = f"stamp {release.side}"
    left += attempted(taking, lambda: stamp(acting, look_at_side(world, release.side)), but=LostLease)
    left += attempted(f"stop the Jobs of {release.side}", lambda: end_jobs(acting, release.side), but=LostLease)
    view = stamped_look(acting, release.side)
    dark = view.dark
    if dark is None or dark.side is not release.side:
        left += (f"{release.side} was not put to rest: {view.traffic}",)
    else:
        left += attempted(f"put {release.side} to rest", lambda: rest(acting, view, dark), but=LostLease)
        left += attempted("let users write", lambda: let_go(acting, release.side.other), but=LostLease)
    left += flag_taken_off(acting)
    return RolledBack(ABORT, None, 0.0, notes=_where_users_are(view), left=left)


def _where_users_are(view: View) -> tuple[str, ...]:
    """Says that an abort moves nobody, to whoever meant users."""
    return (f"users are on {view.active}, as before: an abort moves nobody",) if view.active else ()


def _move_unrecorded(
    world: World, target: Side, request: RollbackRequest, why: str, record: Record | None
) -> RolledBack:
    """Sends users back without the record: by stamps, and a mark on the routes, from which reconcile finishes."""
    # No epoch can be counted up without the record: the stamp says so, and all others leave the side alone for it; a
    # stale scale-down is refused from there on.
    left = need_carrying(world, target, forced=request.forced)
    with world.acting_without_lease(stamps.UNRECORDED, record) as acting:
        state, notes = take(acting, target)
        if seen := as_it_is(acting, target, state, named=request.forced):
            need_approved(acting, target, state, seen, named=request.forced)
        way = Way(FAST)
        try:
            if request.forced:
                way = open_way(acting, target, request, state)
            else:
                way = Way(FAST, other_images=say_other_images(acting, state) if state else "")
                need_ready(acting, target, state)
        except Refused:  # and no patch of ours that hangs is to arrive after it
            attempted("close the routes", lambda: close_routes(acting, look_at_traffic(world), keep_way_back=True))
            raise
        except (PermanentError, TemporaryError) as error:
            # It was live before, or a person decides.
            why = f"{why} And the pods of {target} could not be counted: {error}"
        at = f"{world.now().astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        moved = move_back(acting, target, forced=request.forced, unrecorded=f"{target} {at} {request.message}")
        # Once more: reconcile may have taken it for a rollback that has died, while the routes were on their way.
        notes += take(acting, target)[1]
        notes += attempted(f"scale {target} up", lambda: scale_up(acting, target))
        left += attempted(f"stop the Jobs of {target.other}", lambda: stop_jobs(acting, target.other))
        left += (*moved.left, *workers_left(acting, target), *flag_left_on(acting))
    with proving(world, target, moved, replace(request, name=None)) as answers:
        pass
    said = (f"unrecorded: {why}", *notes, *way.notes, *answers.unproven)
    return RolledBack(way.name, target, 0.0, False, answers.first_answer, said, left)


def _read(world: World, to: Side | None) -> tuple[Record | None, str]:
    """Returns the record, or why it cannot be used. Raises NotFound before `adopt` where no side is named: then nothing
    says which side to go back to.

    What is answered at once, and is no record, is asked for again: stamps alone do not tell a rollback that has died
    from a flip.
    """
    for left in reversed(range(READ_TRIES)):
        try:
            return world.store.read(), ""
        except NotFound as error:
            if to is None:
                raise
            return None, str(error)
        except (PermanentError, Refused, TemporaryError) as error:
            why = str(error)
            if isinstance(error, Unreachable) or not left:
                break
            world.sleep(READ_PAUSE_SECONDS)
    return None, why
