"""Scales the live side up again where flipgate itself put it to rest.

How that can be: a scale-down that was sent before a rollback chose the side and arrived after it, or a person who sent
users by hand to a side at rest. What a rest has changed of its autoscalers is put back, too, where the way back could
not: a lowered minimum shrinks it once it is quiet. What anybody else did to the live side is only told
(`steps/watching`): the next write of whoever did it would undo ours.
"""

from __future__ import annotations

from functools import partial

from flipgate.core.record.intents import Restore
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.way_back.live_side import Short, rested, restored
from flipgate.core.workloads.autoscalers import Autoscaler
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.way_back import scale_up
from flipgate.steps.looking.autoscalers import find_held
from flipgate.steps.looking.look import look, look_at_side, need_record
from flipgate.steps.moving.autoscalers import take_back
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.stamp import stamp


def restore_live_side(world: World) -> bool:
    """Scales the live side up where flipgate itself put it to rest, and announces it. Returns whether it did.

    Does nothing while users are moved, or while a step is open: that is recovered first. What worked there works there
    again, where the record has users on this side, too. Raises Refused (LiveSideNotRestored) when a Deployment still
    asks for too few pods afterwards, and (LeaseHeld) while another actor is at work.
    """
    seen = look(world)
    if not _at_rest(world, seen):
        _let_autoscalers_go(world, seen)
        return False
    with world.acting() as acting:
        world = acting.world
        view = look(world)  # once more: nobody else acts from here on
        side, before = view.active, _at_rest(world, view)
        if side is None or not before:
            return False
        counts = {short.workload.name: short.whole for short in before}
        with journal(acting, Restore(side, counts)) as entry:
            # The rest may still be under way: from here on its writes are refused.
            stamp(acting, view.sides[side])
            scale_up(acting, side)
            entry.outcome = _grown(world, before, look_at_side(world, side))
        rest = before[0].rest
        assert rest is not None
        told = partial(restored, entry=entry.entry.id, side=side, grown=entry.outcome, rest=rest, now=world.now())
        write(world, told)
        if need_record(world, view).active is side:
            hand_over_workers(acting, side, back=True)
    return True


def _let_autoscalers_go(world: World, view: View) -> None:
    """Puts back what a rest has left of the live side's autoscalers. No entry of the journal: each is one write, which
    is whole or not there."""
    if not _held(world, view):
        return
    with world.acting() as acting:
        for each in _held(acting.world, look(acting.world)):
            world.say(f"{each}, on the live side, was held as at rest: what stood there before is put back")
            take_back(acting, (each,))


def _held(world: World, view: View) -> tuple[Autoscaler, ...]:
    """Returns those that a rest holds on the live side; none while a step is open, or a run of the open release is at
    work or on its way: its key is made of the epoch."""
    record = view.record
    if record is None or view.active is None or record.open_entry:
        return ()
    if record.under_way and not record.phase.row.asks:
        return ()
    return find_held(world, view.active)


def _at_rest(world: World, view: View) -> tuple[Short, ...]:
    """Returns the services to be scaled up; none while users are moved or a step is open."""
    record = view.record
    if record is None or view.active is None or record.open_entry or record.both_protected:
        return ()
    return rested(record, world.application, view.sides[view.active])


def _grown(world: World, before: tuple[Short, ...], after: SideState) -> str:
    """Returns what each Deployment asks for now, as text. Raises Refused unless that is enough."""
    counts = {short.workload.name: after.workloads[short.workload.name].replicas for short in before}
    few = [short for short in before if counts[short.workload.name] < short.floor]
    if few:
        missing = ", ".join(f"{short.workload.name} {counts[short.workload.name]} of {short.floor}" for short in few)
        raise Refused(
            f"still asks for too few pods after it was scaled up: {missing}",
            obj=f"live side {after.place}",
            reason=Why.LIVE_SIDE_NOT_RESTORED,
            untouched="all routes",
        )
    return ", ".join(f"{s.workload.name} {s.workload.replicas} to {counts[s.workload.name]}" for s in before)
