"""Sends users back where the record cannot be read or written, or the Lease not be had."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC

from flipgate.core.record.record import Record
from flipgate.core.values import stamps
from flipgate.core.values.errors import PermanentError, Refused, TemporaryError
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.answers import proving
from flipgate.steps.going_back.attempted import attempted
from flipgate.steps.going_back.taking import take
from flipgate.steps.going_back.way_back import (
    FAST,
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
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.moving.carry_over import need_carrying
from flipgate.steps.moving.jobs import stop_jobs
from flipgate.steps.moving.maintenance import flag_left_on
from flipgate.steps.moving.move import close_routes, move_back


def send_back(world: World, target: Side, request: RollbackRequest, why: str, record: Record | None) -> RolledBack:
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
