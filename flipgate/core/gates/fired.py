"""Which alerts fired in some time, though they have ended by now: by the series `ALERTS` that Prometheus keeps.

A time is looked at in steps. What fired within a step counts as firing through it, however short it was; an alert began
to fire anew where a step has it and the step before has not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from flipgate.core.gates.prometheus import Series
from flipgate.core.values.frozen import dataclass

STEPS: Final = 500
LEAST_STEP_SECONDS: Final = 5
SCRAPES: Final = "count(up)"
"""Has a number whenever Prometheus scraped anything in the five minutes before."""
_NOT_AN_ALERTS_OWN: Final = frozenset({"__name__", "alertstate"})


@dataclass(frozen=True)
class Steps:
    """A time, and how finely it is looked at."""

    start: datetime
    end: datetime
    step: int

    @property
    def count(self) -> int:
        """Looks after the first one, which is at the start."""
        return int((self.end - self.start).total_seconds() // self.step)

    @property
    def last(self) -> datetime:
        """The first look at the end or after it: that one has what fired since the look before."""
        return self.start + timedelta(
            seconds=math.ceil((self.end - self.start).total_seconds() / self.step) * self.step
        )

    def index(self, at: float) -> int:
        return round((at - self.start.timestamp()) / self.step)


def steps(start: datetime, end: datetime) -> Steps:
    return Steps(start, end, max(LEAST_STEP_SECONDS, math.ceil((end - start).total_seconds() / STEPS)))


def firing(labels: Mapping[str, str], step: int) -> str:
    """The query for what fires with these labels: within each step, and where Prometheus judges more seldom than that,
    since its last judgement."""
    wanted = ", ".join(f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in sorted(labels.items()))
    alerts = f'ALERTS{{alertstate="firing", {wanted}}}'
    return f"max_over_time({alerts}[{step}s]) or {alerts}"


def began(found: Iterable[Series], over: Steps) -> list[dict[str, str]]:
    """The labels of each alert that began to fire after the start, be it for the first time or again."""
    seen: dict[frozenset[tuple[str, str]], set[int]] = {}
    for series in found:
        labels = frozenset((label, value) for label, value in series.labels.items() if label not in _NOT_AN_ALERTS_OWN)
        seen.setdefault(labels, set()).update(map(over.index, series.times))
    return [dict(labels) for labels, at in seen.items() if any(k >= 1 and k - 1 not in at for k in at)]


def unseen(found: Iterable[Series], over: Steps) -> str:
    """Returns the first time in which none of these has a number, as `11:02 to 11:40 UTC`; empty without one."""
    at = {over.index(time) for series in found for time in series.times}
    missing = [k for k in range(over.count + 1) if k not in at]
    if not missing:
        return ""
    last = next((k for k in range(missing[0], over.count + 1) if k in at), over.count)
    first, then = (over.start + timedelta(seconds=k * over.step) for k in (missing[0], last))
    return f"{first.astimezone(UTC):%Y-%m-%d %H:%M:%S} to {then.astimezone(UTC):%H:%M:%S} UTC"
