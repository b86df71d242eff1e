"""What every intent is: a value, with a form in which the record keeps it; and that form in words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

LEFT_OUT: Final = "leftOut"


class Intent(ABC):
    """What one step is about to do."""

    step: ClassVar[str]

    @abstractmethod
    def written(self) -> dict[str, Any]:
        """Returns the form in which it is stored."""

    @classmethod
    @abstractmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Reads the stored form. Raises KeyError or ValueError where that lacks what the step needs to know."""

    @classmethod
    def find(cls, stored: Mapping[str, Any]) -> Self | None:
        """Reads the stored form for who only looks: None where it lacks that."""
        try:
            return cls.read(stored)
        except (KeyError, ValueError):
            return None


def in_words(stored: Mapping[str, Any]) -> str:
    """Returns what is stored in few words, for people: `to green, from blue`. Counts and images are left out."""
    return ", ".join(f"{key} {value}" for key, value in stored.items() if isinstance(value, str))


def without_counts(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what is stored without images and counts, for an entry that has ended; it says what was left out."""
    long = [key for key, value in stored.items() if isinstance(value, Mapping)]
    kept = {key: value for key, value in stored.items() if key not in long}
    return {**kept, LEFT_OUT: ", ".join(long)} if long else kept


def side_of(stored: Mapping[str, Any]) -> str:
    """Returns the side that a step works on; empty for one that works on both."""
    return str(stored.get("side", ""))


def mapping(value: Any) -> Mapping[str, Any]:
    """Returns what was stored as a mapping; an empty one where it is none."""
    return value if isinstance(value, Mapping) else {}
