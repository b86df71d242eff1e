"""What an API server has answered, remembered for a moment: for who looks at the same objects again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Key = tuple[str, tuple[tuple[str, str], ...]]


class Memory:
    """Answers to reads, each kept `seconds` by this clock, and all forgotten with the next write.

    It serves to find out that there is nothing to do. Whoever finds something looks anew at all that was asked through
    it before they act, decide or tell: nothing is remembered while it is `paused`.
    """

    def __init__(self, monotonic: Callable[[], float], seconds: float) -> None:
        self._monotonic, self._seconds = monotonic, seconds
        self._answers: dict[Key, tuple[float, dict[str, Any]]] = {}
        self._paused = 0

    def answer(self, path: str, query: Mapping[str, str], ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What was answered before, else what is answered now. Raises what `ask` raises."""
        if self._paused:
            return ask()
        key, now = (path, tuple(sorted(query.items()))), self._monotonic()
        at, known = self._answers.get(key, (0.0, None))
        if known is None or now - at >= self._seconds:
            known = ask()
            self._answers[key] = (now, known)
        return known

    def forget(self) -> None:
        """Something was written, or is about to be."""
        self._answers.clear()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is remembered while the block acts, and nothing of before it afterwards."""
        self._paused += 1
        try:
            yield
        finally:
            self._paused -= 1
            self.forget()
