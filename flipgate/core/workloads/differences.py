"""What would be different with the new side's pods beside their images: live and dark pod templates, path by path; and
what of it needs a word in the application's file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from flipgate.core.spec.application import Application
from flipgate.core.spec.service import Service
from flipgate.core.values.foreign import printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.template import Leaf, said_by, settings_said
from flipgate.core.workloads.view import SideState, Workload

LINES_KEPT: Final = 500
"""Differences that a question keeps; the others are counted."""
REFUSED_SHOWN: Final = 20
"""Of them in a refusal."""
LINE_SHOWN: Final = 300
"""Characters of one difference."""
VALUE_SHOWN: Final = 60
"""Characters of one value; where two begin alike, of each from a little before they part."""
BEFORE_SHOWN: Final = 12
"""Characters before that."""
ROW_SHOWN: Final = 1_500
"""Characters of differences in one row of evidence; there are as many rows as it takes."""
LOADS_CODE: Final = re.compile(
    r"env (LD_|DYLD_|PYTHON|PERL5|RUBY|GIT_|CORECLR_|COR_|DOTNET_|\w*(OPTIONS|OPTS|PRELOAD|_PROXY|_HOOKS)$"
    r"|(PATH|ENV|BASH_ENV|CLASSPATH|PHP_INI_SCAN_DIR|GCONV_PATH)$)",
    re.IGNORECASE,
)
"""Variables by which a program is made to run other code, or to speak to somebody else: shown before others."""
PROBED: Final = re.compile(r"(?P<parent>.*(?:[a-z]+Probe|lifecycle\.[a-zA-Z]+))\.(?:.*\.)?(?P<key>[a-zA-Z]+)")
PROBE_DEFAULTS: Final = MappingProxyType(
    {"timeoutSeconds": "1", "periodSeconds": "10", "successThreshold": "1", "failureThreshold": "3", "scheme": '"HTTP"'}
)
"""What the API server adds to each probe or hook, as JSON: of a new one it says nothing."""
DIFFERS: Final = "differs: "
"""What a row of evidence begins with that shows them, before the service's name."""
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
            names = [printable(leaf.text, VALUE_SHOWN) for path, leaf in after.items() if path.endswith("]")]
            found[service.name] = (Difference(new.kind, None, "; ".join(names)),)
            continue
        same = _same(said_by(old, service, None), said_by(new, service, None))
        found[service.name] = _compared(said_by(old, service, live), after, same)
    same = _same(settings_said(settings, None), settings_said(dark_settings, None))
    found[CONFIGURATION] = _compared(settings_said(settings, live), settings_said(dark_settings, dark), same)
    return {name: each for name, each in found.items() if each}


def differing_lines(found: Differences, longest: int = LINES_KEPT) -> list[str]:
    """Returns a line for each difference, those by which pods get more power or other code before others; of very many
    how many more there are."""
    told = [(name, each) for name, differs in found.items() for each in differs]
    if len(told) > longest:
        told.sort(key=lambda one: _danger(one[1]))
    lines = [_line(f"{name}: {each}") for name, each in told[:longest]]
    more = len(told) - longest
    return [*lines, f"{more} more differences: compare the workloads of both sides by kubectl"] if more > 0 else lines


def _line(text: str) -> str:
    return printable(text, LINE_SHOWN)


def counted(found: Differences) -> str:
    """Returns how many there are, as a sentence; empty where there are none."""
    total = sum(map(len, found.values()))
    if not total:
        return ""
    return f"Beside images, {total} difference{'s' if total > 1 else ''} from what is live: {', '.join(found)}."


def evidence_of(found: Differences) -> list[Evidence]:
    """Returns what a person is shown of it, and what the history keeps: it decides nothing. All of it, in as many rows
    of a service as it takes."""
    whom, asked = "Kubernetes", "pod templates and ConfigMaps of both sides"
    return [
        Evidence(f"{DIFFERS}{name}", Verdict.INFO, asked, whom, row, "")
        for name, each in found.items()
        for row in _rows(each)
    ]


def _rows(found: Sequence[Difference]) -> Iterator[str]:
    row = ""
    for line in (_line(str(each)) for each in found[:LINES_KEPT]):
        if row and len(row) + len(line) > ROW_SHOWN:
            yield row
            row = ""
        row = f"{row}; {line}" if row else line
    more = len(found) - LINES_KEPT
    yield f"{row}; and {more} more" if more > 0 else row


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
    shown = "; ".join(differing_lines(refused, REFUSED_SHOWN))
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
        Difference(path, *_texts(was, now), _power(was, now))
        for path in (before.keys() | after.keys()) - same
        if ((was := before.get(path)) and was.value) != ((now := after.get(path)) and now.value)
        and _counts(was, now, before, after)
        and not _added(path, was, now, before, after)
    ]
    return tuple(sorted(found, key=lambda each: (_danger(each), each.path)))


def _danger(difference: Difference) -> int:
    return 0 if difference.power else 1 if LOADS_CODE.search(difference.path) else 2


def _texts(was: Leaf | None, now: Leaf | None) -> tuple[str | None, str | None]:
    """Both values as they are shown: cut, from where they part if they begin alike."""
    if was is None or now is None:
        return (printable(was.text, VALUE_SHOWN) if was else None, printable(now.text, VALUE_SHOWN) if now else None)
    pairs = enumerate(zip(was.text, now.text, strict=False))
    alike = next((at for at, (a, b) in pairs if a != b), min(len(was.text), len(now.text)))
    start = alike - BEFORE_SHOWN if alike > VALUE_SHOWN // 2 and max(len(was.text), len(now.text)) > VALUE_SHOWN else 0
    before = "..." if start else ""
    one, other = (f"{before}{printable(leaf.text[start:], VALUE_SHOWN)}" for leaf in (was, now))
    return one, other


def _counts(was: Leaf | None, now: Leaf | None, before: Mapping[str, Leaf], after: Mapping[str, Leaf]) -> bool:
    """Of a container that one side alone has, the whole is one difference, and what a new one may do. Of a probe or a
    hook that one side alone has, what the API server adds is none."""
    if now and not was and now.within and now.within not in before:
        return now.power in WITHIN_NEW
    return not (was and not now and was.within and was.within not in after)


def _added(
    path: str, was: Leaf | None, now: Leaf | None, before: Mapping[str, Leaf], after: Mapping[str, Leaf]
) -> bool:
    said, without = (now, before) if was is None else (was, after)
    found = PROBED.fullmatch(path)
    if found is None or said is None or (was and now) or PROBE_DEFAULTS.get(found["key"]) != said.value:
        return False
    return not any(each.startswith(f"{found['parent']}.") for each in without)


def _power(was: Leaf | None, now: Leaf | None) -> str:
    if now is None:
        return was.power if was and was.power not in LESS_IS_FINE else ""
    return now.power if was is None or (was.core or was.value) != (now.core or now.value) else ""
