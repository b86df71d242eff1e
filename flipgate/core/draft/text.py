"""Writes a draft as the application's file: YAML with comments, and CHOOSE where a person has to."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from flipgate.core.draft.found import Found, Seen
from flipgate.core.draft.services import DraftService, called_alike, draft_services, left_out, only_dark
from flipgate.core.draft.traffic import DraftTraffic, draft_traffic
from flipgate.core.spec.policy import Policy
from flipgate.core.values.foreign import printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side

CHOOSE: Final = "CHOOSE: "
"""Begins each comment about what a person has to decide."""
WIDTH: Final = 118
_PLAIN: Final = re.compile(r"[A-Za-z/][-A-Za-z0-9_./]*")
_WORDS: Final = re.compile(r"y|n|yes|no|on|off|true|false|null", re.IGNORECASE)
_APP: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")
PART_OF: Final = "app.kubernetes.io/part-of"
POLICY: Final[Mapping[str, str]] = {
    "readyTimeoutSeconds": "how long the dark side may take to get Ready",
    "bakeSeconds": "watched right after the flip",
    "bakeIntervalSeconds": "",
    "maxErrorRatio": "more errors than that, and everybody goes back",
    "soakSeconds": "the old side stays up for a day: the way back",
    "approvalExpiresSeconds": "no answer until then means no",
    "restReplicas": "pods that each service keeps on the side at rest",
    "workers": "old workers stop before new ones start; new-first: the other way round",
    "jobsTimeoutSeconds": "a running Job of the old side is waited for, and never stopped",
    "keepFailedSeconds": "a side that failed stays up so long for a look",
}
"""What stands beside each key of the policy that a draft writes down; each has its default."""


@dataclass(frozen=True)
class Draft:
    """A first application file. `live` is the side that the routes name, None where they name no one side."""

    name: str
    text: str
    live: Side | None
    choices: int
    """How many places have a person decide."""


def draft_file(found: Found, schema: str, seen: Seen | None = None) -> Draft:
    """Drafts the file; `schema` is where an editor finds its JSON Schema."""
    name = found.name or guess_name(found)
    traffic = draft_traffic(found, name, seen)
    reference = traffic.live or max(Side, key=lambda side: found.sides[side].pods)
    services = draft_services(found, reference, traffic.served)
    lines = [
        f"# yaml-language-server: $schema={schema}",
        *_head(found),
        "apiVersion: flipgate.dev/v1",
        "kind: Application",
        "metadata:",
        f"  name: {quoted(name)}",
        "spec:",
        "  sides:",
        *_sides(found),
        "",
        *_routes(found, traffic),
        "",
        *_traffic(traffic),
        "",
        *_services(found, reference, services),
        "",
        *_checks(services),
        "",
        *_policy(),
    ]
    text = "\n".join(lines) + "\n"
    return Draft(name, text, traffic.live, text.count(f"# {CHOOSE}"))


def guess_name(found: Found) -> str:
    """The label `part-of` that all workloads share, else what the namespaces' names begin with."""
    objects = [obj for side in found.sides.values() for named in side.workloads.values() for obj in named.values()]
    labels = {(obj["metadata"].get("labels") or {}).get(PART_OF) for obj in objects}
    blue, green = (found.places[side].namespace for side in Side)
    common = next((n for n in range(min(len(blue), len(green))) if blue[n] != green[n]), min(len(blue), len(green)))
    guesses = (*(labels if len(labels) == 1 else ()), blue[:common].strip("-"), blue.removesuffix("-blue")[:40])
    return next((each for each in guesses if each and _APP.fullmatch(each)), "app")


