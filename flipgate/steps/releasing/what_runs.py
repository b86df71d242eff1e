"""What runs on the side to flip to is what was released and approved, or nobody is asked, and nobody moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flipgate.core.record.record import Question
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.verdicts import Evidence
from flipgate.core.workloads.content import Content, content_shown, not_approved, several
from flipgate.core.workloads.differences import Differences, refusal, undeclared
from flipgate.core.workloads.led_to import foreign, leads_shown, led_elsewhere, said_of
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.content import content_now, pods_now
from flipgate.steps.looking.git import not_in_overlay
from flipgate.steps.looking.look import need_record
from flipgate.steps.looking.targets import Services, led_to
from flipgate.steps.releasing.by_git import by_git


@dataclass(frozen=True)
class Behind:
    """What users would be sent to on the side to flip to."""

    services: Mapping[str, str]
    """Where the Services lead that the routes would name, by name."""
    content: Mapping[str, Content]
    """What pods run of each reference by a tag."""
    shown: tuple[Evidence, ...]
    """The same for whoever is asked."""


def need_own(world: World, view: View, release: Release) -> Behind:
    """Returns where the Services of the routes lead, and what the side's pods run. Raises Refused (ForeignPods) where
    pods behind them are of no declared workload, and (ContentDiffers) where pods of one tag run different content."""
    side = view.sides[release.side]
    services, pods = led_to(world, view.traffic, release.side), pods_now(world, side)
    _need_no_foreign(world, side, release, services, pods)
    content = content_now(side, pods)
    if mixed := several(content):
        raise _content_differs(world, release, mixed)
    leads = said_of(services)
    return Behind(leads, content, (*leads_shown(leads, pods_known=pods is not None), *content_shown(content)))


def services_moved(world: World, view: View, release: Release, question: Question) -> str:
    """Says which Services of the routes lead elsewhere than the question says; empty where none does."""
    return _moved(question.services, led_to(world, view.traffic, release.side))


def _moved(asked: Mapping[str, str], services: Services) -> str:
    told = led_elsewhere(asked, said_of(services))
    return f"what would change is no longer what was approved: {told}" if told else ""


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


def need_approved(world: World, view: View, release: Release, services: Services) -> None:
    """Raises Refused where these Services of the side to flip to lead elsewhere than was approved (BasisChanged), or to
    pods of no declared workload (ForeignPods), or where pods run other content of a tag than was approved: one pushed
    anew, which a pod that came since has pulled (ContentDiffers). One list of pods at most."""
    question, side = need_record(world, view).question, view.sides[release.side]
    if told := _moved(question.services if question else {}, services):
        raise Refused(
            told,
            obj=f"approval for {world.application.name}",
            reason=Why.BASIS_CHANGED,
            untouched="all routes",
            next_command=f"flipgate flip {world.application.name} (asks again)",
        )
    approved = question.content if question else {}
    if not approved and not any(services.values()):
        return  # nothing that pods could be held against
    pods = pods_now(world, side)
    _need_no_foreign(world, side, release, services, pods)
    if approved and (told := not_approved(approved, content_now(side, pods))):
        raise _content_differs(world, release, told)


def _need_no_foreign(
    world: World, side: SideState, release: Release, services: Services, pods: Iterable[Mapping[str, Any]] | None
) -> None:
    if told := foreign(services, side, pods or ()):
        raise Refused(
            told,
            obj=f"side {world.application.place_of(release.side)}",
            reason=Why.FOREIGN_PODS,
            untouched="all routes",
            next_command=f"kubectl -n {side.namespace} get pods -o wide --show-labels; take them away, or declare "
            f"their workload; then flipgate flip {world.application.name}",
        )


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
