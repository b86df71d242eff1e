"""A move that was made, as its proof and its messages need it."""

from __future__ import annotations

from flipgate.core.traffic.moves import RoutePatch
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side


@dataclass(frozen=True)
class Move:
    """One finished move.

    `left` says of routes that could not be moved why: only a move back leaves any.
    """

    to: Side
    at: float
    """The monotonic time right before the first patch."""
    done: float
    """The monotonic time right after the last answer."""
    patches: tuple[RoutePatch, ...]
    """What was sent."""
    left: tuple[str, ...] = ()
