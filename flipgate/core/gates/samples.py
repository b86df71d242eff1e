"""Response times over several answers: what of them has to be in time, and the numbers that people are shown."""

from __future__ import annotations

import math
from collections.abc import Sequence

MOST_SAMPLES = 50
LONGEST_SECONDS = 300.0
"""What all samples of one check may take together by its own limit."""


def late_allowed(samples: int, percentile: int) -> int:
    """Returns how many of so many answers may be late: as many as leave the percentile in time. That is the least
    answer that so many per cent of all are no slower than (nearest rank)."""
    return samples - math.ceil(samples * percentile / 100)


def at_percentile(seconds: Sequence[float], percentile: int) -> float:
    """Returns the time that so many per cent of these are no slower than (nearest rank)."""
    return sorted(seconds)[max(1, math.ceil(len(seconds) * percentile / 100)) - 1]


def in_numbers(seconds: Sequence[float]) -> str:
    """Returns `20 answers: min 0.004, median 0.006, p95 0.012, max 0.020 s`."""
    from statistics import median

    least, most, middle = min(seconds), max(seconds), median(seconds)
    p95 = at_percentile(seconds, 95)
    count = f"{len(seconds)} answer{'' if len(seconds) == 1 else 's'}"
    return f"{count}: min {least:.3f}, median {middle:.3f}, p95 {p95:.3f}, max {most:.3f} s"
