"""Somebody beside the test, who does the same thing again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

PAUSE_SECONDS = 0.06
"""Between two deeds."""


@contextmanager
def repeating(deed: Callable[[], object]) -> Iterator[None]:
    """Somebody who does the same thing again and again while the block runs."""
    over = Event()

    def again() -> None:
        while not over.wait(PAUSE_SECONDS):
            deed()

    thread = Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=10)
