"""Puts the live side right on a person's word: images and counts that somebody else changed are set as the record has
them. By itself nobody does so (`live_side.py`): the next write of whoever did it would undo it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flipgate.adapters.addresses import address_of
from flipgate.core.record.intents import Restore
from flipgate.core.values.errors import Conflict, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.way_back.explain import AsRecorded, explain
from flipgate.core.way_back.live_side import Amiss, amiss, put_right, sources
from flipgate.core.way_back.settle_drift import RESTORED_IN
from flipgate.core.workloads.view import View
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, need_record
from flipgate.steps.moving.stamp import stamped_look
from flipgate.steps.watching.conditions import read_live_side


@about_application(untouched="both sides")
def plan_side(world: World) -> tuple[tuple[Amiss, ...], tuple[str, ...]]:
    """What `put_side_right` would change, and what it would leave. Raises Refused as it does."""
    return _amiss(world, look(world))


@about_application(untouched="what comes after it")
def put_side_right(world: World, reason: str, *, by: str) -> tuple[tuple[Amiss, ...], tuple[str, ...]]:
    """Sets the live side's images, and counts that are too small, as the record has them; journaled and announced with
    the reason. Returns what was changed, and what is left to a person: who will write it again from a source.

    Images of a side whose overlay is in Git are left: there they are set. Does nothing where routes and record do not
    agree. Raises Refused where an open release's own run decides, where the side was written by another actor since it
    was read, and (LeaseHeld) while one is at work.
    """
    found, in_git = _amiss(world, look(world))
    if not found:
        return (), in_git
    with world.acting() as acting:
        seen = look(acting.world)  # once more: nobody else acts from here on
        view = stamped_look(acting, seen.active, seen) if seen.active else seen
        found, in_git = _amiss(acting.world, view)
        if not found:
            return (), in_git
        side = need_record(acting.world, view).active
        live = read_live_side(acting.world, acting.record, side, view.sides[side])
        again = sources(acting.record, acting.application, live)
        counts = {each.service.name: each.count for each in found if each.count is not None}
        with journal(acting, Restore(side, counts)) as entry:
            for each in found:
                _set(acting, each)
            entry.outcome = f"{by}: {reason}: {'; '.join(map(str, found))}"
        told = partial(put_right, entry=entry.entry.id, side=side, said=entry.outcome, now=acting.world.now())
        write(acting.world, told)
    return found, (*in_git, *(f"{manager} will write it again: put its source right, too" for manager in again))


def _set(acting: Acting, each: Amiss) -> None:
    """One workload, in one patch that is refused once anybody of ours has written there, and taken once."""
    acting.check_lease()
    workload = each.workload
    try:
        operations = workload.fenced(acting.epoch, acting.renewed(workload.stamp), *each.changes)
        acting.cluster.patch(address_of(workload), operations)
    except Conflict as error:
        fact = "was written by somebody else since it was read"
        raise Refused(fact, obj=str(workload), reason=Why.SIDE_CHANGED) from error


def _amiss(world: World, view: View) -> tuple[tuple[Amiss, ...], tuple[str, ...]]:
    """What is to be changed, and a sentence for each image that is left, for its side's overlay is in Git."""
    record, git = need_record(world, view), world.application.spec.git
    if not isinstance(explain(record, view.traffic), AsRecorded):
        return (), ()
    found = amiss(record, world.application, read_live_side(world, record, record.active, view.sides[record.active]))
    in_git: tuple[str, ...] = ()
    if git and git.overlays:
        where = f"{git.overlays.of(record.active)} in {git.where} sets it: revert the commit there"
        in_git = tuple(f"{replace(each, count=None)} is left: {where}" for each in found if each.image)
        found = tuple(replace(each, image="") for each in found if each.count is not None)
    if found and record.under_way and record.phase not in RESTORED_IN:
        fact = f"release {record.under_way.name} is `{record.phase}`: its run watches the live side"
        raise Refused(fact, reason=Why.WRONG_PHASE)
    return found, in_git
