"""What follows once the routes are sent back: it is written down, the workers are handed back, and people are told."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from flipgate.core.gates.proof import Proven
from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Record
from flipgate.core.record.sent import note_sent
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.base import but
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.moves import Move
from flipgate.steps.acting.outbox import write, write_history
from flipgate.steps.going_back.answers import Answers, figures
from flipgate.steps.going_back.attempted import attempted, patiently
from flipgate.steps.going_back.hand_back import close_move, hand_back
from flipgate.steps.going_back.taking import take, take_patiently
from flipgate.steps.going_back.way_back import RollbackRequest, RolledBack, Way, scale_up
from flipgate.steps.moving.jobs import stop_jobs
from flipgate.steps.moving.maintenance import flag_taken_off
from flipgate.steps.moving.move import forget_unrecorded, keep_back


@dataclass(frozen=True)
class Sent:
    """How the routes were sent back."""

    request: RollbackRequest
    way: Way
    entry: int
    """The move's, in the journal."""
    traffic: Traffic
    """As it was before."""
    moved: Move
    state: SideState | None
    """The side, as it was when it was taken; None where it is not taken yet."""
    notes: tuple[str, ...]
    left: tuple[str, ...]


class Followed(NamedTuple):
    """What came of what follows."""

    notes: tuple[str, ...]
    left: tuple[str, ...]
    again: bool
    """Whether the release stays as it is: who goes on with it hands the workers back."""


def follow(acting: Acting, target: Side, sent: Sent) -> Followed:
    """Does what follows, and writes it down. What fails keeps nothing else from being done: it is returned."""
    request, way, notes = sent.request, sent.way, sent.notes
    notes += attempted("look at the routes once more", lambda: keep_back(acting, target, forced=request.forced))
    noted = partial(_close, acting, sent.entry, target, way)
    unnoted = attempted("note the move", lambda: patiently(acting, "noting the move", noted))
    left = (*sent.left, *sent.moved.left, *unnoted)
    # Once more where it could not be taken before: else a stale scale-down empties it under its users.
    state, again = (sent.state, ()) if sent.state else take(acting, target)
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
    left += forget_unrecorded(acting, sent.traffic)
    return Followed(notes, left, handed.again)


def end(acting: Acting, target: Side, sent: Sent, followed: Followed, answers: Answers) -> RolledBack:
    """Ends the rollback, unless somebody is to go on with it. This comes last: a run killed before it is joined by the
    next one."""
    way, left = sent.way, followed.left
    if not followed.again:
        left += attempted("end the release", lambda: _end(acting, target, answers.request, way, answers.proven))
        left += flag_taken_off(acting)
    notes = (*followed.notes, *way.notes, *answers.unproven)
    return RolledBack(way.name, target, 0.0, True, answers.first_answer, notes, left)


def _close(acting: Acting, entry: int, target: Side, way: Way) -> None:
    def took(record: Record) -> Record:
        occupant = record.sides.get(target)
        if way.up_seconds is None or occupant is None:
            return record
        return records.occupied(record, target, but(occupant, up_seconds=way.up_seconds))

    # Nobody is told before the workers are back, too.
    close_move(acting, entry, target, f"routes to {target} (the {way.name} way)", took)


def _end(acting: Acting, target: Side, request: RollbackRequest, way: Way, proven: Proven | None) -> None:
    """Ends the rollback as `rolled_back`."""
    world = acting.world
    now = world.now()

    def change(record: Record) -> Record:
        text = "; ".join(filter(None, (f"{request.message} ({figures(proven)})", way.other_images)))
        if record.phase is not Phase.ROLLING_BACK:
            return note_sent(record, target, Reason.TRAFFIC_RESTORED, text, actor=world.actor, now=now)
        return records.advance(record, Phase.ROLLED_BACK, Reason.TRAFFIC_RESTORED, now, actor=world.actor, message=text)

    write(world, change)
    write_history(world)
