"""The flows' order of steps without Prefect: in the test's process, or as a program of its own that may be killed.

python -m tests.lab.runbook flip APPLICATION                        (KUBECONFIG names the cluster)
python -m tests.lab.runbook deploy APPLICATION NAME=IMAGE ...

The token of the application's repository, where it has one, is in the environment: TESTS_GIT_TOKEN.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from flipgate.adapters.git_access import Credentials
from flipgate.core.gates.hooks import HookPoint
from flipgate.core.record.approvals import Granted
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision, need_release
from flipgate.core.record.release import Release
from flipgate.core.values.who import Speaker
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.live_side import restore_live_side
from flipgate.steps.going_back.recover import recover
from flipgate.steps.looking import prove
from flipgate.steps.moving import dark_preview, git_routes, hand_over
from flipgate.steps.releasing import bring_up, flip, migrate, questions, settle, suite
from flipgate.steps.releasing.note_dark import note_dark
from flipgate.steps.releasing.preflight import preflight
from flipgate.steps.releasing.run_hooks import run_hooks
from flipgate.steps.watching import watch

GIT_TOKEN = "TESTS_GIT_TOKEN"


def deploy_dark(world: World, images: Mapping[str, str]) -> Release:
    """As flows/deploy_dark.py; the release, dark."""
    recover(world)
    release = bring_up.open_release(world, images, world.actor)
    with world.acting() as acting:
        with settle.failing(acting, release):
            preflight(acting, release)
            migrate.look_at_databases(acting, release)
            run_hooks(acting, release, HookPoint.BEFORE_BRING_UP)
            migrate.expand(acting, release)
            bring_up.bring_up(acting, release)
            timeout = float(world.application.spec.policy.ready_timeout_seconds)
            bring_up.wait_ready(acting, release, timeout_seconds=timeout)
            run_hooks(acting, release, HookPoint.AFTER_READY)
            evidence = suite.check_release(acting, release)
        release = note_dark(acting, release, evidence)
        dark_preview.keep_dark_preview(acting)
        return release


def approve(world: World, kind: QuestionKind) -> None:
    """Asks, and says yes, as `flipgate approve` does."""
    questions.pose(world, kind, [])
    questions.decide(world, Decision.APPROVE, by=Speaker("ana"), via="test", reason="looks good")
    assert isinstance(questions.standing(world, kind), Granted)


def dark_and_approved(world: World, images: Mapping[str, str]) -> Release:
    """A release that is dark, and a yes to its flip."""
    release = deploy_dark(world, images)
    approve(world, QuestionKind.FLIP)
    return release


def go_live(world: World, images: Mapping[str, str]) -> Release:
    """A release from its build to `live`."""
    dark_and_approved(world, images)
    return flip_traffic(world)


def flip_traffic(world: World) -> Release:
    """As flows/flip_traffic.py after its question: from `dark` to `live`, or on from where a crash left it."""
    recover(world)
    release = flip.need_release(world, need_release(world.store.read()).name, flip.MOVABLE)
    with flip.going_back(world), world.acting() as acting:
        if release.phase is Phase.DARK:
            run_hooks(acting, release, HookPoint.BEFORE_FLIP)
            suite.still_passed(world, release)
            _, proven = flip.flip(acting)
        else:
            proven = prove.prove_moved(world, release.side, world.proxy.replicas())
        flip.need_proven(world, proven)
        baking = flip.note_proof(acting, release.name, proven)
        hand_over.hand_over_workers(acting, release.side)
        run_hooks(acting, baking, HookPoint.AFTER_FLIP)
        git_routes.put_routes_into_git(acting, seconds=git_routes.QUICK_SECONDS)
        verdicts = watch.watch(acting.world, baking, acting.check_lease)
        git_routes.put_routes_into_git(acting, seconds=git_routes.QUICK_SECONDS)
        return flip.note_live(acting, release.name, verdicts)


def scale_down(world: World) -> Release:
    """As flows/scale_down.py, with a yes."""
    recover(world)
    settle.need_soaked(world)
    approve(world, QuestionKind.SCALE_DOWN)
    return settle_on(world)


def settle_on(world: World) -> Release:
    """What follows the yes, also when it was interrupted: the old side to rest."""
    with world.acting() as acting:
        settled = settle.settle(acting)
        run_hooks(acting, settled, HookPoint.AFTER_SETTLED)
        return settled


if __name__ == "__main__":
    verb, application, *builds = sys.argv[1:]
    here = World.open(application)
    here.say = print
    if token := os.environ.get(GIT_TOKEN):
        here.git_credentials = lambda: Credentials(token=token)
    if verb == "deploy":
        deploy_dark(here, dict(build.split("=", 1) for build in builds))
    else:
        {"flip": flip_traffic, "scale-down": scale_down, "reconcile": restore_live_side}[verb](here)
