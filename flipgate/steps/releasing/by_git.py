"""Sets a release's images by way of the team's repository: commits them, and waits for who applies it."""

from __future__ import annotations

from flipgate.core.git.applied import not_there
from flipgate.core.record.phases import Phase
from flipgate.core.record.release import Release
from flipgate.core.workloads.view import View
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.looking.applied import need_running, wait_applied
from flipgate.steps.moving.ask_flux import ask_flux
from flipgate.steps.moving.git_images import commit_images
from flipgate.steps.moving.git_routes import look_again
from flipgate.steps.moving.stamp import need_ours, stamped_look


def by_git(world: World) -> bool:
    """Whether the images of a side are what its overlay in Git says."""
    return world.application.spec.git is not None and world.application.spec.git.overlays is not None


def set_by_git(acting: Acting, release: Release, view: View) -> View:
    """Has the release's images on its side by a commit and whoever applies it; returns a look after that.

    A release that is up already, and is only scaled to what users need by now, has been committed: where its images are
    there Git is not asked again, for a flip waits for nobody's Git server.

    What is left to do then is the same as where images are set directly. Raises Refused as `commit_images`,
    `need_running` and `wait_applied` do, TemporaryError where the Git server is not to be had: the step looks again,
    and goes on.
    """
    world, git = acting.world, acting.world.git_spec()
    side = view.sides[release.side]
    if release.phase is not Phase.DEPLOYING and not not_there(world.application, side, release.images):
        return view
    kustomization = git.flux.of(release.side) if git.flux else None
    if not_there(world.application, side, release.images):
        need_running(world, release, kustomization)
    committed = commit_images(acting, release, side, view.traffic)
    look_again(acting)
    if not_there(world.application, side, release.images):
        if kustomization:
            ask_flux(acting, kustomization)
        wait_applied(world, release, committed, kustomization, may_go_on=acting.check_lease)
    after = stamped_look(acting, release.side)
    need_ours(acting, after.sides[release.side])
    return after
