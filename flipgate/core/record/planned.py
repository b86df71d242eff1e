"""What a yes would do, and what would take it back: parts of lines, which are kept with the question as people saw
them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from flipgate.core.record.release import FrozenEvidence
from flipgate.core.values.base import Model
from flipgate.core.values.stored import Name, Sentence
from flipgate.core.values.text import SENTENCE_BYTES, fitted
from flipgate.core.values.verdicts import Verdict

LINES_KEPT: Final = 40
"""Of one part."""
PLAN: Final = "plan: "
"""What a row of evidence begins with that keeps a part of it with a decision."""


class Part(Model):
    """One part of the plan: what it is of, and its lines."""

    of: Name
    lines: tuple[Sentence, ...]

    @property
    def short(self) -> str:
        """Its first line, and how many there are beside it."""
        return first_of(self.lines)


def first_of(lines: Sequence[str]) -> str:
    """The first of these lines, and how many there are beside it."""
    return f"{lines[0]} (and {len(lines) - 1} more)" if len(lines) > 1 else lines[0]


def parts(found: Iterable[tuple[str, Sequence[str], str]]) -> tuple[Part, ...]:
    """Returns the parts that say something. Each is given with what shows all of it, for the line that counts what is
    left out."""
    return tuple(Part(of=of, lines=tuple(_cut(lines, whole))) for of, lines, whole in found if lines)


def _cut(lines: Sequence[str], whole: str) -> Iterator[str]:
    if len(lines) <= LINES_KEPT:
        yield from lines
        return
    yield from lines[: LINES_KEPT - 1]
    yield f"{len(lines) - LINES_KEPT + 1} more: {whole}"


def lines_of(plan: Iterable[Part], of: str) -> tuple[str, ...]:
    """The lines of one part; none where there is no such part."""
    return next((part.lines for part in plan if part.of == of), ())


def as_evidence(plan: Iterable[Part]) -> tuple[FrozenEvidence, ...]:
    """The plan as it is kept with a decision: a row for each part. It decides nothing."""
    return tuple(
        FrozenEvidence(
            gate=f"{PLAN}{part.of}", verdict=Verdict.INFO, detail=fitted("; ".join(part.lines), SENTENCE_BYTES)
        )
        for part in plan
    )
