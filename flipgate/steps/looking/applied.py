"""Waits until the cluster runs what was pushed to Git, and says what Flux says meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from flipgate.adapters.flux import find_kustomization, find_source
from flipgate.core.git.applied import Committed, not_there, stays, whose_turn
from flipgate.core.git.fed import Still, stands_still
from flipgate.core.git.flux import Kustomized
from flipgate.core.record.release import Release
from flipgate.core.spec.git import KustomizationName
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import cut
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side

LOOK_SECONDS = 1.0
FAILED_SECONDS = 20.0
"""How long Flux may say that it could not apply the very commit: a webhook that is away for a moment is no end."""


def need_running(world: World, release: Release, kustomization: KustomizationName | None) -> None:
    """Raises Refused (NotApplied) where somebody has suspended the Kustomization of the release's side, or its source:
    what would be pushed would be waited for in vain."""
    if stopped := what_stands_still(world, kustomization):
        raise Refused(
            f"{stopped.fact}: nothing that is pushed now would be applied",
            obj=f"release {release.name} on {release.side}",
            reason=Why.NOT_APPLIED,
            untouched="the repository, both sides and all routes",
            next_command=f"{stopped.resume}, then the same build again",
        )


def what_stands_still(world: World, name: KustomizationName | None) -> Still | None:
    """What is suspended of a Kustomization and its source. None where nothing is, or that cannot be read: then it is
    waited for, and judged by what is there."""
    if name is None:
        return None
    try:
        fed = find_kustomization(world.cluster, name)
    except FlipgateError:
        return None
    try:
        source = find_source(world.cluster, fed)
    except FlipgateError:
        source = None
    return stands_still(fed, source)


def wait_applied(
    world: World,
    release: Release,
    committed: Committed,
    kustomization: KustomizationName | None,
    *,
    may_go_on: Callable[[], None],
) -> None:
    """Waits until the workloads of the release's side have its images, whoever applies the repository.

    Raises Refused (NotApplied) that says what is missing, and Flux's own words: when the time that the file gives is
    over, or once Flux could not apply this very commit for FAILED_SECONDS.
    """
    git = world.git_spec()
    limit, began, failing = float(git.timeout_seconds), world.monotonic(), None
    told = fault = ""
    while late := not_there(world.application, look_at_side(world, release.side), release.images):
        waited = world.monotonic() - began
        found = _find(world, kustomization)
        failed = found is not None and found.failed(committed.head)
        failing = (waited if failing is None else failing) if failed else None
        said = whose_turn(found)
        fault = said if failed else fault  # Flux tries again, and says only that meanwhile
        if waited >= limit or (failing is not None and waited - failing >= FAILED_SECONDS):
            fact = cut(f"does not run what was pushed after {waited:.0f} s: {'; '.join(late)}. {fault or said}", 1_200)
            raise Refused(
                f"{fact}. {stays(committed, git.branch, reverts=git.revert_failed)}",
                obj=f"release {release.name} on {release.side} (commit {committed.head[:12]})",
                reason=Why.NOT_APPLIED,
                untouched=f"{release.side.other}, which has the live traffic, and all routes",
                next_command=_next(kustomization, world.application.place_of(release.side).namespace),
            )
        if said != told:
            told = said
            world.say(f"waiting for {len(late)} images on {release.side}: {said}")
        may_go_on()
        world.sleep(LOOK_SECONDS)


def _find(world: World, name: KustomizationName | None) -> Kustomized | None:
    """What Flux says, where it is asked at all; a right that is missing, or a fault, ends no waiting."""
    if name is None:
        return None
    try:
        return find_kustomization(world.cluster, name)
    except FlipgateError as error:
        return Kustomized(str(name), found=True, said=f"(not readable: {error.fact})")


def _next(name: KustomizationName | None, namespace: str) -> str:
    if name is None:
        return f"kubectl -n {namespace} get deployments -o wide"
    return f"kubectl -n {name.namespace} get kustomizations.kustomize.toolkit.fluxcd.io {name.name} -o yaml"
