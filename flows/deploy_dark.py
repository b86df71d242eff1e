"""Deploy dark: brings new images up on the dark side and checks them. Users see nothing of it."""

from __future__ import annotations

from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State

from flipgate.core.gates.hooks import HookPoint
from flipgate.core.record.pipelines import DEPLOY_DARK
from flipgate.core.record.release import Release, again_mark
from flipgate.core.spec.images import is_image
from flipgate.core.values.errors import Refused
from flipgate.core.values.text import self_declared
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.settle import failing
from flipgate.steps.releasing.stopped import noting_stop
from flows.opening import begin, need_own_words, overtaken, this_run
from tasks import steps as task
from tasks.artifacts import keep_failure, show_evidence


@flow(name=DEPLOY_DARK, flow_run_name="deploy {application}")
def deploy_dark(
    application: str, images: dict[str, str], name: str = "", cluster: str = "default", again: str = ""
) -> str | State[str]:
    """Brings new images up on the dark side, checks them, and asks for the flip.

    Args:
        application: The application's name, as `flipgate apply` wrote it.
        images: New images by service name, each with tag or digest; the other services run what is live now, or what
            the release has that this one supersedes. While another release is in the way they wait for its end.
        name: Who asks for it (self-declared: Prefect does not know).
        cluster: The flipgate-cluster block to use; `default` needs no block.
        again: Any word that was not used before (a build's number, a date): these images are released although their
            references are live, for their tags were pushed anew. The same word twice is one release.
    """
    need_own_words(name=name, **{f"images, {service}": ref for service, ref in images.items() if not is_image(ref)})
    world = begin(application, cluster)
    mark = again_mark(again)
    patience = float(world.application.spec.policy.ready_timeout_seconds)
    task.recover(world, patience)
    built_by = self_declared(name) if name else world.actor
    if images and world.application.spec.policy.join_builds_seconds:
        joined = task.join_builds(world, images, built_by, mark)
        if joined is None:
            return "joined: a newer build goes on with these images"
        images = dict(joined)
    release = task.open_release(world, images, built_by, mark)
    if isinstance(release, str):
        return release
    try:
        with noting_stop(world, release.name, DEPLOY_DARK, this_run()):
            bring_up_and_check(world, release, patience)
    except Refused as refused:
        return overtaken(world, release.name, refused)
    task.start_flip(world, release, cluster)
    return release.name


def bring_up_and_check(world: World, release: Release, patience_seconds: float) -> None:
    """Takes the release from `deploying` to `dark` under the Lease; changes nothing where that is done already."""
    with world.acting(patience_seconds=patience_seconds) as acting:
        with failing(acting, release, partial(keep_failure, world, release)):
            task.preflight(acting, release)
            task.look_at_databases(acting, release)
            task.run_hooks(acting, release, HookPoint.BEFORE_BRING_UP)
            task.make_clones(acting, release)
            task.expand(acting, release)
            task.bring_side_up(acting, release)
            task.wait_ready(acting, release)
            task.run_hooks(acting, release, HookPoint.AFTER_READY)
            evidence = task.check_release(acting, release)
            evidence += task.ask_dark_gates(acting, release)
        show_evidence(world, f"{release.name} dark on {release.side}", evidence)
        task.note_dark(acting, release, evidence)
        task.keep_dark_preview(acting)
