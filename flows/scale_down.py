"""Scale down: after the soak, on a person's word, the old side goes to rest."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flipgate.core.gates.hooks import HookPoint
from flipgate.core.record.approvals import NotGranted
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.pipelines import SCALE_DOWN, release_key
from flipgate.core.record.record import Decision
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import self_declared
from flipgate.steps.acting.world import World
from flipgate.steps.looking.held import need_may_begin
from flipgate.steps.moving.git_routes import put_routes_right
from flipgate.steps.releasing.run_hooks import left_after
from flipgate.steps.releasing.settle import ended_meanwhile, need_soaked, soak_evidence, wait_out
from flipgate.steps.releasing.stopped import act_again, noting_stop
from flows.approval import ask_person, state_if_refused
from flows.opening import begin, need_own_words, overtaken, start_what_waited, this_run
from tasks import steps as task

KEPT, BACK = "Kept", "RolledBack"
"""What the state of a run is called whose old side a person keeps longer, or who has sent users back to it."""


@flow(name=SCALE_DOWN, flow_run_name="scale down {application} {release}")
def scale_down(application: str, release: str, cluster: str = "default", unseen_by: str = "") -> str | State[str]:
    """Asks go or no-go and puts the old side to rest. Refuses before its time; a no keeps the way back open.

    Args:
        application: The application's name.
        release: The live release, as `flipgate status` names it (ID-ATTEMPT).
        cluster: The flipgate-cluster block to use; `default` needs no block.
        unseen_by: Who closes a release whose old side rests though a Traefik replica does not show the live one; else
            leave it empty.
    """
    need_own_words(unseen_by=unseen_by)
    world = begin(application, cluster)
    task.recover(world)
    if ended := ended_meanwhile(world, release):
        run_hooks_left(world, release)
        return ended
    wait_out(world)
    try:
        soaked = need_soaked(world, release)
        with noting_stop(world, release, SCALE_DOWN, this_run()):
            return ask_and_rest(world, soaked, cluster, unseen_by)
    except Refused as refused:
        if refused.reason == Why.STILL_SOAKING and (later := start_at_end(world, release, cluster)):
            return later
        return overtaken(world, release, refused)


def ask_and_rest(world: World, soaked: Release, cluster: str, unseen_by: str = "") -> str | State[str]:
    """Takes the release from `live` to `settled`, on a person's word; begun again after a crash, it goes on from where
    the release is."""
    if soaked.phase is Phase.LIVE:
        decided = ask_person(world, QuestionKind.SCALE_DOWN, lambda: soak_evidence(world, soaked))
        if isinstance(decided, NotGranted) and decided.reason == Why.ROLLBACK_REQUESTED:
            return go_back(world, cluster)
        if no := state_if_refused(world, decided):
            return no
        need_may_begin(world, QuestionKind.SCALE_DOWN)
    with world.acting() as acting:
        act_again(acting)
        settled = task.settle_release(acting, soaked.name, self_declared(unseen_by) if unseen_by else "")
        task.run_hooks(acting, settled, HookPoint.AFTER_SETTLED)
    start_what_waited(world, cluster)
    return f"{settled.side.other} of {world.application.name} is at rest"


def run_hooks_left(world: World, release: str) -> None:
    """Runs what a death has left of the hooks that follow the end of this release."""
    left = left_after(world)
    if left and left.name == release:
        with world.acting() as acting:
            task.run_hooks(acting, left, HookPoint.AFTER_SETTLED)


def start_at_end(world: World, release: str, cluster: str) -> State[str] | None:
    """Has a run ask at the end of the soak, which a person has moved, and returns what this one ends with. None where
    nobody has: this run is too early by itself."""
    record = world.store.read()
    found = record.release
    if found is None or found.name != release or found.kept is None or found.settle_after is None:
        return None
    parameters = {"application": record.application, "release": release, "cluster": cluster}
    key = release_key(SCALE_DOWN, record.application, release, found.kept.ends)
    run = task.start(SCALE_DOWN, parameters, key, found.settle_after)
    said = f"{found.side.other} is kept until {found.settle_after:%Y-%m-%d %H:%M} UTC; run {run.name} asks then"
    world.say(said)
    return Completed(name=KEPT, message=said, data=said)


def go_back(world: World, cluster: str) -> State[str]:
    """Sends users back on the word of whoever answered so. The decision stands in the record: where this run dies, the
    next one comes here again. No other run is started for it: that would need a free worker, and Prefect."""
    said = world.store.read().approval
    if said is None or said.decision is not Decision.ROLLBACK:
        raise Refused("the word that users are wanted back is gone", reason=Why.SUPERSEDED)
    done = task.roll_back(world, said.reason, said.said_by)
    for note in done.notes:
        world.say(note)
    put_routes_right(world)
    start_what_waited(world, cluster)
    fact = f"{done.way} way: traffic on {done.to}, as {said.said_by} wanted: {said.reason}"
    return Completed(name=BACK, message=fact, data=fact)
