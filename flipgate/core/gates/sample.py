"""What a look finds for a gate: a number, or why there is none."""

from __future__ import annotations

from typing import NamedTuple

from flipgate.core.values.frozen import dataclass
from flipgate.core.values.text import cut

Point = tuple[float, float | None]
"""A time (seconds since 1970) and what was measured then."""
_LONGEST_REASON = 160


@dataclass(frozen=True)
class GateSample:
    """What one look found for one gate."""

    at: float
    """Seconds on the caller's clock."""
    value: float | None
    """None: no number, and `why` says why."""
    why: str = ""
    at_least: bool = False
    """The count was cut short."""
    old: float | None = None
    """The old side's number; None with `old_why`."""
    old_why: str = ""
    old_of: str = ""
    """What that number is of, where it is not the old side's last hour."""
    beside: str = ""
    """What is shown and not counted."""
    of: str = ""
    """How the number belongs to the side, where the gate itself does not say it."""
    lacking: bool = False
    """The number is over less than all there is, and `why` says what is missing."""
    worded: bool = False
    """The answer is in words, which `beside` holds: `value` only counts what is wrong with it."""


class Limit(NamedTuple):
    """The largest number that is good; with `least` the smallest."""

    value: float
    least: bool = False

    @property
    def word(self) -> str:
        return "at least" if self.least else "at most"

    def __str__(self) -> str:
        return f"{self.word} {self.value:.6g}"

    def broken_by(self, number: float) -> bool:
        """Whether this number is a bad one. The limit itself is good."""
        return number < self.value if self.least else number > self.value


def cut_reason(text: str) -> str:
    """A reason as it is shown: on one line, and short."""
    return cut(" ".join(text.split()), _LONGEST_REASON)