def quoted(value: Any) -> str:
    """A value of the file in YAML that every parser reads alike, within braces, too."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and not _WORDS.fullmatch(value):
        return value
    return json.dumps(value)


def inline(keys: Mapping[str, Any]) -> str:
    """A mapping on one line."""
    parts = (f"{key}: {inline(each) if isinstance(each, Mapping) else quoted(each)}" for key, each in keys.items())
    return f"{{{', '.join(parts)}}}"


def _head(found: Found) -> Iterator[str]:
    yield from _said(
        0,
        "Drafted from what runs. It says CHOOSE where a person has to. `flipgate check -f FILE` names what is still "
        "wrong; docs/your-application.md goes on from here.",
    )
    for each in found.unlooked:
        yield from _said(0, f"Left out, perhaps: {each}.")
    yield ""


def _sides(found: Found) -> Iterator[str]:
    for side, its in found.sides.items():
        if not its.exists:
            yield from _said(4, f"{CHOOSE}namespace {its.place.namespace} does not exist yet.")
        yield f"    {side}:"
        yield f"      namespace: {quoted(its.place.namespace)}"


def _routes(found: Found, traffic: DraftTraffic) -> Iterator[str]:
    now = f" Now: {traffic.live}." if traffic.live else ""
    yield from _said(2, f"Which side is live is not written here: the routes say it.{now}")
    yield from _choice(2, traffic.choices.get("routes"))
    yield "  routes:"
    for each in traffic.routes:
        if each.remark:
            yield from _said(4, each.remark)
        yield f"    - {inline(_named(each.name))}"
    if traffic.unmovable:
        yield ""
        yield from _said(
            2,
            f"{CHOOSE}these lead to a side, too, and no move changes them. `check` names each, until it is gone, leads "
            "to a route above, or is declared to stay: then its users stay where it leads, also when that side goes to "
            "rest.",
        )
        yield "  # routesThatStay:"
        for each in traffic.unmovable:
            yield f"  #   - {inline(_named(each.name))} # {each.remark}"


def _named(name: Any) -> dict[str, str]:
    return {"kind": name.kind, "namespace": name.namespace, "name": name.name}


def _traffic(traffic: DraftTraffic) -> Iterator[str]:
    yield from _said(
        2,
        "How flipgate sees for itself which side answers users: this request, sent through each of Traefik's pods.",
    )
    yield "  traffic:"
    for key in (*(each for each in traffic.keys if each != "traefik"), "traefik"):
        yield from _choice(4, traffic.choices.get(key))
        if remark := traffic.remarks.get(key):
            yield from _said(4, remark)
        if key in traffic.keys:
            value = traffic.keys[key]
            yield f"    {key}: {inline(value) if isinstance(value, Mapping) else quoted(value)}"


def _services(found: Found, live: Side, services: Iterable[DraftService]) -> Iterator[str]:
    yield from _said(2, f"Counts and images as on {live} now.")
    dark = found.sides[live.other]
    if dark.empty:
        yield from _said(2, f"{CHOOSE}{dark.place.namespace} has none of these yet: make the second side first.")
    for sentence in called_alike(found, live):
        yield from _choice(2, sentence)
    for sentence in (*only_dark(found, live), *left_out(found)):
        yield from _said(2, sentence)
    yield "  services:"
    for each in services:
        for choice in each.choices:
            yield from _choice(4, choice)
        for remark in each.remarks:
            yield from _said(4, remark)
        yield f"    - {inline(each.keys)}"


def _checks(services: Iterable[DraftService]) -> Iterator[str]:
    checks = [each.check for each in services if each.check]
    yield from _said(2, "Asked of the dark side before a person is asked: as the readinessProbes ask.")
    for each in services:
        if each.no_check:
            yield from _said(2, each.no_check)
    if not checks:
        yield from _choice(2, "nothing is asked of the dark side beyond its pods being Ready. What should be?")
        yield "  checks: []"
        return
    yield "  checks:"
    for check in _once(checks):
        yield f"    - {inline(check)}"


def _once(checks: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Each with a name of its own."""
    used = set[str]()
    for check in checks:
        name, number = str(check["name"]), 2
        while name in used:
            name, number = f"{str(check['name'])[:37]}-{number}", number + 1
        used.add(name)
        yield {**check, "name": name}


def _policy() -> Iterator[str]:
    usual = Policy().model_dump(by_alias=True)
    yield "  policy:"
    for key, remark in POLICY.items():
        yield f"    {key}: {quoted(usual[key])}{f' # {remark}' if remark else ''}"


def _choice(indent: int, choice: str | None) -> Iterator[str]:
    if choice:
        yield from _said(indent, f"{CHOOSE}{choice}")


def _said(indent: int, sentence: str) -> Iterator[str]:
    """A comment, on as many lines as it needs. What others named neither ends it early nor makes it unreadable."""
    text = printable(" ".join(sentence.split()), len(sentence))
    for line in textwrap.wrap(text, WIDTH - indent, break_long_words=False, break_on_hyphens=False):
        yield f"{' ' * indent}# {line}"
