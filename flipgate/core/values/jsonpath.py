"""The small piece of JSON path that checks need: `status`, `$.status`, `items[0].name`, `checks[?name=='db'].status`,
`$` for the whole document."""

from __future__ import annotations

import re
from typing import Any

from flipgate.core.values.frozen import dataclass

_STEP = re.compile(
    r"(?P<key>[^.\[\]]+)|\[(?P<index>\d+)\]"
    r"|\[\?\s*(?:@\.)?(?P<name>[A-Za-z_][\w-]*)\s*==\s*(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\")\s*\]"
)
_EXAMPLES = 'write for example "status", "$.items[0].name" or "$.checks[?name==\'db\'].status"'


class PathMissing(Exception):  # noqa: N818 - an answer, not a fault
    """The document has nothing at this path. `at` is the part of the path that was not found."""

    def __init__(self, at: str) -> None:
        super().__init__(at)
        self.at = at


@dataclass(frozen=True)
class Where:
    """A step to the first item of a list whose `key` is this text."""

    key: str
    text: str

    def __str__(self) -> str:
        return f"[?{self.key}=='{self.text}']"


def parse_path(path: str) -> tuple[str | int | Where, ...]:
    """Splits a path into keys, list positions and items by a key's text.

    Raises ValueError for anything else: no other filters, no wildcards, no dots inside a key.
    """
    steps: list[str | int | Where] = []
    rest = path.removeprefix("$").removeprefix(".") if path.startswith("$") else path
    if not rest and path != "$":
        raise ValueError(f'"{path}" is not a JSON path; {_EXAMPLES}')
    while rest:
        step = _STEP.match(rest)
        after = rest[step.end() :] if step else ""
        if step is None or not re.match(r"$|\[|\.[^.\[]", after):
            raise ValueError(f'"{path}" is not a JSON path; {_EXAMPLES}')
        steps.append(_step(step))
        rest = after.removeprefix(".")
    return tuple(steps)


def _step(step: re.Match[str]) -> str | int | Where:
    if step["key"] is not None:
        return step["key"]
    if step["index"] is not None:
        return int(step["index"])
    return Where(step["name"], step["single"] if step["single"] is not None else step["double"])


def look_up(path: str, document: Any) -> Any:
    """What the document holds at this path. Raises PathMissing; ValueError for a malformed path."""
    found = document
    for step in parse_path(path):
        found = _next(step, found)
    return found


def _next(step: str | int | Where, found: Any) -> Any:
    if isinstance(step, Where):
        items = found if isinstance(found, list) else []
        for item in items:
            if isinstance(item, dict) and item.get(step.key) == step.text:
                return item
    elif isinstance(found, dict) and str(step) in found:
        return found[str(step)]
    elif isinstance(found, list) and isinstance(step, int) and step < len(found):
        return found[step]
    raise PathMissing(str(step))


def same(left: Any, right: Any) -> bool:
    """JSON equality: 1 equals 1.0, but true does not equal 1, at any depth."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
