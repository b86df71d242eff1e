"""Asks who applies what flipgate writes, where the file does not have it in Git: `check` says it, and a release that
Flux would take back is not opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from flipgate.adapters.flux import find_applying
from flipgate.core.git.written_back import Standing, Uncovered, left_over, not_known, uncovered, written_back
from flipgate.core.values.appliers import FLUX, KUSTOMIZATION, Applier
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side, look_at_traffic


def applied_problems(world: World, say: Callable[[str], None]) -> Iterator[str]:
    """Yields a sentence for each kind of object that Flux or Argo CD applies, and that the file does not have in Git.
    Labels of a Flux that is gone are only said. What keeps sides or routes from being read is a problem of its own."""
    git = world.application.spec.git
    if git and git.overlays and git.holds:
        return
    try:
        sides = {side: look_at_side(world, side) for side in Side}
        routes = look_at_traffic(world).leading
    except FlipgateError:
        return
    parts = uncovered(world.application, sides, routes)
    standing = _standing(world, parts, say)
    for line in left_over(parts, [by for by, how in standing.items() if how is Standing.GONE]):
        say(line)
    yield from _sentences(world, parts, [by for by, how in standing.items() if how is not Standing.GONE])


def need_none_written_back(world: World, view: View) -> None:
    """Raises Refused (WrittenBack) where a Kustomization applies what a release writes, and the file has no section for
    that: within its interval it would empty the side, or move users back. Whatever else applies it may do so later, or
    never: that is said."""
    parts = uncovered(world.application, view.sides, view.traffic.leading)
    if not parts:
        return
    standing = _standing(world, parts, world.say)
    still = (Standing.APPLIES, Standing.NOT_READ)
    flux = [by for by, how in standing.items() if by.kind == KUSTOMIZATION and how in still]
    others = [by for by, how in standing.items() if by not in flux and how is not Standing.GONE]
    for line in _sentences(world, parts, others):
        world.say(line)
    if problems := list(_sentences(world, parts, flux)):
        raise Refused(
            "; ".join(problems),
            reason=Why.WRITTEN_BACK,
            untouched="both sides and all routes",
            next_command=f"flipgate check -f {world.application.name}.yaml",
        )


def _sentences(world: World, parts: Iterable[Uncovered], appliers: list[Applier]) -> Iterator[str]:
    return written_back(world.application, [each.by(appliers) for each in parts])


def _standing(world: World, parts: tuple[Uncovered, ...], say: Callable[[str], None]) -> dict[Applier, Standing]:
    """How each of Flux's objects is that the labels name. Of Argo CD's the tracking itself is the word."""
    found = {}
    for by in dict.fromkeys(each.by for part in parts for each in part.applied):
        try:
            found[by] = _how(world, by)
        except FlipgateError as error:
            found[by] = Standing.NOT_READ
            say(not_known(parts, by, error.fact))
    return found


def _how(world: World, by: Applier) -> Standing:
    if by.tool != FLUX or not by.namespace:
        return Standing.APPLIES
    obj = find_applying(world.cluster, by)
    if obj is None:
        return Standing.GONE
    return Standing.SUSPENDED if (obj.get("spec") or {}).get("suspend") else Standing.APPLIES
