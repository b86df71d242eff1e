"""Users' regular expressions: the one place where any of them is evaluated.

By RE2, whose time grows with the text's length and the pattern's size and with nothing else, and which lets other
threads run meanwhile (https://github.com/google/re2/wiki/WhyRE2). Python's own `re` tries one way after the other,
2^n of them for some patterns, and stops every thread for as long.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ValidationInfo

from flipgate.core.values.base import is_new

LARGEST_PROGRAM: Final = 10_000
"""What a pattern may be compiled to, in RE2's instructions: `{1,1000}` in another one is a million."""
_NOT_IN_RE2: Final = ("invalid perl operator", "invalid escape sequence")
"""RE2's words on what Python's `re` takes, most likely."""


class Pattern:
    """A regular expression, compiled. Made by `compile_pattern`."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere in the text."""
        return self._compiled.search(text.encode(errors="replace")) is not None


@cache
def compile_pattern(text: str) -> Pattern:
    """Compiles a regular expression (RE2's syntax). Raises ValueError that says what is wrong with it, or that there is
    no engine here: its wheel is not made for every machine."""
    try:
        import re2
    except ImportError as error:
        raise ValueError(f"cannot be tried: google-re2 is not installed here ({error})") from None

    options = re2.Options()
    options.log_errors, options.never_capture = False, True
    try:
        compiled = re2.compile(text, options)
    except UnicodeEncodeError as error:
        raise ValueError(f"is no regular expression: {error.reason}") from None
    except re2.error as error:
        raise ValueError(f"is no regular expression that RE2 takes: {_said(error)}") from None
    if compiled.programsize > LARGEST_PROGRAM:
        raise ValueError(
            f"is too large a regular expression: {compiled.programsize} instructions, {LARGEST_PROGRAM} are the most; "
            "smaller counts in {} make it less"
        )
    return Pattern(compiled)


def _new_one(text: str, info: ValidationInfo) -> str:
    if is_new(info):
        compile_pattern(text)
    return text


DeclaredPattern = Annotated[str, AfterValidator(_new_one)]
"""A pattern in a file. It is tried where the file is new. What is in a cluster already is read as it is, for going back
needs the file and no engine; what judges by it says what is wrong with it."""


def _said(error: Exception) -> str:
    raw = error.args[0] if error.args else ""
    said = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
    if not said.startswith(_NOT_IN_RE2):
        return said
    return f"{said} (RE2 has neither look-around nor backreferences, and \\z in the place of \\Z)"
