"""Shows progress to a person: in place on a terminal, line by line anywhere else."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

Progress = Callable[[str], None]
_CLEAR = "\r\x1b[2K"


def silent(_: str) -> None:
    """For who does not wait."""


class Printer:
    """Takes lines of progress, as `up` and `ensure` give them; a context manager, so that the last line is ended.

    What stands before a line's first colon is its subject. On a terminal a line takes the place of the one before if
    they have the same subject.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._subject: str | None = None

    def __call__(self, line: str) -> None:
        if not self._stream.isatty():
            self._write(f"{line}\n")
            return
        subject = line.partition(":")[0]
        start = _CLEAR if subject == self._subject else ("" if self._subject is None else "\n")
        self._subject = subject
        self._write(start + line[: shutil.get_terminal_size().columns - 1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subject is not None:
            self._write("\n")
            self._subject = None

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
