"""Asks the team's repository what a release would stumble over: whether it can be had, renders, and fights nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flipgate.adapters.flux import find_kustomization
from flipgate.adapters.git import Checkout
from flipgate.adapters.kustomize import render
from flipgate.core.git import routes as files_of
from flipgate.core.git.fights import fights, runs_otherwise
from flipgate.core.git.overlay import by_repository, kustomization_in, with_images
from flipgate.core.git.rendered import read_rendered, workload_in
from flipgate.core.spec.git import GitSpec
from flipgate.core.values.errors import FlipgateError, Forbidden, Unreachable
from flipgate.core.values.sides import Side
from flipgate.core.workloads.differences import Differences, not_said
from flipgate.core.workloads.render import images_of
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side, look_at_traffic


def not_in_overlay(world: World, side: SideState, found: Differences) -> Differences:
    """Returns those of these differences of a side that its overlay does not render to, by the branch as it is now:
    what is in Git was reviewed there. Raises TemporaryError where the Git server is not to be had."""
    overlays = world.git_spec().overlays
    assert overlays is not None, "asked only where the file declares them"
    folder, out = overlays.of(side.side), {}
    with world.open_git().checkout() as copy:
        rendered = read_rendered(render(copy.folder / folder, folder), folder)
    for name, each in found.items():
        service = world.application.service(name)
        said = workload_in(rendered, service, side.place)
        if left := not_said(side.workloads[name], service, side, said, each):
            out[name] = left
    return out


def git_problems(world: World, say: Callable[[str], None]) -> Iterator[str]:
    """Yields what stands between the repository and a release, a sentence each. Where this place is not let in, or
    cannot render, that is said: the worker may be, and can."""
    spec = world.application.spec.git
    if spec is None:
        return
    try:
        with world.open_git().checkout() as copy:
            say(f"branch {spec.branch} of {spec.repository} is at {copy.head[:12]}")
            yield from _routes(world, copy, spec)
            for side in Side if spec.overlays else ():
                yield from _overlay(world, copy, spec, side)
    except (Forbidden, Unreachable) as error:
        say(f"the repository was not looked at: {error.named_fact}")
    except FlipgateError as error:
        yield error.named_fact
    yield from _flux(world, spec)


def _routes(world: World, copy: Checkout, spec: GitSpec) -> Iterator[str]:
    if not spec.routes:
        return
    files = {path: copy.read(path) for path in spec.routes}
    traffic, places = look_at_traffic(world), world.application.places
    routes = files_of.leading(traffic)
    for route in files_of.not_in_files(files, routes, places):
        yield f"{route} is in none of the files that spec.git.routes names ({', '.join(spec.routes)})"
    if traffic.active and not any(state.held for state in traffic.routes):
        for path in files_of.changed_files(files, routes, places, traffic.active):
            yield (
                f"{path} leads elsewhere than the routes, which lead to {traffic.active}: whoever applies the "
                "repository next would move users"
            )


def _overlay(world: World, copy: Checkout, spec: GitSpec, side: Side) -> Iterator[str]:
    assert spec.overlays is not None, "asked only where the file declares them"
    folder = spec.overlays.of(side)
    path, text = kustomization_in(folder, copy.find)
    state = look_at_side(world, side)
    with_images(text, by_repository(images_of(world.application, state)), path)  # could it be changed at all?
    rendered = read_rendered(render(copy.folder / folder, folder), folder)
    yield from fights(world.application, state.place, rendered)
    yield from runs_otherwise(world.application, state, rendered)


def _flux(world: World, spec: GitSpec) -> Iterator[str]:
    named = [each for each in (spec.flux.blue, spec.flux.green, spec.flux.routes) if each] if spec.flux else []
    for name in named:
        found = find_kustomization(world.cluster, name)
        if not found.found or found.suspended:
            yield found.sentence
