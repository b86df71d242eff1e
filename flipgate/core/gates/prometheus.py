"""Reads Prometheus' answers: one number, or one line. Several, none or an infinite one give None, and the reason.

Of an error no more is said than its status, its kind and where in the query it is: who answers at an address that a
file names may be anybody, and their words are not for evidence, which more people read than may ask there.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from flipgate.core.gates.sample import Point
from flipgate.core.values.foreign import NotJson, parse_json, printable

NO_DATA: Final = "no data"
NO_TRAFFIC: Final = "NaN: no traffic?"
REDIRECTS: Final = range(300, 400)
ERROR_TYPES: Final = frozenset(
    {"timeout", "canceled", "execution", "bad_data", "internal", "unavailable", "not_found", "not_acceptable"}
)
"""Prometheus' own (https://github.com/prometheus/prometheus/blob/main/web/api/v1/api.go)."""
_PLACE: Final = re.compile(r"(?:invalid parameter \"query\": )?([0-9]{1,5}:[0-9]{1,5}): parse error")


def refused(whom: str, status: int, body: bytes, unread: str) -> str:
    """Returns why an answer counts as none, in words of ours; empty for a whole one of status 200."""
    if status in REDIRECTS:
        return f"{whom} said HTTP {status}, and redirects are not followed"
    if status != 200:
        facts = ", ".join(_error_facts(body))
        return f"{whom} said HTTP {status}" + (f" ({facts})" if facts else "")
    return f"{whom}'s answer cannot be read: {unread}" if unread else ""


def _error_facts(body: bytes) -> list[str]:
    """What kind of error it is, and where: of Prometheus' own JSON, and of nothing else."""
    try:
        found = parse_json(body)
    except NotJson:
        return []
    if not isinstance(found, dict):
        return []
    kind, place = found.get("errorType"), _PLACE.match(str(found.get("error", "")))
    facts = [kind] if isinstance(kind, str) and kind in ERROR_TYPES else []
    return facts + ([f"at {place[1]} of the query"] if place else [])


def read_number(result: Any) -> tuple[float | None, str]:
    """The one number of a Prometheus answer's `result` (a vector of one series, or a scalar); else None and why."""
    if isinstance(result, list) and len(result) == 2 and isinstance(result[1], str):
        return _finite(result[1])  # a scalar: its time and its value
    if not isinstance(result, list):
        return None, "not a Prometheus answer"
    if not result:
        return None, NO_DATA
    if len(result) > 1:
        return None, f"{len(result)} series where one number is wanted"
    try:
        return _finite(result[0]["value"][1])
    except (KeyError, IndexError, TypeError):
        return None, "not one number"


def read_range(result: Any, step: float) -> tuple[tuple[Point, ...] | None, str]:
    """The one line of a Prometheus answer's `result` (a matrix of one series); else None and why.

    A value that is no number (0/0, say) is a gap, and so is a time for which there is none.
    """
    if not isinstance(result, list):
        return None, "not a Prometheus answer"
    if len(result) != 1:
        return None, f"{len(result)} series where one line is wanted" if result else NO_DATA
    points: list[Point] = []
    try:
        for at, text in result[0]["values"]:
            if points and float(at) - points[-1][0] > 1.5 * step:
                points.append((points[-1][0] + step, None))
            points.append((float(at), _finite(text)[0]))
    except (KeyError, TypeError, ValueError):
        return None, "not one line"
    return (tuple(points), "") if any(value is not None for _, value in points) else (None, "no number in it")


class Series(NamedTuple):
    """One of an answer's series: its labels, and the times (seconds since 1970) at which it has a number."""

    labels: Mapping[str, str]
    times: tuple[float, ...]


def read_series(result: Any) -> tuple[tuple[Series, ...] | None, str]:
    """All series of a Prometheus answer's `result` (a matrix), none of them, too; else None and why."""
    try:
        found = [Series(dict(each["metric"]), tuple(float(at) for at, _ in each["values"])) for each in result]
    except (KeyError, TypeError, ValueError):
        return None, "not a Prometheus answer"
    return tuple(found), ""


def warned(answer: Any) -> str:
    """Returns why a whole answer is none: it came with warnings. Thanos and Mimir warn so of an answer that only some
    of their stores gave, Prometheus of numbers that it doubts itself. Empty without any."""
    warnings = answer.get("warnings") if isinstance(answer, dict) else None
    if not warnings:
        return ""
    many = len(warnings) if isinstance(warnings, list) else 1
    return f"Prometheus answered with {many} warning{'s' if many > 1 else ''}: it may be of a part of the data"


def _finite(text: Any) -> tuple[float | None, str]:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None, "not a number"
    if math.isnan(number):
        return None, NO_TRAFFIC
    return (number, "") if math.isfinite(number) else (None, f"{printable(str(text), 20)} is no number")
