"""How long a Traefik holds a changed route back, as it was started: what proves a move is asked for after that."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from flipgate.core.traffic.traefik_arguments import value_of

USUAL_SECONDS: Final = 2.0
"""Of a Traefik that was not told (https://doc.traefik.io/traefik/providers/overview/, providersThrottleDuration)."""
_ALL: Final = "providers.providersthrottleduration"
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
"""Of Go's durations, in seconds (https://pkg.go.dev/time#ParseDuration)."""
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)")


def throttle_of(arguments: Sequence[str], providers: Collection[str]) -> float | None:
    """Returns how many seconds Traefik holds a changed route back, by its arguments: its throttle, and the longest that
    these of its providers have of their own. None where they say neither, or nothing that can be read: a file or the
    environment may say it all the same."""
    own = _seconds(value_of(arguments, _ALL))
    theirs = [_seconds(value_of(arguments, f"providers.{each}.throttleduration")) for each in providers]
    longest = max((each for each in theirs if each is not None), default=None)
    if own is None and longest is None:
        return None
    return round((USUAL_SECONDS if own is None else own) + (longest or 0.0), 9)


def _seconds(text: str) -> float | None:
    """A duration as Traefik reads it: Go's, or a number of seconds (github.com/traefik/paerser: types/duration.go)."""
    if text.isdecimal():
        return float(text)
    parts = _DURATION.findall(text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        return None
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts), 9)
