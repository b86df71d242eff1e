"""Settles a drift of the routes on a person's word: what the record says is put back, or what is there is kept.

Both are a way back like any other (`roll_back.go_back`), to a side that has Ready pods; neither takes the Lease from
anybody. The files of routes in Git follow as after each move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flipgate.core.record.record import Record
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.errors import BadInput, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import TEXT_BYTES, fitted
from flipgate.core.way_back.going_back import Back, NoWay
from flipgate.core.way_back.settle_drift import judge_adoption, judge_restore
from flipgate.core.workloads.view import View
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.no_way_back import no_way_back
from flipgate.steps.going_back.roll_back import go_back
from flipgate.steps.going_back.way_back import RollbackRequest, RolledBack, need_ready
from flipgate.steps.looking.drift import drift_advice, movable_sides
from flipgate.steps.looking.look import look, need_record
from flipgate.steps.looking.plan import Planned, plan_back

Judgement = Callable[[World, View], Back | NoWay | None]


@about_application(untouched="all routes and both sides")
def plan_restore(world: World) -> Planned | None:
    """The routes as they are, and the patches that `restore` would send, to be shown; None where nothing has drifted.
    Raises Refused as `restore`, but for pods: they are counted when it acts."""
    view = look(world)
    judged = _restoring(world, view)
    if isinstance(judged, NoWay):
        raise _refused(world, judged, need_record(world, view), view.traffic)
    return plan_back(world, judged.to, forced=True) if judged and judged.to else None


@about_application(untouched="all routes and both sides")
def restore(world: World, reason: str, *, by: str) -> RolledBack | None:
    """Sends all users where the record has them. Returns what that did; None where nothing has drifted.

    Raises BadInput without a reason; Refused where a step is open or an open release's own run decides, where that side
    lacks Ready pods or may not be gone back to, and (LeaseHeld) while another actor is at work.
    """
    return _settle(world, _restoring, f"{word_of(by, reason)} (restored after a drift)")


@about_application(untouched="all routes and both sides")
def accept(world: World, reason: str, *, by: str) -> RolledBack | None:
    """Takes the side that the routes name as meant: the record follows, and what works on the live side only. Returns
    what that did; None where nothing has drifted. Raises as `restore`, and Refused where the routes name no one side, a
    release is open, or nobody approved what runs there.
    """
    return _settle(world, _adopting, f"{word_of(by, reason)} (adopted after a drift)")


def _settle(world: World, judge: Judgement, message: str) -> RolledBack | None:
    view = look(world)
    if judge(world, view) is None:
        return None
    began = world.monotonic()
    with world.acting() as acting:
        view = look(acting.world)  # once more: nobody else acts from here on
        judged = judge(acting.world, view)
        if isinstance(judged, NoWay):
            raise _refused(world, judged, need_record(world, view), view.traffic)
        if judged is None or judged.to is None:
            return None
        need_ready(acting, judged.to, view.sides[judged.to])
        request = RollbackRequest(message, forced=True, now=True, announced_at_end=True)
        done = go_back(acting, judged.to, request)
    return replace(done, seconds=round(world.monotonic() - began, 3))


def _restoring(world: World, view: View) -> Back | NoWay | None:
    record = need_record(world, view)
    movable = movable_sides(world, view.traffic, (record.active,))
    return judge_restore(record, world.application, view.traffic, movable)


def _adopting(world: World, view: View) -> Back | NoWay | None:
    return judge_adoption(need_record(world, view), world.application, view.traffic)


def _refused(world: World, judged: NoWay, record: Record, traffic: Traffic) -> Refused:
    if judged.reason not in (Why.WRONG_PHASE, Why.JOURNAL_OPEN):
        return no_way_back(world, judged, traffic, named=True)
    wrong_phase = judged.reason is Why.WRONG_PHASE
    command = drift_advice(world, record, traffic).command if wrong_phase else ""
    return Refused(judged.fact, reason=judged.reason, next_command=command)


def word_of(by: str, reason: str) -> str:
    """Returns whose word it is, and why, for record and messages. Raises BadInput without a reason."""
    if not reason.strip():
        raise BadInput("needs a reason", obj="a drift that is settled")
    return fitted(f"{by}: {reason.strip()}", TEXT_BYTES)
