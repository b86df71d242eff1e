"""What others keep as Git has it, and the application's file does not have in Git: they would take flipgate's writes
back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from flipgate.core.spec.application import Application
from flipgate.core.traffic.traffic import RouteState
from flipgate.core.traffic.undeclared import shortened
from flipgate.core.values.appliers import ARGO_CD, BY_FLUX, FLUX, KUSTOMIZATION, Applier
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import SideState


class Standing(StrEnum):
    """How an object of Flux's is that an object's labels name."""

    APPLIES = "applies"
    SUSPENDED = "suspended"
    GONE = "gone"
    """What it applied keeps its labels and its managers for ever."""
    NOT_READ = "not read"


class Applied(NamedTuple):
    """An object that somebody applies."""

    name: str
    """KIND NAMESPACE/NAME."""
    of: str
    """What it is in Flux's part of the section: a side, or `routes`."""
    by: Applier


@dataclass(frozen=True)
class Uncovered:
    """What somebody applies, and the file lacks a part of its section for."""

    lacking: str
    """The part, below spec.git."""
    keys: str
    """The keys to write; empty where Flux's own part says it all."""
    applied: tuple[Applied, ...]

    def by(self, appliers: Collection[Applier]) -> Uncovered:
        """The same of these appliers alone."""
        return replace(self, applied=tuple(each for each in self.applied if each.by in appliers))


def uncovered(
    application: Application, sides: Mapping[Side, SideState], routes: Iterable[RouteState]
) -> tuple[Uncovered, ...]:
    """Returns what somebody applies and the file has no section for, by the part that is lacking."""
    git = application.spec.git
    objects = {str(each): (str(side), each.applied_by) for side, state in sides.items() for each in state.stamped}
    on_sides = tuple(Applied(name, side, by) for name, (side, by) in objects.items() if by)
    of_routes = tuple(Applied(str(each.route), "routes", each.applied_by) for each in routes if each.applied_by)
    found = []
    if git is None or git.overlays is None:
        found.append(Uncovered("overlays", "overlays: {blue: FOLDER, green: FOLDER}", on_sides))
    if git is None or not git.routes:
        found.append(Uncovered("routes", "routes: [FILE]", of_routes))
    elif not git.holds:
        # Whoever leaves a moved route alone by an annotation has to be told of it: the others cannot be.
        found.append(Uncovered("flux.routes", "", tuple(each for each in of_routes if each.by.tool == FLUX)))
    return tuple(each for each in found if each.applied)


def written_back(application: Application, parts: Iterable[Uncovered]) -> Iterator[str]:
    """Yields a sentence for each kind of object of these, with the section to write."""
    for part in parts:
        for _, group in groupby(sorted(part.applied), key=lambda each: each.name.partition(" ")[0]):
            yield _sentence(application, list(group), part)


def left_over(parts: Iterable[Uncovered], gone: Collection[Applier]) -> Iterator[str]:
    """Yields a sentence for what bears Flux's labels still though that object of Flux's is gone, with the lines that
    take them off."""
    for by in sorted(gone, key=str):
        names = sorted({each.name for part in parts for each in part.applied if each.by == by})
        if names:
            fact = f"{shortened(names)}: labelled by {by}, which is gone: nobody writes it back"
            yield f"{fact}. Take its labels off: {_take_off(by, names)}"


def not_known(parts: Iterable[Uncovered], by: Applier, why: str) -> str:
    """Returns what is said where it could not be read whether this object of Flux's is there."""
    names = sorted({each.name for part in parts for each in part.applied if each.by == by})
    fact = f"whether {by} is there could not be read ({why})"
    return f"{fact}. Where it is gone: take its labels off: {_take_off(by, names)}"


def _take_off(by: Applier, names: Iterable[str]) -> str:
    group = next(group for kind, group, _ in BY_FLUX if kind == by.kind)
    places: dict[str, list[str]] = {}
    for name in names:
        kind, _, where = name.partition(" ")
        namespace, _, own = where.partition("/")
        places.setdefault(namespace, []).append(f"{kind.lower()}/{own}")
    lines = (f"kubectl -n {ns} label {' '.join(own)} {group}/name- {group}/namespace-" for ns, own in places.items())
    return " && ".join(lines)


def _sentence(application: Application, applied: list[Applied], part: Uncovered) -> str:
    tools = dict.fromkeys(each.by for each in applied)
    who = shortened([str(each) for each in tools])
    names = shortened([each.name for each in applied])
    fact = f"{names}: applied by {who}, and the file has no spec.git.{part.lacking}"
    return (
        f"{fact}: what flipgate writes there is written back. {_mend(application, applied, part.keys)} (docs/gitops.md)"
    )


def _mend(application: Application, applied: list[Applied], keys: str) -> str:
    """The section to write, with the names that are known."""
    if not any(each.by.kind != "HelmRelease" for each in applied):
        return (
            "flipgate commits to kustomizations, and to no chart's values: keep them in overlays, out of HelmReleases"
        )
    flux = {each.of: each.by for each in applied if each.by.kind == KUSTOMIZATION}
    named = ", ".join(f"{of}: {{namespace: {by.namespace}, name: {by.name}}}" for of, by in sorted(flux.items()))
    parts = [keys, f"flux: {{{named}}}" if named else ""]
    if application.spec.git is None:
        section = f"`git: {{repository: URL, branch: main, {', '.join(filter(None, parts))}}}` under spec"
    else:
        section = f"`{', '.join(filter(None, parts))}` under spec.git"
    if application.spec.git and application.spec.git.request and "overlays" in keys:
        section += " (images are pushed to the branch itself, beside the request for routes)"
    argo = any(each.by.tool == ARGO_CD for each in applied)
    return f"Write {section}{', and tell Argo CD once which fields to leave' if argo else ''}"
