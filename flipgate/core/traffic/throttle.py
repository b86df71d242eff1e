"""How long a Traefik holds a changed route back, as it was started: what proves a move is asked for after that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

USUAL_SECONDS: Final = 2.0
"""Of a Traefik that was not told (https://doc.traefik.io/traefik/providers/overview/, providersThrottleDuration)."""
_ALL: Final = "--providers.providersthrottleduration"
_ONE_PROVIDERS: Final = re.compile(r"--providers\.kubernetes\w*\.throttleduration")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
"""Of Go's durations, in seconds (https://pkg.go.dev/time#ParseDuration)."""
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)")


def arguments_of(pod: Mapping[str, Any]) -> list[str]:
    """What the containers of a pod are started with."""
    containers = (pod.get("spec") or {}).get("containers") or []
    return [str(each) for one in containers for each in (*(one.get("command") or []), *(one.get("args") or []))]


def throttle_of(arguments: Iterable[str]) -> float | None:
    """Returns how many seconds Traefik holds a changed route back, by its arguments: its throttle, and the longest of
    its Kubernetes providers' own. None where they say neither, or nothing that can be read: a file or the environment
    may say it all the same."""
    given = dict(each.lower().split("=", 1) for each in arguments if "=" in each)
    own = _seconds(given.get(_ALL, ""))
    theirs = [_seconds(text) for name, text in given.items() if _ONE_PROVIDERS.fullmatch(name)]
    longest = max((each for each in theirs if each is not None), default=None)
    if own is None and longest is None:
        return None
    return (USUAL_SECONDS if own is None else own) + (longest or 0.0)


def _seconds(text: str) -> float | None:
    """A duration as Traefik reads it: Go's, or a number of seconds (github.com/traefik/paerser: types/duration.go)."""
    if text.isdecimal():
        return float(text)
    parts = _DURATION.findall(text)
    if not parts or "".join(f"{number}{unit}" for number, unit in parts) != text:
        return None
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts), 9)
