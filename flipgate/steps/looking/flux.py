"""Asks Flux's Kustomizations whether they bring what is committed to the cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flipgate.adapters.flux import find_kustomization, find_source
from flipgate.adapters.git_copy import Checkout
from flipgate.adapters.kustomize import objects_in
from flipgate.core.git.fed import fed_problems, no_commit
from flipgate.core.git.flux import POLLED, SOURCES, Kustomized, Source
from flipgate.core.git.overlay import kustomization_in
from flipgate.core.values.errors import FlipgateError, Forbidden, NotFound
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World


def flux_problems(world: World, copy: Checkout | None, say: Callable[[str], None]) -> Iterator[str]:
    """Yields why what is committed would not reach the cluster, a sentence each; `copy` is the branch, where it could
    be had. What Flux may not be asked for, and does by itself, is said once a source."""
    flux = world.git_spec().flux
    if flux is None:
        return
    found = {name: find_kustomization(world.cluster, name) for name in (flux.blue, flux.green, flux.routes) if name}
    sources = {(fed.source_kind, fed.source): fed for fed in found.values() if fed.source_kind in POLLED}
    read = {named: _source(world, fed, say) for named, fed in sources.items()}
    for fed in found.values():
        source = read.get((fed.source_kind, fed.source))
        known = bool(copy and source and source.commit and copy.has(source.commit))
        yield from fed_problems(world.git_spec(), fed, source, has_commit=known)
    if flux.routes and (unknown := no_commit(found[flux.routes])):
        yield f"{unknown}. Until then a route stays excluded from Flux after each move (docs/gitops.md, Artifacts)"
    for side in Side:
        name = flux.of(side)
        if copy and name and found[name].source_kind == "GitRepository":
            yield from _path_problems(world, copy, side, found[name])


def _source(world: World, fed: Kustomized, say: Callable[[str], None]) -> Source | None:
    kind, (namespace, _, _) = POLLED.get(fed.source_kind), fed.source.partition("/")
    named, resource = f"{fed.source_kind} {fed.source}", f"{kind}.{SOURCES} -n {namespace}"
    if kind and not world.cluster.allowed("patch", SOURCES, kind, namespace):
        fact = "is not asked to look at once, for want of the right to patch it: Flux comes within its interval"
        say(f"{named} {fact} (kubectl auth can-i patch {resource})")
    try:
        return find_source(world.cluster, fed)
    except Forbidden:
        say(f"{named} was not looked at, for want of the right to get it (kubectl auth can-i get {resource})")
        return None


def _path_problems(world: World, copy: Checkout, side: Side, fed: Kustomized) -> Iterator[str]:
    """Whether the folder that it applies is the side's overlay, or renders to its workloads all the same."""
    overlays, place = world.git_spec().overlays, world.application.place_of(side)
    if overlays is None or not fed.found or fed.path == (folder := overlays.of(side)):
        return
    fact = f"{fed.name} applies {fed.path}, and the overlay of {side} is {folder}"
    if fed.path.startswith(".."):
        yield fact
        return
    try:
        kustomization_in(fed.path, copy.find)
        rendered = objects_in(copy, fed.path)
    except NotFound:
        # Flux makes a kustomization of all that lies below (fluxcd.io/flux/components/kustomize, Generate).
        if fed.path != "." and not folder.startswith(f"{fed.path}/"):
            yield f"{fact}: what is committed there is not applied"
        return
    except FlipgateError as error:
        yield f"{fact}; whether it has that: {error.named_fact}"
        return
    services = [f"{each.kind} {place.namespace}/{place.workload_of(each)}" for each in world.application.spec.services]
    if lacking := [each for each in services if each not in rendered]:
        yield f"{fact}: it does not render to {', '.join(lacking)}"
