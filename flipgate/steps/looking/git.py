"""Asks the team's repository what a release would stumble over: whether it can be had, renders, and fights nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from flipgate.adapters.git_copy import Checkout
from flipgate.adapters.kustomize import objects_in
from flipgate.core.git import routes as files_of
from flipgate.core.git.fights import fights, runs_otherwise
from flipgate.core.git.overlay import by_repository, kustomization_in, with_images
from flipgate.core.git.rendered import also_released, workload_in
from flipgate.core.spec.git import GitSpec
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.way_back.git_access import way_in
from flipgate.core.workloads.differences import Differences, not_said
from flipgate.core.workloads.render import images_of
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.world import World
from flipgate.steps.looking.flux import flux_problems
from flipgate.steps.looking.look import look_at_side, look_at_traffic


def not_in_overlay(world: World, side: SideState, found: Differences) -> Differences:
    """Returns those of these differences of a side that its overlay does not render to, by the branch as it is now:
    what is in Git was reviewed there. Raises TemporaryError where the Git server is not to be had."""
    overlays = world.git_spec().overlays
    assert overlays is not None, "asked only where the file declares them"
    folder, out = overlays.of(side.side), {}
    with world.open_git().checkout() as copy:
        rendered = objects_in(copy, folder)
    for name, each in found.items():
        service = world.application.service(name)
        said = workload_in(rendered, service, side.place)
        if left := not_said(side.workloads[name], service, side, said, each):
            out[name] = left
    return out


def led_there(world: World, copy: Checkout, commit: str, traffic: Traffic, to: Side) -> bool:
    """Whether the routes' files lead users to a side as they are at a commit. Raises BadInput for what is not YAML
    there, and as `Checkout.at` does."""
    then = {path: copy.at(commit, path) for path in world.git_spec().routes}
    files = {path: text for path, text in then.items() if text is not None}
    return files_of.leads_there(files, files_of.leading(traffic), world.application.places, to)


def git_problems(world: World, say: Callable[[str], None]) -> Iterator[str]:
    """Yields what stands between the repository and a release, a sentence each; of a repository that could not be had,
    what was not looked at therefore."""
    spec = world.application.spec.git
    if spec is None:
        return
    git = copy = None
    with ExitStack() as opened:
        try:
            git = world.open_git()
            copy = opened.enter_context(git.checkout())
        except FlipgateError as error:
            yield _not_looked_at(spec, error, typed=git is not None and git.credentials is None)
        else:
            say(f"{spec.where} is at {copy.head[:12]}")
            if git.credentials is None:
                status = f"flipgate status {world.application.name}"
                say(f"{way_in(spec)} is not tried here, but by reconcile: GitAccess in `{status}`")
            yield from _or_its_error(_routes(world, copy, spec, say))
            for side in Side if spec.overlays else ():
                yield from _or_its_error(_overlay(world, copy, side, say))
        yield from _or_its_error(flux_problems(world, copy, say))


def _not_looked_at(spec: GitSpec, error: FlipgateError, *, typed: bool) -> str:
    """Says it in git's words. Who types `check` has no block: whether they are let in says nothing of the worker."""
    if typed:
        worker = f"{way_in(spec)}: GitAccess in `flipgate status`"
        by = f"asked by the git of this place, which says nothing of the worker's ({worker})"
    else:
        by = f"asked by the release's own credentials ({way_in(spec)}): no release can commit"
    folders = (spec.overlays.blue, spec.overlays.green) if spec.overlays else ()
    fact = f"{error.obj or spec.where}: not looked at: {error.fact}; {by}"
    command = error.next_command or f"git ls-remote {spec.repository} refs/heads/{spec.branch}"
    return f"{fact}. Not checked: {', '.join([*folders, *spec.routes])} ({command})"


def _or_its_error(problems: Iterator[str]) -> Iterator[str]:
    """What keeps one part from being looked at hides no other."""
    try:
        yield from problems
    except FlipgateError as error:
        yield error.named_fact


def _routes(world: World, copy: Checkout, spec: GitSpec, say: Callable[[str], None]) -> Iterator[str]:
    if not spec.routes:
        return
    files = copy.read_all(spec.routes)
    traffic, places = look_at_traffic(world), world.application.places
    routes = files_of.leading(traffic)
    for route in files_of.not_in_files(files, routes, places):
        yield f"{route} is in none of the files that spec.git.routes names ({', '.join(spec.routes)})"
    if held := [str(state.route) for state in traffic.routes if state.held]:
        until = f"RoutesInGit in `flipgate status {world.application.name}` says until when"
        say(f"Flux leaves {', '.join(held)} as it is, also where people commit to {', '.join(spec.routes)}: {until}")
    elif traffic.active:
        for path in files_of.changed_files(files, routes, places, traffic.active):
            yield (
                f"{path} leads elsewhere than the routes, which lead to {traffic.active}: whoever applies the "
                "repository next would move users"
            )


def _overlay(world: World, copy: Checkout, side: Side, say: Callable[[str], None]) -> Iterator[str]:
    overlays = world.git_spec().overlays
    assert overlays is not None, "asked only where the file declares them"
    folder = overlays.of(side)
    path, text = kustomization_in(folder, copy.find)
    state = look_at_side(world, side)
    images = images_of(world.application, state)
    with_images(text, by_repository(images), path)  # could it be changed at all?
    rendered = objects_in(copy, folder)
    for line in also_released(world.application, state.place, rendered, images):
        say(line)
    yield from fights(world.application, state.place, rendered)
    yield from runs_otherwise(world.application, state, rendered)
