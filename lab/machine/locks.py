"""One actor at a time, on one machine: a lock on a file, given back by the kernel however its holder ends."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab.machine.progress import Progress

PAUSE = 0.1  # seconds between two tries
REMIND = 5.0  # seconds between two lines of progress


@contextmanager
def held(path: Path, waiting_for: str, progress: Progress) -> Iterator[None]:
    """Hold the lock on `path`, waiting for it as long as it takes.

    `waiting_for` completes "waiting for ..." in the progress lines; the holder's process id is added.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, waiting_for, progress)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, waiting_for: str, progress: Progress) -> None:
    began = time.monotonic()
    told = -REMIND
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        waited = time.monotonic() - began
        if waited - told >= REMIND:
            told = waited
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "?"
            progress(f"waiting for {waiting_for} (process {holder}), {waited:.0f} s")
        time.sleep(PAUSE)
