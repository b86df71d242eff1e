"""Reads Prometheus' answers: one number, or one line. Several, none or an infinite one give None, and the reason."""

from __future__ import annotations

import math
from typing import Any

from flipgate.core.gates.sample import Point


def read_number(result: Any) -> tuple[float | None, str]:
    """The one number of a Prometheus answer's `result` (a vector of one series, or a scalar); else None and why."""
    if isinstance(result, list) and len(result) == 2 and isinstance(result[1], str):
        return _finite(result[1])  # a scalar: its time and its value
    if not isinstance(result, list):
        return None, "not a Prometheus answer"
    if not result:
        return None, "no data"
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
        return None, f"{len(result)} series where one line is wanted" if result else "no data"
    points: list[Point] = []
    try:
        for at, text in result[0]["values"]:
            if points and float(at) - points[-1][0] > 1.5 * step:
                points.append((points[-1][0] + step, None))
            points.append((float(at), _finite(text)[0]))
    except (KeyError, TypeError, ValueError):
        return None, "not one line"
    return (tuple(points), "") if any(value is not None for _, value in points) else (None, "no number in it")


def _finite(text: Any) -> tuple[float | None, str]:
    try:
        number = float(text)
    except (TypeError, ValueError):
        return None, "not a number"
    if math.isnan(number):
        return None, "NaN: no traffic?"
    return (number, "") if math.isfinite(number) else (None, f"{text} is no number")
