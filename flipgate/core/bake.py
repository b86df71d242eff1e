"""Judging the time right after a flip: is the new side Ready, and does it answer users without errors?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flipgate.core.gates import Evidence, Verdict


@dataclass(frozen=True)
class Sample:
    """One look during the bake. `short` names services with fewer Ready pods than wanted, as `name ready/wanted`;
    None means the side could not be read. `asked`, `failed` and `silent` count our own probes through Traefik:
    answers with 5xx are failed, no answer at all is silent."""

    seconds: float
    short: tuple[str, ...] | None
    asked: int
    failed: int
    silent: int


LEAST_FAILED = 3
"""A ratio over few answers says little: fewer failed answers than this never fail a bake by themselves."""

SHORT_IN_A_ROW = 2
"""Looks in a row that must find pods missing: one may fall into a pod's replacement."""


def judge_bake(samples: Sequence[Sample], *, max_error_ratio: float) -> tuple[Evidence, ...]:
    """The verdicts so far. No answers at all is unknown, never pass."""
    return (_readiness(samples), _errors(samples, max_error_ratio))


def _readiness(samples: Sequence[Sample]) -> Evidence:
    seen = [sample for sample in samples if sample.short is not None]
    tail = seen[-SHORT_IN_A_ROW:]
    blind = len(samples) >= SHORT_IN_A_ROW and all(sample.short is None for sample in samples[-SHORT_IN_A_ROW:])
    if not seen:
        verdict, answer = Verdict.UNKNOWN, f"the side could not be read in {len(samples)} looks"
    elif len(tail) == SHORT_IN_A_ROW and all(sample.short for sample in tail):
        verdict, answer = Verdict.FAIL, f"not Ready: {', '.join(tail[-1].short or ())}"
    elif blind:
        verdict, answer = Verdict.UNKNOWN, f"the side could not be read in the last {SHORT_IN_A_ROW} looks"
    else:
        verdict, answer = Verdict.PASS, f"Ready in {sum(not s.short for s in seen)} of {len(seen)} looks"
    return Evidence("ready", verdict, "Ready pods of the new side", "Kubernetes", answer, "all wanted pods")


def _errors(samples: Sequence[Sample], limit: float) -> Evidence:
    asked = sum(sample.asked for sample in samples)
    failed = sum(sample.failed for sample in samples)
    silent = sum(sample.silent for sample in samples)
    answered = asked - silent
    numbers = f"{failed} of {answered} answers were 5xx" + (f", {silent} probes had no answer" if silent else "")
    if answered == 0:
        verdict, numbers = Verdict.UNKNOWN, f"none of {asked} probes was answered"
    elif failed >= LEAST_FAILED and failed / answered > limit:
        verdict = Verdict.FAIL
    elif silent > answered or (failed * 2 > answered and failed / answered > limit):
        verdict = Verdict.UNKNOWN
    else:
        verdict = Verdict.PASS
    return Evidence("errors", verdict, "5xx seen by flipgate's own probes", "Traefik", numbers, f"at most {limit:.1%}")
