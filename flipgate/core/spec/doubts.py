"""Finds what is written without quotes and most likely meant otherwise than YAML reads it: keys with nothing behind
them, values that YAML 1.1 and 1.2 read differently, numbers that would not come back as they were written.

Editors, `kubectl` and flipgate do not all go by the same version. Files that were kept before this was asked are not
held against it: they mean what they meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import yaml

from flipgate.core.spec.documents import Document, Location, Scalar

_BOOLS: Final = {"true": True, "false": False}
_SHORT_BOOLS: Final = {"y": True, "n": False}
"""YAML 1.1 has them, and PyYAML leaves them out: read as text here, and not by everybody."""
_INTS: Final = ((re.compile(r"[-+]?[0-9]+"), 10), (re.compile(r"0o[0-7]+"), 8), (re.compile(r"0x[0-9a-fA-F]+"), 16))
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_COMMENTED_OUT: Final = re.compile(r"\s+(#[^\s#].*?)\s*$")
"""A value that begins with #, and no remark: that has a space behind it."""
_TEXT: Final = "text"


def find_doubts(
    document: Document, takes_anything: Callable[[Location], bool], takes_numbers: Callable[[Location], bool]
) -> Mapping[Location, str]:
    """Returns what is to be said, by its place. `takes_anything` says of a place that any JSON value may stand there:
    no type tells whether a number or text is meant; `takes_numbers`, that no text may."""
    found: dict[Location, str] = {}
    for scalar in document.plain():
        told = _empty(scalar) if scalar.empty else _two_ways(scalar, takes_numbers)
        if not told and not scalar.is_key and takes_anything(scalar.location):
            told = _changed(scalar)
        if told:
            found[scalar.location] = told
    return found


def _empty(scalar: Scalar) -> str:
    key = scalar.location[-1] if scalar.location else ""
    what = "key" if isinstance(key, str) else "entry"
    if comment := _COMMENTED_OUT.match(scalar.rest_of_line):
        value = f"{f'{key}: ' if what == 'key' else '- '}{json.dumps(comment[1], ensure_ascii=False)}"
        said = f'is written and empty: "{comment[1]}" is a comment to YAML; write {value},'
    else:
        said = "is written and empty; give it a value,"
    return f"{said} or leave the {what} out"


def _two_ways(scalar: Scalar, takes_numbers: Callable[[Location], bool]) -> str:
    if scalar.is_key and scalar.text.lower() in _SHORT_BOOLS:
        return ""  # coordinates have such keys, and everybody reads them as text
    first, second = _by_1_1(scalar), _by_1_2(scalar.text)
    if repr(first) == repr(second):
        return ""
    plain = [json.dumps(value) for value in (first, second) if isinstance(value, bool | int | float)]
    quoted = [] if plain and not scalar.is_key and takes_numbers(scalar.location) else [f'"{scalar.text}"']
    ways = ", or ".join([*([" or ".join(plain)] if plain else []), *quoted])
    return f"{scalar.text} is {_shown(first)} in YAML 1.1 and {_shown(second)} in YAML 1.2; write {ways}"


def _changed(scalar: Scalar) -> str:
    value = _by_1_2(scalar.text)
    if isinstance(value, bool) or not isinstance(value, int | float) or _NOT_FINITE.fullmatch(scalar.text):
        return ""
    number = json.dumps(value)
    if number == scalar.text:
        return ""
    return f'{scalar.text} is the number {number} to YAML; write {number}, or "{scalar.text}" where the text is meant'


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return _TEXT
    return json.dumps(value) if isinstance(value, bool | int | float) else "a time"


def _by_1_1(scalar: Scalar) -> Any:
    """As PyYAML reads it, and `y` and `n` as that version has them."""
    short = _SHORT_BOOLS.get(scalar.text.lower())
    return yaml.SafeLoader("").construct_object(scalar.node) if short is None else short


def _by_1_2(text: str) -> Any:
    """By the core schema of YAML 1.2.2, 10.3.2 (https://yaml.org/spec/1.2.2/#1032-tag-resolution)."""
    if text in ("~", "null", "Null", "NULL"):
        return None
    if text.lower() in _BOOLS and text in (text.lower(), text.upper(), text.capitalize()):
        return _BOOLS[text.lower()]
    for pattern, base in _INTS:
        if pattern.fullmatch(text):
            return int(text, base)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return float(text) if _FLOAT.fullmatch(text) else text
