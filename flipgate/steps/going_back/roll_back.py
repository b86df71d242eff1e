"""Rolls back. `flipgate rollback`, the `roll_back` flow and a failed bake all call this one step. Users first: it takes
over at once, and whatever keeps it from writing down what it does (Lease, record, stamps) does not keep it from sending
the routes back: it goes on "unrecorded" then. It needs the API server and its own files, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flipgate.core.record import approvals, intents
from flipgate.core.record import record as records
from flipgate.core.record.phases import TRANSITIONS, Phase, Reason, Rollback
from flipgate.core.record.record import EntryState, Record
from flipgate.core.record.release import BAKE, Release
from flipgate.core.record.sent import note_sent
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
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.no_way_back import no_way_back
from flipgate.steps.going_back.taking import take
from flipgate.steps.going_back.way_back import (
    SLOW_TIMEOUT_SECONDS,
    TAKE_OVER_TRIES,
    RollbackRequest,
    RolledBack,
    import_what_follows,
    need_approved,
    open_way,
)
from flipgate.steps.looking.drift import movable_sides
from flipgate.steps.looking.look import look_at_side, look_at_traffic
from flipgate.steps.moving.move import move_back, plan_to_send

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
        return _aborted(world, ends, request)
    if (done := _over_others(world, record, target, request, unread)) is None:
        return None  # else users were on what nobody approved: they come first
    if ends and (ended := _aborted(world, ends, request)):
        done = replace(done, notes=(*done.notes, *ended.notes), left=(*done.left, *ended.left))
    return done


def _aborted(world: World, ends: Release, request: RollbackRequest) -> RolledBack | None:
    """Ends a release that users have not seen. They are where they were, or where they go by now: nobody waits for what
    this imports, or for a name."""
    from flipgate.steps.going_back.abort import abort

    return abort(world, ends, request.named().message)


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
    from flipgate.steps.going_back.without_record import send_back

    return send_back(world, target, request, why, record)


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
    # Before the pods are counted, where a stale scale-down may be on its way: from here on it is refused. Elsewhere
    # users do not wait for it.
    first = may_be_shrinking(acting.record, target)
    state, notes = take(acting, target) if first else (None, ())
    if first:
        need_approved(acting, target, state, acting.record, named=request.forced)
    way = open_way(acting, target, request, state)
    left = _carried_back(acting, target, forced=request.forced)
    # Before the entry: its write is refused to who was taken over by then, and who takes over later stamps the routes.
    planned = plan_to_send(acting, target, forced=request.forced)
    entry = _open(acting, target, request)
    moved = move_back(acting, target, forced=request.forced, planned=planned)
    # What follows is imported only now: users do not wait for it.
    from flipgate.steps.going_back.answers import proving

    # For people: nothing waits for the answers before the workers are back.
    with proving(acting.world, target, moved, request) as answers:
        from flipgate.steps.going_back.once_back import Sent, end, follow

        sent = Sent(request, way, entry, planned[0], moved, state, notes, left)
        followed = follow(acting, target, sent)
    return end(acting, target, sent, followed, answers)


def _carried_back(acting: Acting, target: Side, *, forced: bool) -> tuple[str, ...]:
    """Carries over what users wrote, where the sides have databases of their own."""
    if not acting.application.per_side():
        return ()
    import_what_follows()
    from flipgate.steps.moving.carry_over import carry_back

    return carry_back(acting, target, forced=forced)


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
