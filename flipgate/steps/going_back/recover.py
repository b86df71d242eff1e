"""Recovers from an interrupted step: finishes it or backs it out. Reconcile and every flow begin with this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeVar

from flipgate.core.record import approvals
from flipgate.core.record.database_intents import (
    CONTRACT_DATABASE,
    DROP_CLONE,
    EXPAND_DATABASE,
    LEAVE_CLONES,
    MAKE_CLONE,
    REVERT_DATABASE,
)
from flipgate.core.record.going_on import goes_on
from flipgate.core.record.intents import (
    BRING_UP,
    COMMIT_IMAGES,
    COMMIT_ROUTES,
    COPY_OBJECTS,
    HAND_OVER,
    MOVE_ROUTES,
    RELEASE_ROUTES,
    REQUEST_MERGE,
    REST_SIDE,
    RESTORE_LIVE_SIDE,
    REVERT_IMAGES,
    RUN_HOOK,
    SET_MAINTENANCE,
    START_JOB,
    TAKES_LONG,
    WITHDRAW_REQUEST,
    HandOver,
    Move,
)
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.pipelines import FLIP_TRAFFIC
from flipgate.core.record.record import EntryState, JournalEntry, Record
from flipgate.core.traffic.dark_preview import DARK_PREVIEW
from flipgate.core.traffic.preview import PREVIEW_ROUTE
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.errors import Refused, TemporaryError
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.way_back.explain import Drift, OpenStep, explain, finish_move
from flipgate.core.workloads.view import View
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import close
from flipgate.steps.acting.outbox import advance, deliver
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.attempted import attempted
from flipgate.steps.going_back.hand_back import close_move, hand_back
from flipgate.steps.going_back.taking import take_patiently
from flipgate.steps.going_back.unrecorded import finish_unrecorded, left_unrecorded
from flipgate.steps.going_back.way_back import RollbackRequest, open_way, scale_up
from flipgate.steps.looking.drift import drift_advice
from flipgate.steps.looking.look import look, look_at_traffic, need_record
from flipgate.steps.moving.carry_over import carry_back
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.maintenance import take_maintenance_off
from flipgate.steps.moving.move import close_routes, move_back
from flipgate.steps.moving.preview import clear_preview

T = TypeVar("T")
FAULTS_BORNE = 5
FAULT_PAUSE_SECONDS = 3.0
CLOSE_TRIES = 5
"""Looks at a move that has arrived, while others write its routes."""
WAY_BACK_SECONDS = 120.0
"""How long an interrupted way back waits for the side that it goes to; the next turn of reconcile goes on waiting."""


@dataclass(frozen=True)
class Outcome:
    """What recovering did, as a sentence; `pipeline` names the flow that goes on from here, if one does."""

    fact: str
    changed: bool = False
    pipeline: str = ""
    quiet: bool = False
    """Nothing was half done, and no run is to be started."""


def retry_faults(world: World, act: Callable[[], T]) -> T:
    """Runs `act`; after a temporary fault (a time-out, a 500) recovers what it left, and runs it again.

    For what must not be left half done for a person to find: the move, and the watch after it. `act` looks first.
    """
    for borne in range(FAULTS_BORNE):
        try:
            if borne:
                recover(world)
            return act()
        except TemporaryError as fault:
            world.say(f"fault {borne + 1} of {FAULTS_BORNE} that are borne: {fault}")
            world.sleep(FAULT_PAUSE_SECONDS)
    recover(world)
    return act()


def recover(world: World, *, patience_seconds: float | None = None) -> Outcome:
    """Recovers an interrupted step, or a rollback that could not be recorded. May be repeated, and does nothing where
    there is nothing to recover.

    Raises Refused (Drifted) when the routes are not where the record left them and no step of ours explains it, and
    (LeaseHeld) when the step's own process is still alive after `patience_seconds` (default: one Lease's silence).
    """
    view = look(world)
    record = need_record(world, view)
    if left_unrecorded(world, view):
        fact, news = finish_unrecorded(world, patience_seconds=patience_seconds)
        return Outcome(fact, news, world.store.read().phase.row.pipeline)
    match explain(record, view.traffic):
        case Drift() as drift:
            advice = drift_advice(world, record, view.traffic)
            deliver(world, record)  # people are told what waits, whatever else waits for one of them
            raise Refused(
                f"has drifted: {drift}. With the next command {advice.step}",
                obj=f"application {world.application.name}",
                reason=Why.DRIFTED,
                untouched="all routes and both sides",
                next_command=advice.command,
            )
        case OpenStep(at) if at.step in TAKES_LONG and patience_seconds is None and not world.unattended():
            outcome = Outcome(f"{at.step} goes on: entry {at.id} of {at.actor}, which is at work")
        case OpenStep():
            with world.acting(patience_seconds=patience_seconds) as acting:
                # Who held the Lease until now may have ended the entry itself.
                entry = acting.record.open_entry
                outcome = _recover(acting, entry) if entry else Outcome("its own run has ended the step meanwhile")
            record = world.store.read()
        case _:
            outcome = _nothing_open(record, view, world.now())
    deliver(world, record)
    return outcome


def _nothing_open(record: Record, view: View, now: datetime) -> Outcome:
    """No step is half done. Returns the pipeline to start all the same, where its run was lost."""
    fact = f"nothing to recover: `{record.phase}`, traffic on {view.active}"
    pipeline = record.phase.row.pipeline if goes_on(record, now) else ""
    return Outcome(fact, pipeline=pipeline, quiet=not pipeline)


def _recover(acting: Acting, entry: JournalEntry) -> Outcome:
    return RECOVERIES.get(entry.step, _undo)(acting, entry)


def _undo(acting: Acting, entry: JournalEntry) -> Outcome:
    close(acting, entry.id, EntryState.UNDONE, "interrupted; who goes on looks and does what is missing")
    pipeline = acting.world.store.read().phase.row.pipeline
    follows = f"{pipeline} does what is missing" if pipeline else "nothing has to go on"
    return Outcome(f"entry {entry.id} ({entry.step}) is closed: {follows}", True, pipeline)


def _clear_preview(acting: Acting, entry: JournalEntry) -> Outcome:
    clear_preview(acting)
    return _undo(acting, entry)


def _take_flag_off(acting: Acting, entry: JournalEntry) -> Outcome:
    outcome = _undo(acting, entry)
    take_maintenance_off(acting)
    return outcome


def _hand_over(acting: Acting, entry: JournalEntry) -> Outcome:
    to = HandOver.read(entry.intent).to
    if look_at_traffic(acting.world).active is to.other:
        fact = f"users were sent to {to.other} meanwhile: workers are left as they are"
        close(acting, entry.id, EntryState.UNDONE, fact)
        return Outcome(fact, True)
    # Its own entry takes the place of the open one in one write: killed between two, nobody would hand over.
    back = acting.world.store.read().phase is Phase.ROLLING_BACK
    scaled = () if acting.record.under_way else _scaled_up(acting, to)  # of a way back without a release
    left = (*scaled, *hand_over_workers(acting, to, back=back))
    fact = "; ".join([f"workers run on {to}", *left])
    return Outcome(fact, True, acting.world.store.read().phase.row.pipeline)


def _finish_or_back_out(acting: Acting, entry: JournalEntry) -> Outcome:
    """Keeps a move that has arrived everywhere, once no patch that is still on its way can part its routes (one of an
    attempt to back it out, say); else backs it out. Raises TemporaryError where others write the routes without end."""
    for _ in range(CLOSE_TRIES):
        traffic = look_at_traffic(acting.world)  # once more: whose step it was may have moved users until now
        if not finish_move(entry, traffic):
            return _back_out(acting, entry, traffic)
        try:
            close_routes(acting, traffic, keep_way_back=not Move.read(entry.intent).back)
        except Refused as changed:
            acting.world.say(f"the move is looked at once more: {changed}")
            continue
        return _keep(acting, entry, traffic)
    raise TemporaryError(
        f"was written by somebody else {CLOSE_TRIES} times in a row, each right after it was read",
        obj=f"routes of {acting.world.application.name}",
        untouched="all routes",
        next_command=f"flipgate status {acting.world.application.name}",
    )


def _keep(acting: Acting, entry: JournalEntry, traffic: Traffic) -> Outcome:
    left = _end_move(acting, entry, f"found finished after an interruption: {traffic}")
    pipeline = acting.world.store.read().phase.row.pipeline
    fact = "; ".join([f"the move to {Move.read(entry.intent).to} had arrived: it is kept", *left])
    return Outcome(fact, True, pipeline)


def _back_out(acting: Acting, entry: JournalEntry, traffic: Traffic) -> Outcome:
    """Sends a move that did not arrive everywhere back, all of it; one that was itself a way back goes on instead."""
    meant = Move.read(entry.intent)
    if meant.back or acting.world.store.read().phase is Phase.ROLLING_BACK:
        if traffic.active is meant.to.other:  # nobody is there yet, and its pods were counted before the interruption
            request = RollbackRequest("", forced=meant.forced, patience_seconds=WAY_BACK_SECONDS)
            open_way(acting, meant.to, request)  # first: users are not kept from writing while it takes its time
            carry_back(acting, meant.to, forced=meant.forced)
        moved = move_back(acting, meant.to, forced=meant.forced)
        left = _end_move(acting, entry, f"went on after an interruption ({traffic})")
        pipeline = acting.world.store.read().phase.row.pipeline
        fact = "; ".join([f"the way back to {meant.to} went on: {len(moved.patches)} routes sent", *left])
        return Outcome(fact, True, pipeline)
    home = meant.home
    carry_back(acting, home, forced=False)  # some users may have been there already, and have written
    moved = move_back(acting, home)
    # No earlier than the routes: without a record only that says that nobody has seen that side.
    left = take_patiently(acting, meant.to, over_unrecorded=False)
    fact = "; ".join([f"backed out: {len(moved.patches)} routes sent back to {home}", *left])
    close(acting, entry.id, EntryState.UNDONE, fact)
    if acting.world.store.read().phase is Phase.FLIPPING:
        message = f"the move was interrupted and is undone: traffic on {home}; a person is asked again"
        advance(acting.world, entry.release or "", Phase.DARK, Reason.MOVE_UNDONE, message, also=approvals.withdraw)
    return Outcome(f"the move to {meant.to} is undone: traffic on {home}", True, FLIP_TRAFFIC)


def _scaled_up(acting: Acting, to: Side) -> tuple[str, ...]:
    """Users may have been sent there at once, and whoever did so have died before it was scaled up."""
    return attempted(f"scale {to} up", lambda: scale_up(acting, to))


def _end_move(acting: Acting, entry: JournalEntry, outcome: str) -> tuple[str, ...]:
    """Closes the entry of a move that arrived. After a way back without a release nobody goes on: its side is scaled up
    (a person may have sent users there at once) and the workers are handed back here. Returns what is left to do."""
    meant = Move.read(entry.intent)
    if not meant.back or acting.world.store.read().phase is Phase.ROLLING_BACK:
        close(acting, entry.id, EntryState.DONE, outcome)
        return ()
    left = _scaled_up(acting, meant.to)
    close_move(acting, entry.id, meant.to, outcome)
    return (*left, *hand_back(acting, meant.to).left)


RECOVERIES: Mapping[str, Callable[[Acting, JournalEntry], Outcome]] = MappingProxyType(
    {
        MOVE_ROUTES: _finish_or_back_out,
        HAND_OVER: _hand_over,
        PREVIEW_ROUTE: _clear_preview,
        DARK_PREVIEW: _undo,
        BRING_UP: _undo,
        REST_SIDE: _undo,
        RESTORE_LIVE_SIDE: _undo,
        START_JOB: _undo,
        RUN_HOOK: _undo,
        COPY_OBJECTS: _undo,
        COMMIT_IMAGES: _undo,
        COMMIT_ROUTES: _undo,
        RELEASE_ROUTES: _undo,
        REQUEST_MERGE: _undo,
        WITHDRAW_REQUEST: _undo,
        REVERT_IMAGES: _undo,
        EXPAND_DATABASE: _undo,
        CONTRACT_DATABASE: _undo,
        REVERT_DATABASE: _undo,
        SET_MAINTENANCE: _take_flag_off,
        MAKE_CLONE: _undo,
        LEAVE_CLONES: _undo,
        DROP_CLONE: _undo,
    }
)
"""What is done about an interrupted step. One that is not here is closed as undone: its run begins it again."""
