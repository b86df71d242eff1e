"""A gate that is tried: what its numbers were over a time, and what its limit would have made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Final

from flipgate.core.gates.sample import Limit, Point
from flipgate.core.values.frozen import dataclass

WIDTH: Final = 48
"""Characters of a line."""
BARS: Final = "▁▂▃▄▅▆▇█"
NO_NUMBER: Final = "·"


@dataclass(frozen=True)
class Past:
    """The numbers of one gate for one side over a time. All are None where there was none."""

    least: float | None
    median: float | None
    p95: float | None
    most: float | None
    looks: int
    """How many times were looked at."""
    failed: int
    """At so many of them the limit alone would have called the number bad."""
    missing: int
    """At so many of them there was no number."""
    line: str
    """One character for each part of the time: the worst number in it, between the least and the most."""


def past_of(points: Sequence[Point], limit: Limit, start: datetime, end: datetime, step: int) -> Past:
    """What these numbers come to; they were looked at every `step` seconds, the first and the last time included."""
    known = sorted(value for _, value in points if value is not None)
    looks = max(len(known), int((end - start).total_seconds() // step) + 1)
    failed = sum(limit.broken_by(value) for value in known)
    line = _line(points, limit, start.timestamp(), end.timestamp())
    if not known:
        return Past(None, None, None, None, looks, 0, looks, line)
    p95 = known[math.ceil(0.95 * len(known)) - 1]
    return Past(known[0], median(known), p95, known[-1], looks, failed, looks - len(known), line)


def _line(points: Sequence[Point], limit: Limit, start: float, end: float) -> str:
    parts: list[list[float]] = [[] for _ in range(WIDTH)]
    for at, value in points:
        if value is not None:
            parts[max(0, min(WIDTH - 1, int((at - start) / max(1.0, end - start) * WIDTH)))].append(value)
    worst = [(min if limit.least else max)(part) if part else None for part in parts]
    known = [value for value in worst if value is not None]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    return "".join(
        NO_NUMBER if value is None else BARS[round((value - low) / span * (len(BARS) - 1)) if span else 0]
        for value in worst
    )
