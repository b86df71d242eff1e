"""Every failure as a sentence on stderr and an exit code: 0 done, 1 refused or failed, 2 usage."""

from __future__ import annotations

import itertools
import json
import os
import traceback
from collections.abc import Sequence

import click

from flipgate.cli._print import echo
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.outward import json_text
from flipgate.core.values.reasons import Why

INTERRUPTED = 130


def fail(error: Exception, typed: Sequence[str]) -> int:
    """Says what went wrong, as JSON where the command line asked for JSON, and returns the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    if os.environ.get("FLIPGATE_DEBUG") not in (None, "", "0"):
        echo("".join(traceback.format_exception(error)), err=True, nl=False)
    told, sentence, code = _told(error)
    if wants_json(typed):
        echo(json_text(json.dumps({"error": told}, ensure_ascii=False)), err=True)
    else:
        echo(f"error: {sentence}", err=True)
    return code


def wants_json(typed: Sequence[str]) -> bool:
    """Whether `-o json` is among the arguments, which may not have been understood."""
    if {"-ojson", "-o=json", "--output=json"} & set(typed):
        return True
    return any(flag in ("-o", "--output") and value == "json" for flag, value in itertools.pairwise(typed))


def _told(error: Exception) -> tuple[dict[str, str], str, int]:
    """The failure as data, as a sentence, and its exit code."""
    if isinstance(error, FlipgateError):
        reason = str(getattr(error, "reason", "") or type(error).__name__)
        return _data(reason, error.fact, error.obj, error.untouched, error.next_command), str(error), error.exit_code
    if isinstance(error, click.Abort):
        return _data(Why.INTERRUPTED, "interrupted"), "interrupted", INTERRUPTED
    if isinstance(error, click.UsageError):
        fact = error.format_message()
        help_line = f"{error.ctx.command_path} --help" if error.ctx else "flipgate --help"
        return (
            _data(Why.USAGE, fact, untouched="everything", then=help_line),
            f"{fact} Try: {help_line}",
            error.exit_code,
        )
    if isinstance(error, click.ClickException):
        return _data(Why.USAGE, error.format_message()), error.format_message(), error.exit_code
    fact = f"unexpected {type(error).__name__}: {error}"
    then = "the same again with --debug, for the traceback"
    return _data(Why.UNEXPECTED, fact, then=then), f"{fact}. Next: {then}", 1


def _data(reason: str, fact: str, obj: str = "", untouched: str = "", then: str = "") -> dict[str, str]:
    return {"reason": reason, "object": obj, "fact": fact, "untouched": untouched, "next": then}
