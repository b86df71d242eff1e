"""What a Traefik was started with, much as it reads that itself (github.com/traefik/paerser: flag/flagparser.go), in
any case, with one dash or two, values behind `=` or in the next word. What is on or off takes no next word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final

_TRUE: Final = frozenset({"1", "t", "true"})
_FALSE: Final = frozenset({"0", "f", "false"})
"""In any case (https://pkg.go.dev/strconv#ParseBool)."""


def arguments_of(pod: Mapping[str, Any]) -> list[str]:
    """What the containers of a pod are started with."""
    containers = (pod.get("spec") or {}).get("containers") or []
    return [str(each) for one in containers for each in (*(one.get("command") or []), *(one.get("args") or []))]


def value_of(arguments: Sequence[str], flag: str) -> str:
    """The value of a flag, which is given in small letters and without dashes; nothing where it is not there."""
    value, after = _given(arguments).get(flag, ("", ""))
    return after if value is None else value


def is_on(arguments: Sequence[str], flag: str) -> bool:
    """Whether a flag that takes no next word says yes."""
    value, _ = _given(arguments).get(flag, ("", ""))
    return value is None or value.lower() in _TRUE


def any_on(arguments: Sequence[str], start: str) -> bool:
    """Whether a flag that begins so is given, and does not say no: what a Traefik is told of a thing has it on."""
    values = (value for name, (value, _) in _given(arguments).items() if name.startswith(start))
    return any(value is None or value.lower() not in _FALSE for value in values)


def _given(arguments: Sequence[str]) -> dict[str, tuple[str | None, str]]:
    """By each flag's name its value behind `=`, and the next word: of a flag that is there twice, the last."""
    found: dict[str, tuple[str | None, str]] = {}
    for word, after in zip_longest(arguments, arguments[1:], fillvalue=""):
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            found[name.lstrip("-").lower()] = value if equals else None, after
    return found
