"""Has the overlay of a side say a release's images: one commit, pushed, and nothing else changed by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flipgate.adapters.git import Checkout
from flipgate.adapters.kustomize import render
from flipgate.core.git import rendered
from flipgate.core.git.message import DEPLOY, commit_message, image_lines
from flipgate.core.git.overlay import by_repository, kustomization_in, with_images
from flipgate.core.record import record as records
from flipgate.core.record.intents import CommitImages
from flipgate.core.record.release import Release
from flipgate.core.spec.git import GitSpec, OverlaysSpec
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.errors import Conflict, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.workloads.render import images_of
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.world import World
from flipgate.steps.moving.move import close_routes

PUSHES = 5
"""How often a change is made anew, and pushed, where others push to the same branch meanwhile."""


@dataclass(frozen=True)
class Change:
    """A file of the repository with other text."""

    path: str
    text: str


def commit_images(acting: Acting, release: Release, side: SideState, traffic: Traffic) -> str:
    """Commits and pushes the release's images to the overlay of its side; returns the commit that says them. Nothing is
    pushed where the branch says them already.

    The routes are closed first, as before every write on a dark side. Raises Refused: OverlayNotSet where the overlay
    cannot be given these images, or would change more than them, the other side among it; PushRefused where others push
    faster, PUSHES times.
    """
    world, spec = acting.world, _spec(acting.world)
    with world.open_git().checkout() as copy:
        change = _change(world, copy, release.side, release.images)
        if change is None:
            return _noted(acting, release, copy.head)
        with journal(acting, CommitImages(release.side, release.images)) as entry:
            close_routes(acting, traffic)
            details = image_lines(images_of(world.application, side), release.images)
            message = commit_message(
                spec,
                DEPLOY,
                application=world.application.name,
                release=release.name,
                side=str(release.side),
                by=release.opened_by,
                details=details,
            )
            commit = _push(acting, copy, change, release, message)
            entry.outcome = f"commit {commit[:12]} on {spec.branch}"
    return _noted(acting, release, commit)


def _push(acting: Acting, copy: Checkout, change: Change | None, release: Release, message: str) -> str:
    world, spec = acting.world, _spec(acting.world)
    for left in reversed(range(PUSHES)):
        if change is None:  # somebody else has pushed the same
            return copy.head
        copy.write(change.path, change.text)
        commit = copy.commit(message, spec.author)
        acting.confirm_lease()
        try:
            copy.push()
        except Conflict as error:
            world.say(f"{error}; fetched, and made anew" if left else str(error))
            copy.refresh()
            change = _change(world, copy, release.side, release.images)
            continue
        world.say(f"pushed {commit[:12]} to {spec.branch} of {spec.repository}: {change.path}")
        return commit
    raise Refused(
        f"others pushed before flipgate {PUSHES} times in a row",
        obj=f"branch {spec.branch} of {spec.repository}",
        reason=Why.PUSH_REFUSED,
        untouched="the repository and both sides",
    )


def _change(world: World, copy: Checkout, side: Side, images: Mapping[str, str]) -> Change | None:
    """The overlay with these images, held against what it renders to; None where it has them. What was written for
    that is gone again."""
    overlays = _overlays(_spec(world))
    folder = overlays.of(side)
    path, text = kustomization_in(folder, copy.find)
    changed = with_images(text, by_repository(images), path)
    before, other = _rendered(copy, folder), _rendered(copy, overlays.of(side.other))
    if changed == text:
        _need_set(world, side, before, images, path)
        return None
    copy.write(path, changed)
    try:
        after, others_after = _rendered(copy, folder), _rendered(copy, overlays.of(side.other))
    finally:
        copy.write(path, text)
    _need_set(world, side, after, images, path)
    if other != others_after:
        difference = rendered.first_difference(other, others_after)
        raise _not_set(path, f"a change there would change {side.other} too ({overlays.of(side.other)}): {difference}")
    place = world.application.place_of(side)
    then, now = rendered.read_rendered(before, folder), rendered.read_rendered(after, folder)
    if more := rendered.also_changed(world.application, place, then, now, images):
        raise _not_set(path, f"its images would change more than is released: {', '.join(more)}")
    return Change(path, changed)


def _need_set(world: World, side: Side, text: str, images: Mapping[str, str], path: str) -> None:
    place = world.application.place_of(side)
    if left := rendered.not_set(world.application, place, rendered.read_rendered(text, path), images):
        raise _not_set(path, "; ".join(left))


def _rendered(copy: Checkout, folder: str) -> str:
    return render(copy.folder / folder, folder)


def _noted(acting: Acting, release: Release, commit: str) -> str:
    now = acting.world.now()

    def note(record: records.Record) -> records.Record:
        if record.release is None or record.release.name != release.name:
            return record
        return records.update_release(record, lambda found: found.committed(DEPLOY, commit, now))

    acting.world.store.update(note)
    return commit


def _not_set(path: str, fact: str) -> Refused:
    return Refused(fact, obj=path, reason=Why.OVERLAY_NOT_SET, untouched="the repository and both sides")


def _spec(world: World) -> GitSpec:
    spec = world.application.spec.git
    assert spec is not None, "asked only where the file declares a repository"
    return spec


def _overlays(spec: GitSpec) -> OverlaysSpec:
    assert spec.overlays is not None, "asked only where the file declares overlays"
    return spec.overlays
