"""What runs on the side to flip to is what was released and approved, or nobody is asked, and nobody moves."""

from __future__ import annotations

from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.workloads.content import Content, not_approved, several
from flipgate.core.workloads.differences import Differences, refusal, undeclared
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.content import content_now
from flipgate.steps.looking.git import not_in_overlay
from flipgate.steps.looking.look import need_record
from flipgate.steps.releasing.by_git import by_git


def need_one_content(world: World, side: SideState, release: Release) -> dict[str, Content]:
    """Returns what the side's pods run of each reference by a tag. Raises Refused (ContentDiffers) where pods of one
    run different content."""
    content = content_now(world, side)
    if mixed := several(content):
        raise _content_differs(world, release, mixed)
    return content


def need_declared(world: World, side: SideState, release: Release, found: Differences) -> None:
    """Raises Refused (TemplateDiffers) where the side's pods may do more, or run other code, than the live ones, and
    neither the application's file allows that nor the side's overlay in Git says it. Git is asked only for such."""
    refused: Differences = undeclared(world.application, found)
    if refused and by_git(world):
        refused = not_in_overlay(world, side, refused)
    if refused:
        mend = "flipgate apply -f FILE (with it), or put the pods right"
        raise Refused(
            refusal(refused),
            obj=f"side {world.application.place_of(release.side)}",
            reason=Why.TEMPLATE_DIFFERS,
            next_command=f"{mend}; then flipgate flip {world.application.name}",
        )


def need_content(world: World, view: View, release: Release) -> None:
    """Raises Refused (ContentDiffers) where pods of the side to flip to run other content of a tag than was approved:
    one pushed anew, which a pod that came since has pulled. One list of pods, and none where each reference names its
    digest."""
    question = need_record(world, view).question
    approved = question.content if question else {}
    if approved and (told := not_approved(approved, content_now(world, view.sides[release.side]))):
        raise _content_differs(world, release, told)


def _content_differs(world: World, release: Release, told: str) -> Refused:
    return Refused(
        told,
        obj=f"side {world.application.place_of(release.side)}",
        reason=Why.CONTENT_DIFFERS,
        untouched="all routes",
        next_command=f"{deploy_again(world, release)} --again, or the digest in the place of each tag",
    )


def deploy_again(world: World, release: Release) -> str:
    """Returns the command that brings this release's images up once more."""
    images = " ".join(f"--image {name}={ref}" for name, ref in release.images.items())
    return f"flipgate deploy {world.application.name} {images}"
