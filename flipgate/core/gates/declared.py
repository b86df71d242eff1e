"""Judges a declared gate from what was measured at each look."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.points import THE_FLIP
from flipgate.core.gates.sample import GateSample
from flipgate.core.values.verdicts import Evidence, Verdict

STALE_SECONDS = 10.0
"""A number that is older than this says nothing about now."""
BELONGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "namespace": "of {namespace} by namespace",
        "target": "of {namespace} by Traefik's target",
        "old": "of the old side by namespace",
        "pods": "in {namespace}'s pods since {since}",
        "time": "of either side by time since {since}",
        "release": "of the release",
        "": "not known of whom yet",
    }
)
"""How a number belongs to the side: never left to be guessed."""


def word_for(gates: Iterable[Gate]) -> str:
    """Returns one word for what these gates are, by all their keys; empty without any."""
    keys = [gate.model_dump(mode="json", by_alias=True, exclude_defaults=True) for gate in gates]
    return sha256(json.dumps(keys, sort_keys=True).encode()).hexdigest()[:16] if keys else ""


def judge(gate: Gate, samples: Sequence[GateSample], now: float, namespace: str, since: str = THE_FLIP) -> Evidence:
    """Returns the verdict so far, for the side in this namespace, of what was counted since then.

    Fail: the last `failures` looks that had a number found it bad. Unknown: none had one, or none lately, or the last
    one was bad and it takes more to fail. Looks without a number neither pass nor fail; they are counted apart.
    """
    kind = gate.kind
    verdicts = [kind.verdict(gate, sample) for sample in samples]
    known = [
        (sample, verdict) for sample, verdict in zip(samples, verdicts, strict=True) if verdict is not Verdict.UNKNOWN
    ]
    failures = 1 if kind.in_words else gate.failures
    tail = [verdict for _, verdict in known[-failures:]]
    if len(tail) == failures and set(tail) == {Verdict.FAIL}:
        verdict = Verdict.FAIL
    elif not known or now - known[-1][0].at >= STALE_SECONDS or tail[-1] is Verdict.FAIL:
        verdict = Verdict.UNKNOWN
    else:
        verdict = Verdict.PASS
    shown = known[-1][0] if known else samples[-1] if samples else GateSample(now, None, "not asked yet")
    belongs = _belongs(shown.of or kind.of(gate), namespace, since)
    answer = f"{number_of(shown)} {belongs}; {_counted(samples, verdicts)}"
    if kind.in_words:
        answer = number_of(shown)
    threshold = kind.threshold(gate, shown)
    return Evidence(gate.name, verdict, kind.asked(gate), f"{kind.whom}, {belongs}", answer, threshold)


def _belongs(how: str, namespace: str, since: str) -> str:
    """Away from the bake it is always said since when: there it is the flip."""
    also = f" since {since}" if since != THE_FLIP and "{since}" not in BELONGS[how] else ""
    return BELONGS[how].format(namespace=namespace, since=since) + also


def number_of(sample: GateSample) -> str:
    """A look's number, or its answer in words, as it is shown; or why there is none."""
    if sample.value is None:
        return f"no {'answer' if sample.worded else 'number'} ({sample.why})"
    if sample.worded:
        return sample.beside
    text = f"{'at least ' if sample.at_least else ''}{sample.value:.4g}"
    return f"{text} ({sample.beside})" if sample.beside else text


def _counted(samples: Sequence[GateSample], verdicts: Sequence[Verdict]) -> str:
    failed, unknown = verdicts.count(Verdict.FAIL), verdicts.count(Verdict.UNKNOWN)
    text = f"{failed} of {len(verdicts)} looks bad"
    if unknown:
        why = next((s for s, v in zip(reversed(samples), reversed(verdicts), strict=True) if v is Verdict.UNKNOWN))
        reason = why.why or ("not all was read" if why.at_least else f"old side: {why.old_why}")
        text += f", {unknown} unknown" + ("" if len(verdicts) == unknown and why.value is None else f" ({reason})")
    return text
