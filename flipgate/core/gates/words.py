"""What the kinds of gate have in common that answer in words: lines of a checklist, asked before a move."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.core.gates.kinds.kind import Keys
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample


def answered(at: float, words: str, good: bool) -> GateSample:
    """An answer that is good or is not."""
    return GateSample(at, 0.0 if good else 1.0, beside=words, worded=True)


def unfit(point: GatePoint) -> str:
    """Why it cannot be asked at this point: what has to be so before a move is asked before one."""
    if point not in (GatePoint.BAKE, GatePoint.SOAK):
        return ""
    return "it is asked before a move, and not every few seconds or minutes; give it `at: flip`"


def without_failures(gate: Keys) -> Iterator[str]:
    """Says where it counts looks."""
    if gate.failures != Keys.model_fields["failures"].default:
        yield "has failures: it is answered once, in words"
