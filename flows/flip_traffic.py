"""Flip traffic: a person approves on evidence, one fenced patch moves everybody, watched, and taken back by itself."""

from __future__ import annotations

from prefect import flow
from prefect.client.schemas.objects import State

from flipgate.core.gates.hooks import HookPoint
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.pipelines import FLIP_TRAFFIC, SCALE_DOWN, release_key
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import retry_faults
from flipgate.steps.looking.content import content_evidence
from flipgate.steps.looking.dark_preview import dark_preview_evidence
from flipgate.steps.looking.held import need_may_begin
from flipgate.steps.looking.undeclared import undeclared_evidence
from flipgate.steps.moving.carry_over import put_databases_right
from flipgate.steps.moving.dark_preview import put_dark_preview_right
from flipgate.steps.moving.git_routes import put_routes_right
from flipgate.steps.moving.maintenance import put_maintenance_right, take_maintenance_off
from flipgate.steps.releasing.flip import (
    FLIPPABLE,
    MOVABLE,
    going_back,
    need_proven,
    need_release,
    note_live,
    note_proof,
)
from flipgate.steps.releasing.settle import ended_meanwhile
from flipgate.steps.releasing.stopped import act_again, noting_stop
from flows.approval import ask_person, state_if_refused
from flows.opening import begin, overtaken, this_run
from tasks import steps as task
from tasks.artifacts import show_evidence


@flow(name=FLIP_TRAFFIC, flow_run_name="flip {application} {release}")
def flip_traffic(application: str, release: str, cluster: str = "default") -> str | State[str]:
    """Asks a person, moves all users to the dark side, proves it, watches it, and goes back by itself if it is bad.

    Args:
        application: The application's name.
        release: The release to move to, as `flipgate status` names it (ID-ATTEMPT).
        cluster: The flipgate-cluster block to use; `default` needs no block.
    """
    world = begin(application, cluster)
    task.recover(world)
    if ended := ended_meanwhile(world, release):
        return ended
    try:
        found = need_release(world, release, FLIPPABLE)
        with noting_stop(world, release, FLIP_TRAFFIC, this_run()):
            if found.phase is Phase.DARK:
                decided = ask_person(world, QuestionKind.FLIP, lambda: shown(world, found))
                if no := state_if_refused(world, decided):
                    put_dark_preview_right(world)
                    return no
                need_may_begin(world, QuestionKind.FLIP)
            if found.phase is not Phase.LIVE:
                found = retry_faults(world, lambda: move_and_watch(world, release))
    except Refused as refused:
        put_routes_right(world)
        put_maintenance_right(world)
        put_databases_right(world)
        return overtaken(world, release, refused)
    parameters = {"application": application, "release": release, "cluster": cluster}
    task.start(SCALE_DOWN, parameters, release_key(SCALE_DOWN, application, release), found.settle_after)
    return f"{application} is live on {found.side}"


def shown(world: World, release: Release) -> list[Evidence]:
    """What a person is asked on: the checks of the dark side and the file's gates, which have to pass, what else leads
    to a side, whether a reference that was released again has other content, and whether it can be looked at."""
    put_dark_preview_right(world)
    return [
        *task.check_again(world, release),
        *task.ask_gates(world, QuestionKind.FLIP),
        *undeclared_evidence(world),
        *content_evidence(world, release),
        *dark_preview_evidence(world, release),
    ]


def move_and_watch(world: World, name: str) -> Release:
    """Takes the release from `dark` to `live` under the Lease; begun again after a crash, it goes on from where the
    release stands."""
    release = need_release(world, name, MOVABLE)
    with going_back(world), world.acting() as acting:
        act_again(acting)
        if release.phase is Phase.DARK:
            release = task.scale_to_live(acting, release)
            task.leave_clones(acting, release)
            task.run_hooks(acting, release, HookPoint.BEFORE_FLIP)
            task.check_again(world, release)
            task.ask_gates_again(acting, QuestionKind.FLIP)
            _, proven = task.move_users(acting)
        else:
            proven = task.prove_side(world, release.side)
        need_proven(world, proven)
        baking = note_proof(acting, release.name, proven)
        task.hand_over_workers(acting, baking)
        task.run_hooks(acting, baking, HookPoint.AFTER_FLIP)
        task.put_routes_into_git(acting)
        verdicts = task.watch_side(acting, baking)
        task.put_routes_into_git(acting)  # Flux has had its time to apply it
        show_evidence(world, f"{release.name} watched on {release.side}", verdicts)
        live = note_live(acting, release.name, verdicts)
        take_maintenance_off(acting)
        return live
