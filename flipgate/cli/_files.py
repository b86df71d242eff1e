"""Reading an application's file, as `check` and `apply` do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flipgate.core.values.errors import BadInput

if TYPE_CHECKING:
    from flipgate.core.spec.application import Application

file_option = click.option(
    "-f", "--filename", required=True, metavar="FILE", help="The application's file; - reads it from stdin."
)


maybe_file_option = click.option(
    "-f", "--filename", metavar="FILE", help="The application's file; - reads it from stdin. Or else APP, as applied."
)


def read_application(filename: str) -> tuple[Application, str]:
    """The application and the text it was read from. Raises BadInput with every problem, line by line."""
    from flipgate.core.spec.application import load_new_application

    text, source = _read(filename)
    return load_new_application(text, source), text


def read_to_check(filename: str) -> tuple[Application, BadInput | None]:
    """The application, and what of its file was most likely meant otherwise: all else can be looked at for all that.
    Raises BadInput where it cannot be read as an application at all."""
    from flipgate.core.spec.application import load_application, load_new_application

    text, source = _read(filename)
    try:
        return load_new_application(text, source), None
    except BadInput as wrong:
        try:
            return load_application(text, source), wrong
        except BadInput:
            raise wrong from None


def _read(filename: str) -> tuple[str, str]:
    """A file's text, and what messages call it."""
    from flipgate.core.values.yaml_text import FILE_BYTES

    source = "stdin" if filename == "-" else filename
    try:
        raw = _read_bytes(filename, FILE_BYTES + 1)
        if len(raw) > FILE_BYTES:
            fact = f"has more bytes than are read; the most is {FILE_BYTES:,}"
            raise BadInput(fact, obj=f"file {source}", untouched="the cluster")
        return raw.decode("utf-8-sig"), source
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", obj=f"file {source}", untouched="the cluster") from error
    except UnicodeDecodeError as error:
        raise BadInput(
            f"is not UTF-8 text (byte {error.start})", obj=f"file {source}", untouched="the cluster"
        ) from error


def _read_bytes(filename: str, most: int) -> bytes:
    if filename == "-":
        return sys.stdin.buffer.read(most)
    with Path(filename).open("rb") as file:
        return file.read(most)
