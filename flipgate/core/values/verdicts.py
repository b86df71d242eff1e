"""Verdicts, the evidence that carries them, and how several become one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol, TypeVar

from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side


class Verdict(StrEnum):
    """What a gate says. UNKNOWN (no answer, no data) never counts as PASS. INFO is no verdict: it is shown to people
    beside the others, and decides nothing."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    INFO = "info"


@dataclass(frozen=True)
class Evidence:
    """One gate's verdict with what it rests on, as text for people: it is frozen into questions and records."""

    gate: str
    verdict: Verdict
    asked: str
    of_whom: str
    answer: str
    threshold: str
    output: str = ""
    """What a program wrote that was asked, as far as it is kept."""
    seconds: float | None = None
    """How long it took to find out; None where that was not measured."""
    mend: str = ""
    """What to type about it, where that is known."""


class Judged(Protocol):
    """What has a verdict: evidence as it was found, and as it was stored."""

    @property
    def verdict(self) -> str: ...


J = TypeVar("J", bound=Judged)


def combine(evidences: Iterable[Judged]) -> Verdict:
    """One verdict of many: any fail fails; else any unknown is unknown; no evidence at all is unknown."""
    verdicts = {evidence.verdict for evidence in evidences}
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS):
        if verdict in verdicts:
            return verdict
    return Verdict.UNKNOWN


def not_passed(evidences: Iterable[J]) -> list[J]:
    """What failed or is unknown."""
    return [evidence for evidence in evidences if evidence.verdict in (Verdict.FAIL, Verdict.UNKNOWN)]


def said_of(evidences: Iterable[Evidence]) -> str:
    """Verdicts with what was found and wanted, in a sentence without its end."""
    return "; ".join(f"{each.gate}: {each.verdict}: {each.answer} (wanted {each.threshold})" for each in evidences)


def informing(evidences: Iterable[Evidence]) -> list[str]:
    """What is only shown, as `what: how much`."""
    return [f"{evidence.gate}: {evidence.answer}" for evidence in evidences if evidence.verdict is Verdict.INFO]


def progress_line(evidences: Iterable[Evidence]) -> str:
    """All verdicts on one line: those that pass by name, the others with what they found."""
    seen = list(evidences)
    others = [f"{e.gate}: {e.verdict}: {e.answer}" for e in not_passed(seen)]
    passing = ", ".join(e.gate for e in seen if e.verdict is Verdict.PASS)
    return "; ".join([*others, *([f"pass: {passing}"] if passing else []), *informing(seen)])


def in_flight(side: Side, promql: str | None, value: float | None, why: str) -> Evidence:
    """What the old side is still busy with: for people, who may wait for it. It never fails anything."""
    answer = f"unknown: {why}" if value is None else f"{value:g}"
    asked = " ".join(promql.split()) if promql else "metrics.inFlight"
    whom = f"Prometheus, of {side} by namespace" if promql else "nobody"
    return Evidence(f"in flight on {side}", Verdict.INFO, asked, whom, answer, "")
