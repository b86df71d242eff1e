"""Runs programs, each bounded in time, and gone with all that it started: one of the operator's for a check, bounded in
output too; git and kustomize."""

from __future__ import annotations

import os
import selectors
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any

from flipgate.core.gates.command_check import HALF_BYTES, Ended, NotStarted, Output
from flipgate.core.spec.program import FOLDER_VARIABLE
from flipgate.core.values.yaml_text import RENDERED_BYTES

LOOK_SECONDS = 0.1
ASK_SECONDS = 5.0
"""How often the caller is asked whether it may go on."""
GRACE_SECONDS = 3.0
"""Between SIGTERM and SIGKILL, for whoever cleans up after itself."""
PIECE_BYTES = 65_536
OUTPUT_BYTES = RENDERED_BYTES
"""Of each output of git and kustomize: what is beyond is nothing that a person wrote into a repository."""


class TooLong(Exception):  # noqa: N818 - an answer, not a fault
    """It wrote more than is read of anybody; says how much that is."""


def find_program(command: Sequence[str], environment: Mapping[str, str]) -> Path | NotStarted:
    """The program that a file names, where this environment lets files name programs at all."""
    folder = environment.get(FOLDER_VARIABLE, "")
    if not folder:
        return NotStarted(
            f"this worker runs no commands: its operator has to name a folder of them in {FOLDER_VARIABLE}"
        )
    home = Path(folder)
    try:
        if not home.is_absolute() or not home.is_dir():
            return NotStarted(f"{FOLDER_VARIABLE} is {folder}, which is no folder by its whole path")
        if home.stat().st_mode & stat.S_IWOTH:
            return NotStarted(f"{FOLDER_VARIABLE} is {folder}, which anybody may write to (chmod o-w {folder})")
        program = home / command[0]
        if program.is_file() and os.access(program, os.X_OK):
            return program
    except OSError as error:
        return NotStarted(f"{folder} cannot be read: {error.strerror}")
    return NotStarted(f"{folder} has no program {command[0]} that may be executed")


def run(
    program: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    timeout: float,
    may_go_on: Callable[[], None] = lambda: None,
) -> Ended | NotStarted:
    """Runs a program in `folder` in a process group of its own, for at most `timeout` seconds. When it has ended, in
    whatever way, nothing of its group is left, also where `may_go_on` raises (that is raised then)."""
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            [str(program), *arguments],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return NotStarted(f"{program}: {getattr(error, 'strerror', None) or error}")
    assert process.stdout is not None
    kept = _Kept(process.stdout)
    try:
        limit = not _ends(process.pid, began + timeout, may_go_on)
    finally:
        _end_group(process)
        kept.finish()
    return Ended(process.returncode, time.monotonic() - began, kept.output(), limit)


def run_to_end(
    words: Sequence[str], environment: Mapping[str, str], *, folder: Path | None = None, timeout: float
) -> tuple[int, bytes, bytes]:
    """Runs a program that ends by itself, in a process group of its own; returns its exit code, and what it wrote to
    each of its outputs. Raises TimeoutError after so many seconds, and TooLong when one of the outputs has more than
    OUTPUT_BYTES: it is ended then, with what it has started; OSError or ValueError where it cannot be run."""
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = _outputs(process, time.monotonic() + timeout)
    except (TimeoutError, TooLong):
        _signal(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return process.returncode, out, err


def _outputs(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
    """What it writes to each of its outputs until it has ended, as far as that is read of anybody."""
    assert process.stdout is not None
    assert process.stderr is not None
    read: dict[Any, bytearray] = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as waiting, process.stdout, process.stderr:
        for pipe in read:
            waiting.register(pipe, selectors.EVENT_READ)
        while waiting.get_map():
            ready = waiting.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                if piece := os.read(key.fd, PIECE_BYTES):
                    read[key.fileobj] += piece
                    if len(read[key.fileobj]) > OUTPUT_BYTES:
                        raise TooLong(f"wrote more than {OUTPUT_BYTES:,} bytes")
                else:
                    waiting.unregister(key.fileobj)
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
    return bytes(read[process.stdout]), bytes(read[process.stderr])


def _ends(pid: int, deadline: float, may_go_on: Callable[[], None]) -> bool:
    """Whether it ends by itself before the deadline. It is not reaped: its number stays its group's until then."""
    asked = time.monotonic()
    while not _has_ended(pid):
        now = time.monotonic()
        if now >= deadline:
            return False
        if now - asked >= ASK_SECONDS:
            may_go_on()
            asked = now
        time.sleep(min(LOOK_SECONDS, deadline - now))
    return True


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends what is left of its group, and reaps it."""
    if not _has_ended(process.pid):
        _signal(process.pid, signal.SIGTERM)
        until = time.monotonic() + GRACE_SECONDS
        while not _has_ended(process.pid) and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)
    _signal(process.pid, signal.SIGKILL)
    process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class _Kept:
    """The beginning and the end of what comes out of a pipe, read as it comes."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe, self._head, self._tail, self._all = pipe, bytearray(), bytearray(), 0
        self._thread = Thread(target=self._read, name="check output", daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError, ValueError):
            while piece := os.read(self._pipe.fileno(), PIECE_BYTES):
                self._all += len(piece)
                room = HALF_BYTES - len(self._head)
                self._head += piece[:room]
                self._tail = (self._tail + piece[room:])[-HALF_BYTES:]

    def finish(self) -> None:
        """Reads what is left of it. Who left the group may hold the pipe open: it is not waited for."""
        self._thread.join(GRACE_SECONDS)
        if not self._thread.is_alive():
            self._pipe.close()

    def output(self) -> Output:
        head, tail = bytes(self._head), bytes(self._tail)
        left_out = self._all - len(head) - len(tail)
        if left_out <= 0:
            return Output((head + tail).decode(errors="replace"))
        return Output(head.decode(errors="replace"), tail.decode(errors="replace"), left_out)
