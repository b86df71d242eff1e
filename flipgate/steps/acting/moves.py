"""A move that was made: what its proof and its messages are about."""

from __future__ import annotations

from dataclasses import dataclass

from flipgate.core.traffic.moves import RoutePatch
from flipgate.core.values.sides import Side


@dataclass(frozen=True)
class Move:
    """One finished move. `at` is the monotonic time right before the first patch, `done` right after the last one was
    answered; `patches` are what was sent.

    `left` says of routes that could not be moved why: only a move back leaves any.
    """

    to: Side
    at: float
    done: float
    patches: tuple[RoutePatch, ...]
    left: tuple[str, ...] = ()
