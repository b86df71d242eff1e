"""What became of the requests: counts, times per side, failures. Bounded in memory, pure but for its own state."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KEPT_TIMES = 200_000
KEPT_NOTES = 1_000
_BOUNDS = tuple(0.0001 * 1.15**step for step in range(84))  # 0.1 ms to 10 s


@dataclass(frozen=True)
class Row:
    """One request that is over. Times in seconds since the epoch; `failure` is empty when all went well."""

    at: float
    took: float
    side: str
    status: int
    failure: str
    channel: str = "request"

    def wire(self) -> list[Any]:
        return [round(self.at, 6), round(self.took, 6), self.side, self.status, self.failure, self.channel]


@dataclass(frozen=True)
class Failure:
    """One failed request: when, how, and what kind of connection it was."""

    at: float
    kind: str
    channel: str


@dataclass(frozen=True)
class LoadReport:
    """All that was sent until now. `sent` = `answered` + `failed`; long requests and WebSocket messages count as well.

    Failed is: no connection, no answer within the time limit, a connection closed before the whole answer, a status
    of 500 or more, or 404 (a route that is gone). An answer that failed is not counted for its side.
    """

    sent: int
    failed: int
    seconds: float
    failures_by_kind: Mapping[str, int]
    by_side: Mapping[str, int]
    by_status: Mapping[int, int]
    by_channel: Mapping[str, int]
    first_by_side: Mapping[str, float]
    last_by_side: Mapping[str, float]
    transitions: Sequence[tuple[float, str, str]]
    failures: Sequence[Failure]
    latency_ms: Mapping[str, float]
    times: Mapping[str, Sequence[float]] = field(repr=False, default_factory=dict)

    @property
    def answered(self) -> int:
        return self.sent - self.failed

    def first_answer_after(self, side: str, since: float) -> float | None:
        """When `side` first answered at or after `since`; None when it has not."""
        times = self.times.get(side, ())
        place = bisect_left(times, since)
        return times[place] if place < len(times) else None

    def last_answer(self, side: str) -> float | None:
        """When `side` last answered; None when it never has."""
        return self.last_by_side.get(side)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: everything but the single times."""
        shown = {name: value for name, value in vars(self).items() if name not in ("times", "failures", "seconds")}
        return {
            **shown,
            "answered": self.answered,
            "seconds": round(self.seconds, 3),
            "failures": [vars(failure) for failure in self.failures],
        }


class Tally:
    """Takes rows in the order of their ends and makes reports of them."""

    def __init__(self, kept_times: int = KEPT_TIMES) -> None:
        self._kept = kept_times
        self._sent = self._failed = 0
        self._kinds: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._channels: Counter[str] = Counter()
        self._sides: Counter[str] = Counter()
        self._first: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._times: dict[str, list[float]] = {}
        self._transitions: list[tuple[float, str, str]] = []
        self._failures: list[Failure] = []
        self._latencies = [0] * (len(_BOUNDS) + 1)
        self._slowest = 0.0
        self._side = ""
        self._began = self._ended = 0.0

    def add(self, row: Row) -> None:
        self._sent += 1
        self._channels[row.channel] += 1
        self._began = self._began or row.at - row.took
        self._ended = max(self._ended, row.at)
        if row.status:
            self._statuses[row.status] += 1
        if row.failure:
            self._failed += 1
            self._kinds[row.failure] += 1
            if len(self._failures) < KEPT_NOTES:
                self._failures.append(Failure(row.at, row.failure, row.channel))
            return
        if row.channel == "request":
            self._latencies[bisect_left(_BOUNDS, row.took)] += 1
            self._slowest = max(self._slowest, row.took)
        self._answered(row.side, row.at, row.channel)

    def _answered(self, side: str, at: float, channel: str) -> None:
        self._sides[side] += 1
        if channel != "request":  # an old WebSocket tells nothing of where new requests go
            return
        self._first.setdefault(side, at)
        self._last[side] = max(at, self._last.get(side, at))
        times = self._times.setdefault(side, [])
        times.append(max(at, times[-1]) if times else at)
        if len(times) > self._kept:
            del times[: self._kept // 2]
        if side != self._side:
            if self._side and len(self._transitions) < KEPT_NOTES:
                self._transitions.append((at, self._side, side))
            self._side = side

    def report(self) -> LoadReport:
        return LoadReport(
            sent=self._sent,
            failed=self._failed,
            seconds=self._ended - self._began,
            failures_by_kind=dict(self._kinds),
            by_side=dict(self._sides),
            by_status=dict(self._statuses),
            by_channel=dict(self._channels),
            first_by_side=dict(self._first),
            last_by_side=dict(self._last),
            transitions=tuple(self._transitions),
            failures=tuple(self._failures),
            latency_ms=self._latency(),
            times={side: tuple(times) for side, times in self._times.items()},
        )

    def _latency(self) -> dict[str, float]:
        """Percentiles, to 15 percent exactly: the upper bounds of their buckets; and the true maximum."""
        total = sum(self._latencies)
        if not total:
            return {}
        shown = {name: self._quantile(share * total) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}
        return {**shown, "max": round(self._slowest * 1000, 3)}

    def _quantile(self, rank: float) -> float:
        seen = 0
        for bound, count in zip((*_BOUNDS, self._slowest), self._latencies, strict=True):
            seen += count
            if seen >= rank:
                return round(min(bound, self._slowest) * 1000, 3)
        return round(self._slowest * 1000, 3)
