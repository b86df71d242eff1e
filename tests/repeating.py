"""Somebody beside the test, who does the same thing again and again, or after each write; and waiting for a thing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

from flipgate.adapters.connection import Connection

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


@contextmanager
def following(deed: Callable[[str, dict[str, Any]], object]) -> Iterator[None]:
    """Does this after each write of anybody here, to its path and what became of the object, while the block runs."""
    send = Connection.json

    def json(self: Connection, method: str, path: str, **more: Any) -> dict[str, Any]:
        made = send(self, method, path, **more)
        if method in ("POST", "PUT", "PATCH"):
            deed(path, made)
        return made

    with patch.object(Connection, "json", json):
        yield


def until(done: Callable[[], object], *, why: str, seconds: float = 30.0) -> None:
    """Waits until it is so. Raises AssertionError that says why it should have been."""
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, why
        time.sleep(0.02)
