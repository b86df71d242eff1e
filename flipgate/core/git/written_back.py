"""What others keep as Git has it, and the application's file does not have in Git: they would take flipgate's writes
back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from flipgate.core.spec.application import Application
from flipgate.core.traffic.traffic import RouteState
from flipgate.core.traffic.undeclared import shortened
from flipgate.core.values.appliers import ARGO_CD, FLUX, KUSTOMIZATION, Applier
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import SideState

Applied = tuple[str, str, Applier]
"""An object, as `KIND NAMESPACE/NAME`; what it is in Flux's part of the section: a side, or `routes`; who applies it.
"""


def written_back(
    application: Application, sides: Mapping[Side, SideState], routes: Iterable[RouteState]
) -> Iterator[str]:
    """Yields a sentence for each kind of object that somebody applies, and that the file has no section for."""
    git = application.spec.git
    objects = {str(each): (str(side), each.applied_by) for side, state in sides.items() for each in state.stamped}
    on_sides = [(name, side, by) for name, (side, by) in objects.items() if by]
    of_routes = [(str(each.route), "routes", each.applied_by) for each in routes if each.applied_by]
    if git is None or git.overlays is None:
        yield from _sentences(application, on_sides, "overlays", "overlays: {blue: FOLDER, green: FOLDER}")
    if git is None or not git.routes:
        yield from _sentences(application, of_routes, "routes", "routes: [FILE]")
    elif not git.holds:
        # Whoever leaves a moved route alone by an annotation has to be told of it: the others cannot be.
        flux = [each for each in of_routes if each[2].tool == FLUX]
        yield from _sentences(application, flux, "flux.routes", "")


def _sentences(application: Application, applied: Iterable[Applied], lacking: str, keys: str) -> Iterator[str]:
    by_kind = groupby(sorted(applied, key=lambda each: each[0]), key=lambda each: each[0].partition(" ")[0])
    for _, group in by_kind:
        yield _sentence(application, list(group), lacking, keys)


def _sentence(application: Application, applied: list[Applied], lacking: str, keys: str) -> str:
    tools = dict.fromkeys(by for _, _, by in applied)
    who = shortened([str(each) for each in tools])
    fact = f"{shortened([name for name, _, _ in applied])}: applied by {who}, and the file has no spec.git.{lacking}"
    return f"{fact}: what flipgate writes there is written back. {_mend(application, applied, keys)} (docs/gitops.md)"


def _mend(application: Application, applied: list[Applied], keys: str) -> str:
    """The section to write, with the names that are known."""
    if not any(by.kind != "HelmRelease" for _, _, by in applied):
        return (
            "flipgate commits to kustomizations, and to no chart's values: keep them in overlays, out of HelmReleases"
        )
    flux = {of: by for _, of, by in applied if by.kind == KUSTOMIZATION}
    named = ", ".join(f"{of}: {{namespace: {by.namespace}, name: {by.name}}}" for of, by in sorted(flux.items()))
    parts = [keys, f"flux: {{{named}}}" if named else ""]
    if application.spec.git is None:
        section = f"`git: {{repository: URL, branch: main, {', '.join(filter(None, parts))}}}` under spec"
    else:
        section = f"`{', '.join(filter(None, parts))}` under spec.git"
    if application.spec.git and application.spec.git.request and "overlays" in keys:
        section += " (images are pushed to the branch itself, beside the request for routes)"
    argo = any(by.tool == ARGO_CD for _, _, by in applied)
    return f"Write {section}{', and tell Argo CD once which fields to leave' if argo else ''}"
