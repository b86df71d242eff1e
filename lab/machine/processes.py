"""Which process is meant: a process id is given again to others, together with its start time it is not."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Identity:
    """One process of this boot: its id, and its start in clock ticks since boot."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """Who runs under this id now; None if nobody does, or only a zombie."""
        fields = _stat(pid)
        if fields is None or fields[0] in ("Z", "X"):
            return None
        return cls(pid, int(fields[19]), boot_id())

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Identity.of(self.pid) == self

    def kill(self, signal_number: int = signal.SIGKILL) -> bool:
        """Send a signal to this very process and to no other; False if it is gone."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except (ProcessLookupError, PermissionError):
            return False
        try:  # looked at after the process is held, so that the id can't change hands in between
            if not self.alive():
                return False
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal_number)
            return True
        finally:
            os.close(descriptor)

    def wait(self, seconds: float) -> bool:
        """Wait until the process is gone; False if it still runs after so many seconds."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def children(pid: int) -> tuple[Identity, ...]:
    """The processes that this one started and that still run."""
    try:
        ids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return ()
    found = [Identity.of(int(child)) for child in ids]
    return tuple(child for child in found if child is not None)


def boot_id() -> str:
    """A name for the time since this machine was started: start times count from there."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
