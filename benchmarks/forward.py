"""Going forward to `live` again and again, for something to go back from: the flows' steps without Prefect."""

from __future__ import annotations

from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.record.release import Release
from flipgate.core.values.sides import Side
from flipgate.core.values.who import Speaker
from flipgate.steps.acting.world import World
from flipgate.steps.moving import hand_over
from flipgate.steps.releasing import bring_up, flip, questions
from flipgate.steps.releasing.note_dark import note_dark
from flipgate.steps.watching import watch

VERSION = "2"


def go_dark(world: World) -> Release:
    """Brings version 2 of everything up on the dark side, from where it can be asked for. Its checks are left out."""
    images = {service.name: f"{service.image}:{VERSION}" for service in world.application.spec.services}
    release = bring_up.open_release(world, images, world.actor)
    with world.acting() as acting:
        bring_up.bring_up(acting, release)
        bring_up.wait_ready(acting, release, timeout_seconds=world.application.spec.policy.ready_timeout_seconds)
        return note_dark(acting, release, [])


def go_live(world: World) -> Side:
    """Releases version 2 of everything on the dark side, and sends all users there. Its checks are left out."""
    release = go_dark(world)
    questions.pose(world, QuestionKind.FLIP, [])
    questions.decide(world, Decision.APPROVE, by=Speaker("benchmark"), via="benchmark", reason="to go back from")
    with world.acting() as acting:
        _, proven = flip.flip(acting)
        flip.need_proven(world, proven)
        baking = flip.note_proof(acting, release.name, proven)
        hand_over.hand_over_workers(acting, release.side)
        flip.note_live(acting, release.name, watch.watch(acting.world, baking, acting.check_lease))
    return release.side
