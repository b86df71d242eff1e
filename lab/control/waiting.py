"""Waits for a lab's parts, tells what it waits for, and knows a lab that has died."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import httpx

from lab.control.records import read_state
from lab.machine.errors import LabError
from lab.machine.processes import Identity
from lab.machine.progress import Progress

TICK = 0.05  # seconds between two looks
REMIND = 3.0  # seconds between two lines of progress about the same thing
TAIL = 5  # lines of a log that a message shows


class Wait:
    """Waits for one thing after the other to hold, and stops waiting when the lab is dead."""

    def __init__(self, folder: Path, keeper: Identity, tell: Progress) -> None:
        self.folder, self.keeper, self.tell = folder, keeper, tell
        self.began = time.monotonic()

    def took(self) -> float:
        """Seconds since the waiting began."""
        return time.monotonic() - self.began

    def until(self, what: str, patience: float, condition: Callable[[], bool]) -> None:
        """Wait for this.

        Raises:
            LabError: The lab died, or it took too long.
        """
        began = told = time.monotonic()
        self.tell(f"lab {self.folder.name}: waiting for {what}, {self.took():.0f} s")
        while not _holds(condition):
            now = time.monotonic()
            if not self.keeper.alive():
                raise LabError(self._death())
            if now - began > patience:
                raise LabError(f"lab {self.folder.name}: {what} was not ready within {patience:.0f} s. {self._logs()}")
            if now - told >= REMIND:
                told = now
                self.tell(f"lab {self.folder.name}: still waiting for {what}, {self.took():.0f} s")
            time.sleep(TICK)

    def _death(self) -> str:
        state = read_state(self.folder)
        reason = state.get("reason") or "its first process ended"
        log = self.folder / "logs" / f"{state.get('culprit') or 'supervisor'}.log"
        lines = log.read_text(errors="replace").splitlines()[-TAIL:] if log.exists() else []
        end = "".join(f"\n  {line}" for line in lines)
        return f"lab {self.folder.name}: {reason}. {self._logs()}{end and f'; the end of {log.name}:{end}'}"

    def _logs(self) -> str:
        return f"Its logs: {self.folder / 'logs'} (kept until the next start or `flipgate lab down`)"


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except (httpx.TransportError, ValueError):
        return False
