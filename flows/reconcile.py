"""Reconcile: finishes or backs out what was interrupted, closes questions and kept sides whose time is over, delivers
announcements, scales up a live side that flipgate itself emptied, and judges the live side and the way back."""

from __future__ import annotations

import time
from collections.abc import Sequence

from prefect import flow

from blocks.cluster import Known, applications
from flipgate.core.record.going_on import gates_held
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.pipelines import RECONCILE
from flipgate.core.values.errors import FlipgateError, Interrupted, Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.core.way_back.unwatched import in_turn
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.live_side import restore_live_side
from flipgate.steps.going_back.recover import Outcome, recover
from flipgate.steps.looking.held import yes_waits
from flipgate.steps.moving.carry_over import put_databases_right
from flipgate.steps.moving.dark_preview import put_dark_preview_right
from flipgate.steps.moving.git_revert import revert_failed
from flipgate.steps.moving.git_routes import put_routes_right
from flipgate.steps.moving.maintenance import put_maintenance_right
from flipgate.steps.releasing.clones import put_clones_right
from flipgate.steps.releasing.questions import expire
from flipgate.steps.releasing.run_hooks import left_after
from flipgate.steps.releasing.settle import kept_too_long, rest_expired
from flipgate.steps.releasing.soak import note_kept
from flipgate.steps.watching.conditions import note_conditions
from flipgate.steps.watching.git_access import note_git_access
from flipgate.steps.watching.points import gates_hold
from flipgate.steps.watching.soak_gates import note_soak_gates
from flipgate.steps.watching.unwatched import note_success
from flows.opening import open_world, start_what_waited
from flows.side_by_side import side_by_side
from tasks import steps as task

REMEMBERED_SECONDS = 2.0
"""How old what reconcile decides by may be. What it acts by is looked at anew, under the Lease."""
GATES_SECONDS = 120.0
"""How long reconcile begins with gates that hold questions back, of all applications. What has begun is waited for."""


@flow(name=RECONCILE, flow_run_name="reconcile {application}")
def reconcile(application: str = "", cluster: str = "default") -> str:
    """Finishes or backs out interrupted steps, and starts the pipelines that have to go on. Runs every five minutes.

    Args:
        application: The application's name; all of them when left empty.
        cluster: The flipgate-cluster block to use; `default` needs no block.
    """
    held: list[World] = []
    known = {} if application else applications(cluster)

    def one(name: str) -> tuple[str, str]:
        try:
            return f"{name}: {reconcile_one(name, cluster, held, known.get(name))}", ""
        except FlipgateError as error:
            return "", str(error)

    done = side_by_side(one, [application] if application else list(known))
    facts, faults = [fact for fact, _ in done if fact], [fault for _, fault in done if fault]
    unasked = ask_all_held(held, cluster)
    if faults or unasked:
        well = len(facts) - len(unasked)
        many = [f"{well} of {len(done)} applications were reconciled"] if len(done) > 1 else []
        raise Interrupted("; ".join([*many, *faults, *unasked]), obj="reconcile")
    return "; ".join(facts) or "no applications"


def reconcile_one(application: str, cluster: str, held: list[World] | None = None, known: Known | None = None) -> str:
    """Reconciles one application; returns what was found. One whose gates hold a question back joins `held`."""
    world = open_world(application, cluster, known).remembering(REMEMBERED_SECONDS)
    try:
        fact = reconcile_world(world, cluster)
    except Refused as refused:
        if (
            refused.reason == Why.DRIFTED
        ):  # looked at and told: a person's turn, and no sign that reconcile does not run
            note_success(world)
        raise
    finally:  # a drift or an interruption that waits for a person hides no lost way back
        note_conditions(world)
    if held is not None and gates_held(world.store.read()):
        held.append(world)
    note_success(world)
    return fact


def ask_all_held(held: Sequence[World], cluster: str) -> list[str]:
    """Asks the gates that hold questions back, once all applications are reconciled: a program of a gate may take
    minutes. Another application is the first each time, and none is begun with after GATES_SECONDS. Returns what kept
    it from doing so, a sentence each."""
    faults = []
    began = time.monotonic()
    for world in in_turn(held, held[0].now()) if held else ():
        if time.monotonic() - began >= GATES_SECONDS:
            world.say("its gates are asked at a later turn: those of others have taken their time")
            continue
        try:
            with world.looking_anew():
                ask_held(world, cluster)
        except FlipgateError as error:
            faults.append(str(error))
    return faults


def ask_held(world: World, cluster: str) -> None:
    """Asks the gates that hold a question back, and starts the run that asks a person once they pass."""
    if not gates_held(world.store.read()):
        return
    outcome = recovered(world)  # gates of others may have taken minutes
    if not outcome.pipeline or not world.unattended():
        return
    if bad := gates_hold(world):
        world.say(f"nobody is asked: gates do not pass: {bad}")
    else:
        task.go_on(world, outcome, cluster)


def recovered(world: World) -> Outcome:
    """What recovering did. Most applications have nothing to recover, and Prefect need not keep a task run of that for
    each of a thousand; one that meets a temporary fault is tried again, as a task."""
    world.forget()
    try:
        return recover(world)
    except TemporaryError:
        with world.looking_anew():
            return task.recover(world)


def reconcile_world(world: World, cluster: str) -> str:
    """Recovers what was interrupted, then closes what has expired or was kept too long, and starts the builds
    that waited. A live side at rest is scaled up, and a dark preview put right, in any case, also where a drift waits
    for a person."""
    try:
        outcome = recovered(world)
    finally:  # whatever waits for a person
        put_databases_right(world)  # first: users cannot write, and it never raises
        restore_live_side(world)
        put_dark_preview_right(world, by_schedule=True)
        put_routes_right(world)
        put_maintenance_right(world)
        put_clones_right(world)
        note_git_access(world)
        note_soak_gates(world)
    if not outcome.quiet:
        world.say(outcome.fact)
    if expired := expire(world):
        task.end_waiting(world, expired)
        put_dark_preview_right(world)
    ended = expired is not None and expired.kind is QuestionKind.FLIP  # and its release with it
    if outcome.pipeline and not ended and world.unattended():
        if held := yes_waits(world):
            world.say(f"a yes stands, and its move waits: {held.text}")
        elif gates_held(world.store.read()):
            world.say("nobody is asked yet: the gates that did not pass are asked once all else is reconciled")
        else:
            task.go_on(world, outcome, cluster)
    if kept_too_long(world):
        with world.acting() as acting:
            rest_expired(acting)
    if (left := left_after(world)) and world.unattended():
        task.go_on_after(world, left, cluster)
    note_kept(world)
    revert_failed(world)
    start_what_waited(world, cluster)
    return outcome.fact
