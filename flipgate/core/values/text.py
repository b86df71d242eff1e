"""Free text as it is stored: valid, and bounded in bytes, whoever wrote it.

What people type and what other systems answer may be of any length, may hold what UTF-8 does not have (a lone
surrogate: `--reason` with a byte of another encoding, `"\\ud800"` in somebody's JSON), and what a terminal obeys, or
what turns around how the rest is read. How it leaves again: `core/values/outward.py`. Text is the least of what is
written: it never keeps a write from being made, so it is made valid and cut where it enters a stored value.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from typing import Final

NAME_BYTES: Final = 256
"""Of who acted, an id, a word."""
ADDRESS_BYTES: Final = 600
"""Of an image (the longest that the grammar allows has 520) and of a link."""
SENTENCE_BYTES: Final = 2_048
"""Of one line of a question or of its evidence."""
TEXT_BYTES: Final = 4_096
"""Of a reason, an outcome, a message."""

REASON_SHOWN: Final = 2_000
NAME_SHOWN: Final = 100
"""Characters of what a person gives as a reason, and as a name."""
KEPT: Final = frozenset("\n\t\u200c\u200d")
"""Not printed, and harmless: two of them join letters, and emoji, to one."""
MARK: Final = "…"
SELF_DECLARED: Final = " (self-declared)"
"""Behind a name that somebody typed into a form: Prefect does not know its users."""


def valid(text: str) -> str:
    """The text with a ? for each character that UTF-8 does not have (a lone surrogate), that a terminal obeys (ANSI's
    escape, a carriage return), or that is not seen (marks of the direction of writing). Line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(map(_harmless, text.replace("\r\n", "\n")))


def _harmless(char: str) -> str:
    if char.isprintable() or char in KEPT:
        return char
    return " " if char.isspace() else "?"


def written_bytes(text: str) -> int:
    """The bytes of a text as JSON writes it in UTF-8, without its quotes: escapes count, as `\\"` and `\\u0000` do."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2


def fitted(text: str, longest: int) -> str:
    """The text made valid, at most `longest` bytes of it as JSON writes it; one that was cut ends in …"""
    text = valid(text)
    if 6 * len(text) <= longest or written_bytes(text) <= longest:
        return text
    room, text = longest - len(MARK.encode()), text[:longest]
    kept = bisect_right(range(len(text) + 1), room, key=lambda count: written_bytes(text[:count])) - 1
    return text[:kept] + MARK


def cut_bytes(text: str, longest: int) -> str:
    """The text, at most `longest` bytes of it in UTF-8; one that was cut ends in …"""
    encoded = text.encode()
    if len(encoded) <= longest:
        return text
    return encoded[: longest - len(MARK.encode())].decode(errors="ignore") + MARK


def cut(text: str, longest: int) -> str:
    """The text, at most `longest` characters of it; one that was cut ends in …"""
    return text if len(text) <= longest else text[: longest - 1] + MARK


def as_reason(text: str) -> str:
    """A person's reason as it comes in: valid, on one line, and no longer than anybody reads."""
    return _line(text, REASON_SHOWN)


def as_name(text: str) -> str:
    """A person's name, the same; as it is stored it has room for the mark behind it."""
    return fitted(_line(text, NAME_SHOWN), NAME_BYTES - len(SELF_DECLARED))


def _line(text: str, longest: int) -> str:
    return cut(" ".join(valid(text).split()), longest)


def self_declared(name: str) -> str:
    """How somebody is called who typed a name, marked as that."""
    return as_name(name) + SELF_DECLARED


def cut_middle(text: str, longest: int) -> str:
    """The text, at most `longest` characters of it; of one that was cut its beginning and its end, with … between."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}{MARK}{text[-half:]}"
