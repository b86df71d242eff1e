"""Runs a long command so that a person can see what it does, how far it is and how long it has taken."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lab.machine.progress import Progress

EVERY = 4.0  # seconds between two lines of progress


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: dict[str, str],
    log: Path,
    each_line: Callable[[str], None],
    describe: Callable[[], str],
    progress: Progress,
) -> tuple[int, str]:
    """Run `command` to its end; its code, and what it printed to stdout.

    Each line of stderr goes to the end of `log` and to `each_line`; every four seconds `progress` is told `describe()`
    and the time taken. An interruption of the caller ends the command too.
    """
    began = time.monotonic()
    with (
        log.open("a") as record,
        subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        record.write(f"$ {' '.join(str(part) for part in command)}\n")
        printed: list[str] = []
        readers = [
            threading.Thread(target=_pass_on, args=(process.stdout, printed.append), daemon=True),
            threading.Thread(target=_pass_on, args=(process.stderr, record.write, each_line), daemon=True),
        ]
        for reader in readers:
            reader.start()
        try:
            while not _ended(process, EVERY):
                progress(f"{describe()}, {duration(time.monotonic() - began)}")
        except BaseException:
            process.kill()
            raise
        for reader in readers:
            reader.join()
    return process.returncode, "".join(printed)


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    >>> duration(7.6), duration(260)
    ('8 s', '4 min 20 s')
    """
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def _ended(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _pass_on(lines: Iterable[str], *takers: Callable[[str], object]) -> None:
    for line in lines:
        for take in takers:
            take(line)
