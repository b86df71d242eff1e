"""The small piece of JSON path that checks need: `status`, `$.status`, `items[0].name`, `$` for the whole document."""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r"(?P<key>[^.\[\]]+)|\[(?P<index>\d+)\]")


class PathMissing(Exception):  # noqa: N818 - an answer, not a fault
    """The document has nothing at this path. `at` is the part of the path that was not found."""

    def __init__(self, at: str) -> None:
        super().__init__(at)
        self.at = at


def parse_path(path: str) -> tuple[str | int, ...]:
    """Splits a path into keys and list positions.

    Raises ValueError for anything but dotted keys and `[0]`: no filters, no wildcards, no dots inside a key.
    """
    steps: list[str | int] = []
    rest = path.removeprefix("$").removeprefix(".") if path.startswith("$") else path
    if not rest and path != "$":
        raise ValueError(f'"{path}" is not a JSON path; write for example "status" or "$.items[0].name"')
    while rest:
        step = _STEP.match(rest)
        after = rest[step.end() :] if step else ""
        if step is None or not re.match(r"$|\[|\.[^.\[]", after):
            raise ValueError(f'"{path}" is not a JSON path; write for example "status" or "$.items[0].name"')
        steps.append(step["key"] if step["key"] is not None else int(step["index"]))
        rest = after.removeprefix(".")
    return tuple(steps)


def look_up(path: str, document: Any) -> Any:
    """What the document holds at this path. Raises PathMissing; ValueError for a malformed path."""
    found = document
    for step in parse_path(path):
        if isinstance(found, dict) and str(step) in found:
            found = found[str(step)]
        elif isinstance(found, list) and isinstance(step, int) and step < len(found):
            found = found[step]
        else:
            raise PathMissing(str(step))
    return found


def same(left: Any, right: Any) -> bool:
    """JSON equality: 1 equals 1.0, but true does not equal 1, at any depth."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
