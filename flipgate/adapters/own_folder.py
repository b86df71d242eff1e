"""A folder for as long as this process needs it; what a process that was killed has left is removed by the next one."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

NEW_SECONDS: Final = 60.0
"""How old a folder is that its owner has locked, or nobody will."""


@contextmanager
def own_folder(prefix: str) -> Iterator[Path]:
    """A new folder that only this user may read, gone with the block. First those of the same prefix go whose owner is
    dead: a lock (flock(2)) ends with the process that holds it, in whatever way. Raises OSError where there is no room.
    """
    _remove_left(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix) as name, ExitStack() as held:
        with suppress(OSError):  # where folders cannot be locked, nobody takes this one for a dead one's
            held.enter_context(_locked(Path(name)))
        yield Path(name)


def _remove_left(prefix: str) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):  # its owner lives, or it is gone
            found = folder.lstat()
            if found.st_uid == os.geteuid() and time.time() - found.st_mtime > NEW_SECONDS:
                with _locked(folder):
                    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    found = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(found)
