"""Takes the commit of a release back that ended before users saw it, where the file asks for that, once its side is at
rest: a side that is kept for a look keeps its images."""

from __future__ import annotations

from functools import partial

from flipgate.adapters.git_copy import Checkout
from flipgate.adapters.kustomize import render_in, render_with
from flipgate.core.git import revert
from flipgate.core.git.message import REVERT
from flipgate.core.git.overlay import kustomization_in
from flipgate.core.record.intents import RevertImages
from flipgate.core.record.record import EntryState
from flipgate.core.record.release import Release
from flipgate.core.values.errors import BadInput, FlipgateError, LostLease
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import close_open, journal
from flipgate.steps.acting.outbox import write, write_history
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving.move import close_routes
from flipgate.steps.moving.push import Files, message_of, push


def revert_failed(world: World) -> None:
    """Takes back what there is to take back, for whoever holds no Lease. Never raises: what went wrong is said, and
    tried again by reconcile's next turn."""
    git = world.application.spec.git
    if git is None or not git.revert_failed:
        return
    try:
        release = revert.to_take_back(world.store.read())
        if release is None or _is_up(world, release):
            return
        with world.open_git().checkout() as copy, world.acting(patience_seconds=1) as acting:
            if revert.to_take_back(acting.record) != release:
                return
            try:
                _revert(acting, copy, release)
            except LostLease:
                raise
            except (FlipgateError, OSError) as error:
                outcome = f"looked at again later: {error}"
                close_open(acting, acting.world.store.read(), RevertImages.step, EntryState.UNDONE, outcome)
                raise
    except FlipgateError as error:
        world.say(f"the commit of a failed release was not taken back: {error}")


def _is_up(world: World, release: Release) -> bool:
    view = look(world)
    return view.sides[release.side].up or view.active is release.side


def _revert(acting: Acting, copy: Checkout, release: Release) -> None:
    world, commit = acting.world, revert.deployed_by(release)
    view = look(world)
    if need_dark(world, view).side is not release.side or view.sides[release.side].up:
        return
    with journal(acting, RevertImages(release.side, release.name)) as entry:
        close_routes(acting, view.traffic)
        changed = _without(world, copy, release)
        if isinstance(changed, str):
            entry.outcome = f"commit {commit[:12]} is left: {changed}"
            write(world, partial(revert.left, release=release, why=changed, now=world.now()))
        else:
            by = _push(acting, copy, release, changed)
            entry.outcome = f"commit {commit[:12]} is taken back by {by[:12]}"
            write(world, partial(revert.taken_back, release=release, commit=by, now=world.now()))
    write_history(world)


def _push(acting: Acting, copy: Checkout, release: Release, changed: Files) -> str:
    """Returns the commit that took it back: one of before, where the overlay is so already."""
    world = acting.world
    details = f"Takes back commit {revert.deployed_by(release)[:12]}: the release {release.phase.row.word}."
    message = message_of(world, REVERT, release.name, release.side, "flipgate", details)

    def again() -> Files:
        found = _without(world, copy, release)
        return {} if isinstance(found, str) else found

    pushed = push(acting, copy, changed, again, message)
    return copy.head if pushed else copy.last_change([_path(world, copy, release)])


def _path(world: World, copy: Checkout, release: Release) -> str:
    overlays = world.git_spec().overlays
    assert overlays is not None, "a file that asks for this declares them"
    return kustomization_in(overlays.of(release.side), copy.find)[0]


def _without(world: World, copy: Checkout, release: Release) -> Files | str:
    """The overlay without the release's commit, and nothing where it is so already; or why that is left."""
    spec, commit = world.git_spec(), revert.deployed_by(release)
    assert spec.overlays is not None, "a file that asks for this declares them"
    own, other = spec.overlays.of(release.side), spec.overlays.of(release.side.other)
    try:
        _, before = render_in(copy, (own, other))  # what they need of the repository is here after that
    except BadInput as error:
        return f"as it is {error.named_fact}"
    path = _path(world, copy, release)
    if not copy.has(commit):
        return f"it is not among the newest commits of {spec.branch}"
    if seen := revert.users_had(world.store.history(), commit):
        return f"it is of release {seen}, which users had: the overlay is as that left it"
    if not copy.is_by(commit, spec.author):
        return "it is not flipgate's"
    text, now = copy.without(commit, path), copy.read(path)
    if text is None:
        return f"somebody has changed the same lines of {path} since"
    if text == now:
        return {}
    try:
        _, then = render_with(copy, path, text, (own, other))
    except BadInput as error:
        return f"without it {error.named_fact}"
    return {path: text} if then == before else f"without it {release.side.other} would be changed, too"
