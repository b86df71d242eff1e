"""Judges the conditions beside the phase, and notes them in the record when they changed.

They tell people; no step asks them. So nothing here takes the Lease, and nothing here fails a run.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeVar

from flipgate.adapters.limits import pod_needs, read_autoscalers, read_quotas
from flipgate.core.git.agreement import let_go
from flipgate.core.record import conditions
from flipgate.core.record.record import Condition, ConditionStatus, Record
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.foreign import sentence
from flipgate.core.values.sides import Side
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.dark_side import judge_dark_side
from flipgate.core.way_back.drift import note_drift
from flipgate.core.way_back.explain import judge_drift
from flipgate.core.way_back.live_side import LiveSide, judge_live_side
from flipgate.core.way_back.way_back import OldSide, judge_way_back, way_back_of
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.looking.drift import drift_advice
from flipgate.steps.looking.look import configuration, look_at_side, look_at_traffic

T = TypeVar("T")


def note_conditions(world: World) -> None:
    """Judges WayBackReady, Drifted, LiveSideReady and DarkSideWorks, and writes them where they changed; each turn of
    the way back and of the sides is announced. What is known of routes in Git goes with the file's section. Never
    raises: what keeps it from judging is said, and the next time is five minutes away."""
    try:
        if world.memory and _as_noted(world):
            return
        with world.looking_anew():
            _judge_and_note(world)
    except Exception as error:  # any at all: it is called at the end of each bake, and ends none
        with suppress(Exception):
            world.say(f"conditions could not be noted: {sentence(error)}")


def _as_noted(world: World) -> bool:
    """Whether all is judged as the record has it, or there is none: by what is remembered, which tells nobody."""
    seen = world.store.find()
    if seen is None:
        return True
    found = _judge(world, seen)
    drifted, now = conditions.condition_of(found, conditions.DRIFTED), world.now()
    if drifted is not None and note_drift(seen, drifted, None, world.actor, now) != seen:
        return False
    return let_go(_noted(seen, seen, found), world.application.spec.git, now) == seen


def _judge_and_note(world: World) -> None:
    seen = world.store.find()
    if seen is not None:
        found = _judge(world, seen)
        git, now = world.application.spec.git, world.now()
        write(world, lambda record: let_go(_noted(record, seen, found), git, now))
        _announce_drift(world, seen, found)


def _announce_drift(world: World, seen: Record, found: list[Condition]) -> None:
    """Announces a drift once, and its end once; nothing of a record that another actor has taken over since."""
    drifted, now = conditions.condition_of(found, conditions.DRIFTED), world.now()
    if drifted is None or note_drift(seen, drifted, None, world.actor, now) == seen:
        return
    advice = drift_advice(world, seen, look_at_traffic(world)) if drifted.status is ConditionStatus.TRUE else None

    def announced(record: Record) -> Record:
        if _moved_on(record, seen) or record.epoch != seen.epoch:
            return record
        return note_drift(record, drifted, advice, world.actor, now)

    write(world, announced)


def read_old_side(world: World, side: Side, state: SideState | Unread | None = None) -> OldSide:
    """Reads what the way back is judged by, piece by piece; `state` where the side was looked at already. Never raises:
    a piece that cannot be read says why in its place."""
    found: SideState | Unread = state if state is not None else _piece(lambda: look_at_side(world, side))
    place = world.application.place_of(side).namespace
    quotas = _piece(lambda: read_quotas(world.cluster, place))
    autoscalers = _piece(lambda: read_autoscalers(world.cluster, place))
    if isinstance(found, Unread):
        return OldSide(found, found, quotas, autoscalers)
    read = _piece(partial(configuration, world.cluster, found))
    needs = {name: pod_needs(workload.template) for name, workload in found.workloads.items()}
    return OldSide(found, read, quotas, autoscalers, needs)


def read_live_side(world: World, record: Record, side: Side, state: SideState | Unread | None = None) -> LiveSide:
    """Reads what the live side is judged by; `state` where it was looked at already. Autoscalers are read only where
    they could explain what is missing. Never raises, as `read_old_side`."""
    live = LiveSide(side, state if state is not None else _piece(lambda: look_at_side(world, side)))
    judged = judge_live_side(record, world.application, live, world.now())
    if judged is None or judged.status is ConditionStatus.TRUE:
        return live
    place = world.application.place_of(side).namespace
    return replace(live, autoscalers=_piece(lambda: read_autoscalers(world.cluster, place)))


def _piece(read: Callable[[], T]) -> T | Unread:
    try:
        return read()
    except FlipgateError as error:
        return Unread(error.named_fact)


def _judge(world: World, record: Record) -> list[Condition]:
    """The sides first, the routes last, as `look` does."""
    found, old = [], None
    if side := way_back_of(record):
        old = read_old_side(world, side)
        ready = judge_way_back(record, world.application, old, world.now())
        found = [ready] if ready else []
    dark = _look_at_dark(world, record, old)
    traffic = _piece(lambda: look_at_traffic(world))
    now = world.now()
    if isinstance(traffic, Unread):
        drifted, seen = judge_drift(record, None, now, traffic.why), None
    else:
        drifted, seen = judge_drift(record, traffic, now), traffic
    return [*found, drifted, *_judge_live(world, record, seen), *_judge_dark(world, record, seen, dark)]


def _look_at_dark(world: World, record: Record, old: OldSide | None) -> SideState | Unread | None:
    """The side that the record has no users on, `old` where that was read already; None where nothing has to work on
    one side only."""
    if not world.application.handed_over():
        return None
    return old.side if old else _piece(lambda: look_at_side(world, record.active.other))


def _judge_dark(
    world: World, record: Record, traffic: Traffic | None, state: SideState | Unread | None
) -> list[Condition]:
    """Judges DarkSideWorks; keeps what the record has of it while nobody knows, or users are elsewhere."""
    judged = None
    if traffic and isinstance(state, SideState) and traffic.active is state.side.other:
        judged = judge_dark_side(record, world.application, state, world.now())
    judged = judged or conditions.condition_of(record.conditions, conditions.DARK_SIDE_WORKS)
    return [judged] if judged else []


def _judge_live(world: World, record: Record, traffic: Traffic | None) -> list[Condition]:
    """Judges LiveSideReady; keeps what the record has of it while the routes name no one side."""
    side, judged = traffic.active if traffic else None, None
    if side:
        judged = judge_live_side(record, world.application, read_live_side(world, record, side), world.now())
    judged = judged or conditions.condition_of(record.conditions, conditions.LIVE_SIDE_READY)
    return [judged] if judged else []


def _noted(record: Record, seen: Record, found: list[Condition]) -> Record:
    """Only for the record that was judged: one that moved on since (a phase, a step, an occupant) is judged anew."""
    return record if _moved_on(record, seen) else conditions.recorded(record, found)


def _moved_on(record: Record, seen: Record) -> bool:
    return any(getattr(record, part) != getattr(seen, part) for part in ("release", "sides", "active", "journal"))
