"""What would be different with the new side's pods beside their images: live and dark pod templates, path by path; and
what of it needs a word in the application's file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.template import Leaf, said_by, settings_said
from flipgate.core.workloads.view import SideState, Workload

LINES_SHOWN: Final = 12
"""Differences of one service that are shown; the others are counted."""
CONFIGURATION: Final = "ConfigMaps"
"""What their differences are listed under, for several services may read one: no service can be called so."""
LESS_IS_FINE: Final = frozenset({"volumes", "secrets", "host"})
"""What may be taken away from a pod: without a command or a securityContext it may do more than with."""
WITHIN_NEW: Final = frozenset({"volumes", "secrets", "host", "securityContext"})
"""What is looked at within a container that is new, too: by itself it only runs other code."""


@dataclass(frozen=True)
class Difference:
    """One path at which a dark pod template says something else than the live one."""

    path: str
    was: str | None
    """As the live one says it; None where it says nothing."""
    now: str | None
    power: str = ""
    """The word of `mayChange` that allows it; empty for ordinary configuration."""

    def __str__(self) -> str:
        if self.was is None or self.now is None:
            told = self.now or self.was
            return f"{self.path}: {'removed' if self.now is None else 'added'}{f' ({told})' if told else ''}"
        if self.was == self.now:  # by what is cut off, or not shown
            return f"{self.path}: changed ({self.now})"
        return f"{self.path}: {self.was} -> {self.now}"


Differences = Mapping[str, tuple[Difference, ...]]
"""By service, those that differ; of ConfigMaps under CONFIGURATION."""


def differences(
    application: Application,
    live: SideState,
    dark: SideState,
    settings: Mapping[str, Any],
    dark_settings: Mapping[str, Any],
) -> dict[str, tuple[Difference, ...]]:
    """Returns what the dark side's pods would have other than the live side's, and their ConfigMaps (`settings`, by
    name). Images of the release, marks of a restart, and each side's own name and namespace are left out. A service
    that the live side does not have is one difference."""
    found: dict[str, tuple[Difference, ...]] = {}
    for service in application.spec.services:
        old, new = live.workloads.get(service.name), dark.workloads[service.name]
        after = said_by(new, service, dark)
        if old is None or not old.found:
            names = [leaf.text for path, leaf in after.items() if path.endswith("]")]
            found[service.name] = (Difference(new.kind, None, "; ".join(names)),)
            continue
        same = _same(said_by(old, service, None), said_by(new, service, None))
        found[service.name] = _compared(said_by(old, service, live), after, same)
    same = _same(settings_said(settings, None), settings_said(dark_settings, None))
    found[CONFIGURATION] = _compared(settings_said(settings, live), settings_said(dark_settings, dark), same)
    return {name: each for name, each in found.items() if each}


def differing_lines(found: Differences) -> list[str]:
    """Returns a line for each difference; of a service that has many, how many more there are."""
    out = []
    for name, each in found.items():
        out += [f"{name}: {difference}" for difference in each[:LINES_SHOWN]]
        if more := len(each) - LINES_SHOWN:
            out += [f"{name}: {more} more differences"] if more > 0 else []
    return out


def counted(found: Differences) -> str:
    """Returns how many there are, as a sentence; empty where there are none."""
    total = sum(map(len, found.values()))
    if not total:
        return ""
    return f"Beside images, {total} difference{'s' if total > 1 else ''} from what is live: {', '.join(found)}."


def evidence_of(found: Differences) -> list[Evidence]:
    """Returns what a person is shown of it, and what the history keeps: it decides nothing."""
    whom, asked = "Kubernetes", "pod templates and ConfigMaps of both sides"
    return [
        Evidence(f"differs: {name}", Verdict.INFO, asked, whom, "; ".join(map(str, each[:LINES_SHOWN])), "")
        for name, each in found.items()
    ]


def undeclared(application: Application, found: Differences) -> dict[str, tuple[Difference, ...]]:
    """Returns those by which pods would get more power, or other code, and that the file does not allow (`mayChange`),
    by service."""
    out = {}
    for service in application.spec.services:
        refused = [each for each in found.get(service.name, ()) if each.power and each.power not in service.may_change]
        if refused:
            out[service.name] = tuple(refused)
    return out


def not_said(
    workload: Workload, service: Service, side: SideState, said: Workload | None, found: Iterable[Difference]
) -> tuple[Difference, ...]:
    """Returns those of these differences of a side's workload that its overlay (`said`: as it renders) does not say."""
    runs = said_by(workload, service, side)
    git = said_by(said, service, side) if said else {}

    def same(path: str) -> bool:
        return (runs[path].value if path in runs else None) == (git[path].value if path in git else None)

    def code_of(container: str) -> Iterable[str]:
        parts = runs.keys() | git.keys()
        return [p for p in parts if p.startswith(f"{container}.") and (runs.get(p) or git[p]).power]

    return tuple(each for each in found if not all(map(same, [each.path, *code_of(each.path)])))


def refusal(refused: Differences) -> str:
    """Says what keeps users from being sent to such pods, and what to write in the application's file to allow it."""
    shown = "; ".join(differing_lines(refused))
    words = {name: sorted({each.power for each in found}) for name, found in refused.items()}
    allowed = ", ".join(f"`mayChange: [{', '.join(each)}]` for {name}" for name, each in words.items())
    return f"may do more, or runs other code, than what is live: {shown}. To allow it, declare {allowed}"


def _same(before: Mapping[str, Leaf], after: Mapping[str, Leaf]) -> frozenset[str]:
    """The paths at which both say the very same: a word that is one side's own may be anything else as well, such as a
    part of an image's name."""
    return frozenset(path for path, leaf in before.items() if path in after and leaf.value == after[path].value)


def _compared(before: Mapping[str, Leaf], after: Mapping[str, Leaf], same: frozenset[str]) -> tuple[Difference, ...]:
    """What gives power comes first: it is shown however much else there is."""
    found = [
        Difference(path, was.text if was else None, now.text if now else None, _power(was, now))
        for path in (before.keys() | after.keys()) - same
        if ((was := before.get(path)) and was.value) != ((now := after.get(path)) and now.value)
        and _counts(was, now, before, after)
    ]
    return tuple(sorted(found, key=lambda each: (not each.power, each.path)))


def _counts(was: Leaf | None, now: Leaf | None, before: Mapping[str, Leaf], after: Mapping[str, Leaf]) -> bool:
    """Of a container that one side alone has, the whole is one difference, and what a new one may do."""
    if now and not was and now.within and now.within not in before:
        return now.power in WITHIN_NEW
    return not (was and not now and was.within and was.within not in after)


def _power(was: Leaf | None, now: Leaf | None) -> str:
    if now is None:
        return was.power if was and was.power not in LESS_IS_FINE else ""
    return now.power if was is None or (was.core or was.value) != (now.core or now.value) else ""
