"""A program of the operator's that an application's file may name, with its arguments."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from flipgate.core.values.foreign import printable

FOLDER_VARIABLE: Final = "FLIPGATE_COMMANDS"
"""In the worker's environment: the folder that holds the programs a file may name. Without it none may run any."""
_PROGRAM: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*(/[A-Za-z0-9_][A-Za-z0-9._+-]*)*")


def _words(command: tuple[str, ...]) -> tuple[str, ...]:
    if not _PROGRAM.fullmatch(command[0]):
        raise ValueError(f'"{printable(command[0])}" is not a program below the folder that {FOLDER_VARIABLE} names')
    if any("\0" in word for word in command):
        raise ValueError("a word of a command has no NUL in it")
    return command


Command = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_words)]
"""A program below that folder, and its arguments."""
