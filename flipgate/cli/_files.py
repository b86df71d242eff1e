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


def read_application(filename: str) -> tuple[Application, str]:
    """The application and the text it was read from. Raises BadInput with every problem, line by line."""
    from flipgate.core.spec.application import load_new_application

    source = "stdin" if filename == "-" else filename
    try:
        raw = sys.stdin.buffer.read() if filename == "-" else Path(filename).read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", obj=f"file {source}", untouched="the cluster") from error
    except UnicodeDecodeError as error:
        raise BadInput(
            f"is not UTF-8 text (byte {error.start})", obj=f"file {source}", untouched="the cluster"
        ) from error
    return load_new_application(text, source), text
