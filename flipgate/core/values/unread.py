"""In the place of a value that could not be read."""

from __future__ import annotations

from flipgate.core.values.frozen import dataclass


@dataclass(frozen=True)
class Unread:
    """What could not be read, and why, in a sentence."""

    why: str
