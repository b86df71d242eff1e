"""Has the overlay of a side say a release's images: one commit, pushed, and nothing else changed by it."""

from __future__ import annotations

from collections.abc import Mapping

from flipgate.adapters.git_copy import Checkout
from flipgate.adapters.kustomize import render_in, render_with
from flipgate.core.git import rendered
from flipgate.core.git.applied import Committed
from flipgate.core.git.message import DEPLOY, image_lines
from flipgate.core.git.overlay import by_repository, kustomization_in, with_images
from flipgate.core.record.intents import CommitImages
from flipgate.core.record.release import Release
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
from flipgate.steps.moving.push import PUSHES, Files, message_of, note_commit, push


def commit_images(acting: Acting, release: Release, side: SideState, traffic: Traffic) -> Committed:
    """Commits and pushes the release's images to the overlay of its side; returns what the branch says then. Nothing is
    pushed where it says them already.

    The routes are closed first, as before every write on a dark side. Raises Refused: OverlayNotSet where the overlay
    cannot be given these images, or would change more than them, the other side among it; PushRefused where others push
    faster, PUSHES times.
    """
    world, spec = acting.world, acting.world.git_spec()
    world.say(f"asking {spec.where} what the overlay of {release.side} says")
    with world.open_git().checkout() as copy:
        changed, beside = _looked(world, copy, release.side, release.images)
        if changed:
            with journal(acting, CommitImages(release.side)) as entry:
                close_routes(acting, traffic)
                _push(
                    acting,
                    copy,
                    changed,
                    image_lines(images_of(world.application, side), release.images, beside),
                    release,
                )
                entry.outcome = f"commit {copy.head[:12]} on {spec.branch}"
        set_by = copy.head if changed else _set_by(world, copy, release.side)
        note_commit(world, release.name, DEPLOY, set_by)
        return Committed(copy.head, set_by)


def _set_by(world: World, copy: Checkout, side: Side) -> str:
    """The commit that has changed a side's overlay last: flipgate's of an earlier turn, or a person's."""
    overlays = world.git_spec().overlays
    assert overlays is not None, "asked only where the file declares overlays"
    path, _ = kustomization_in(overlays.of(side), copy.find)
    return copy.last_change([path])


def _push(acting: Acting, copy: Checkout, changed: Files, details: str, release: Release) -> None:
    world, spec = acting.world, acting.world.git_spec()
    message = message_of(world, DEPLOY, release.name, release.side, release.opened_by, details)

    def again() -> Files:
        return _looked(world, copy, release.side, release.images)[0]

    try:
        push(acting, copy, changed, again, message)
    except Conflict as error:
        raise Refused(
            f"others pushed before flipgate {PUSHES} times in a row",
            obj=spec.where,
            reason=Why.PUSH_REFUSED,
            untouched="the repository and both sides",
        ) from error


def _looked(world: World, copy: Checkout, side: Side, images: Mapping[str, str]) -> tuple[Files, list[str]]:
    """The overlay with these images, held against what it renders to, and what is not declared and gets them, too;
    nothing where it has them. What was written for that is gone again."""
    overlays = world.git_spec().overlays
    assert overlays is not None, "asked only where the file declares overlays"
    folder = overlays.of(side)
    before, other = render_in(copy, (folder, overlays.of(side.other)))
    path, text = kustomization_in(folder, copy.find)
    changed = with_images(text, by_repository(images), path)
    if changed == text:
        _need_set(world, side, before, images, path)
        return {}, []
    after, others_after = render_with(copy, path, changed, (folder, overlays.of(side.other)))
    _need_set(world, side, after, images, path)
    if other != others_after:
        difference = rendered.first_difference(other, others_after)
        raise _not_set(path, f"a change there would change {side.other} too ({overlays.of(side.other)}): {difference}")
    place = world.application.place_of(side)
    then, now = rendered.read_rendered(before, folder), rendered.read_rendered(after, folder)
    if more := rendered.also_changed(world.application, place, then, now, images):
        raise _not_set(path, f"its images would change more than is released: {', '.join(more)}")
    beside = rendered.also_set(world.application, place, then, now)
    lines = [f"{name} (not declared): {was} -> {gets}" for name, pairs in beside.items() for was, gets in pairs]
    for line in lines:
        world.say(f"the commit sets beside the declared services: {line}")
    return {path: changed}, lines


def _need_set(world: World, side: Side, text: str, images: Mapping[str, str], path: str) -> None:
    place = world.application.place_of(side)
    if left := rendered.not_set(world.application, place, rendered.read_rendered(text, path), images):
        raise _not_set(path, "; ".join(left))


def _not_set(path: str, fact: str) -> Refused:
    return Refused(fact, obj=path, reason=Why.OVERLAY_NOT_SET, untouched="the repository and both sides")
