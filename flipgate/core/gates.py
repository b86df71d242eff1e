"""Verdicts, the evidence that carries them, and how several become one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """What a gate says. UNKNOWN (no answer, no data) never counts as PASS."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Evidence:
    """One gate's verdict with what it rests on, as text for people: it is frozen into questions and records."""

    gate: str
    verdict: Verdict
    asked: str
    of_whom: str
    answer: str
    threshold: str


class Judged(Protocol):
    """What has a verdict: evidence as it was found, and as it was stored."""

    @property
    def verdict(self) -> str: ...


def combine(evidences: Iterable[Judged]) -> Verdict:
    """One verdict of many: any fail fails; else any unknown is unknown; no evidence at all is unknown."""
    verdicts = {evidence.verdict for evidence in evidences}
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS):
        if verdict in verdicts:
            return verdict
    return Verdict.UNKNOWN


def progress_line(evidences: Iterable[Evidence]) -> str:
    """All verdicts on one line: those that pass by name, the others with what they found."""
    seen = list(evidences)
    others = [f"{e.gate}: {e.verdict}: {e.answer}" for e in seen if e.verdict is not Verdict.PASS]
    passing = ", ".join(e.gate for e in seen if e.verdict is Verdict.PASS)
    return "; ".join([*others, *([f"pass: {passing}"] if passing else [])])
