"""The two sides of an application."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """One of the two environments. Neither is live by nature: the routes say which one is, at each moment."""

    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> Side:
        """The side across."""
        return Side.GREEN if self is Side.BLUE else Side.BLUE
