"""From what was noted of each flip to figures: pure, no clock, no cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from types import MappingProxyType
from typing import Any

from lab.load import LoadReport

PATCH = "patch"
FLIPGATE = "flipgate"
FLOW = "flow"
ROLLBACK = "rollback"
WAYS = (PATCH, FLIPGATE, FLOW, ROLLBACK)
CHANNELS = MappingProxyType({"short": "request", "long": "long", "websocket": "websocket"})
"""What is sent, as the figures and as the load call it. Of a WebSocket each message that is answered counts."""
GOALS = MappingProxyType(
    {"patch_ratio": 1.2, "requests_lost": 0, "approve_to_moved_seconds": 6.0, "rollback_seconds": 1.0}
)
"""At most so much, of the medians at the short throttle, on a machine that does nothing else; lost: in all."""
JUDGES = MappingProxyType(
    {"patch_ratio": (PATCH, FLIPGATE), "approve_to_moved_seconds": (FLOW,), "rollback_seconds": (ROLLBACK,)}
)
"""Whose profile shows why a goal was missed."""
RATIO = (
    "median over the pairs of: ms from the start of flipgate's move() to the first new answer, divided by "
    "ms from the start of the bare patch to the first new answer"
)


class MeasureError(RuntimeError):
    """A flip that cannot be measured: its figures would be guesses."""


@dataclass(frozen=True)
class Flip:
    """One flip as its caller saw it. Times in seconds since the epoch.

    `began` is right before the call, or Enter; `patched` right before the route's patch was sent, or (a process of its
    own) when a watch heard of it; `ended` right after the call, or the prompt. `lease` is how many seconds taking the
    Lease, the epoch and the stamp took before `began` (only for flipgate's move). `steps` says in ms where the time
    from `began` to `patched` went.
    """

    way: str
    pair: int
    old: str
    new: str
    began: float
    patched: float
    ended: float
    lease: float = 0.0
    steps: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """A flip, its figures in milliseconds, and how many requests failed from it to the next one."""

    flip: Flip
    ms: Mapping[str, float]
    lost: int = 0


@dataclass(frozen=True)
class Counted:
    """What users sent and lost, by channel (`CHANNELS`), and how what was lost failed."""

    sent: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Counted) -> Counted:
        return Counted(self.sent + other.sent, self.lost + other.lost, self.kinds + other.kinds)

    @classmethod
    def of(cls, reports: Iterable[LoadReport]) -> Counted:
        """All of these loads together. Of more than 1,000 failures of one load only the channels of the first count."""
        total = cls()
        for report in reports:
            lost = Counter(failure.channel for failure in report.failures)
            total += cls(Counter(report.by_channel), lost, Counter(report.failures_by_kind))
        return total

    def by_channel(self) -> dict[str, dict[str, int]]:
        return {name: {"sent": self.sent[channel], "lost": self.lost[channel]} for name, channel in CHANNELS.items()}


@dataclass(frozen=True)
class Part:
    """All flips at one throttle, and what users sent meanwhile. `endpoint_changes`: None where no pods came or went."""

    throttle_ms: int
    measured: Sequence[Measured]
    counted: Counted
    endpoint_changes: int | None = None


def steps_between(began: float, marks: Sequence[tuple[str, float | None]]) -> dict[str, float]:
    """Each mark's ms since the one before it. One that nobody noted, or before its time, is in the next one's ms."""
    steps, since = {}, began
    for name, at in marks:
        if at is not None and at >= since:
            steps[name] = _ms(since, at)
            since = at
    return steps


def figures_of(flip: Flip, report: LoadReport, until: float) -> dict[str, float]:
    """One flip in milliseconds. `until` is when the next flip began: later answers are not of this one.

    Raises MeasureError when the load saw no answer of the new side.
    """
    first = report.first_answer_after(flip.new, flip.began)
    if first is None or first >= until:
        raise MeasureError(f"pair {flip.pair}, {flip.way}: no user saw an answer of {flip.new}")
    old = [at for at in report.times.get(flip.old, ()) if flip.began <= at < until]
    last = max(old, default=flip.began)
    return {
        "call": _ms(flip.began, flip.ended),
        "before_patch": _ms(flip.began, flip.patched),
        "first_new": _ms(flip.began, first),
        "first_new_from_patch": _ms(flip.patched, first),
        "first_new_with_lease": _ms(flip.began - flip.lease, first),
        "last_old": _ms(flip.began, last),
        "last_old_from_patch": _ms(flip.patched, last),
    }


def measured(flips: Sequence[Flip], report: LoadReport) -> list[Measured]:
    """The flips of one load, in their order. Raises MeasureError for a flip that nobody saw."""
    ends = [*(flip.began - flip.lease for flip in flips[1:]), float("inf")]
    return [
        Measured(flip, figures_of(flip, report, until), sum(flip.began <= each.at < until for each in report.failures))
        for flip, until in zip(flips, ends, strict=True)
    ]


def part_summary(part: Part) -> dict[str, Any]:
    """One part's figures, by way where there are several."""
    by_way = {way: [each for each in part.measured if each.flip.way == way] for way in WAYS}
    by_way = {way: found for way, found in by_way.items() if found}
    spreads = {way: _spreads([each.ms for each in found]) for way, found in by_way.items()}
    return {
        "throttle_ms": part.throttle_ms,
        "flips": {way: len(found) for way, found in by_way.items()},
        "endpoint_changes": part.endpoint_changes,
        **_ratios(part.measured),
        "approve_to_moved_seconds": _seconds(spreads, FLOW, "before_patch"),
        "rollback_seconds": _seconds(spreads, ROLLBACK, "first_new"),
        "first_new_answer_ms": _medians(spreads, "first_new"),
        "first_new_answer_from_patch_ms": _medians(spreads, "first_new_from_patch"),
        "last_old_answer_ms": _medians(spreads, "last_old"),
        "call_ms": _medians(spreads, "call"),
        "requests_sent": part.counted.sent.total(),
        "requests_lost": part.counted.lost.total(),
        "requests_by_kind": part.counted.by_channel(),
        "lost_by_failure": dict(part.counted.kinds),
        "lost_by_way": {way: sum(each.lost for each in found) for way, found in by_way.items()},
        "profile_ms": {way: profile(found) for way, found in by_way.items()},
        "spreads": spreads,
    }


def summary(quick: Part, default: Part | None) -> dict[str, Any]:
    """What the last line of `--json` says: the part at the short throttle, and under `default_throttle` the other.
    Requests are those of both. `met` has the goals that were measured. `default` is None where nobody flipped at it."""
    found, other = part_summary(quick), part_summary(default) if default else None
    counted = quick.counted + (default.counted if default else Counted())
    found |= {"requests_sent": counted.sent.total(), "requests_lost": counted.lost.total()}
    found |= {"requests_by_kind": counted.by_channel(), "lost_by_failure": dict(counted.kinds)}
    met = {name: found[name] <= most for name, most in GOALS.items() if found[name] is not None}
    return {**found, "patch_ratio_is": RATIO, "goals": dict(GOALS), "met": met, "default_throttle": other}


def paired_ratios(measured: Sequence[Measured], name: str) -> list[float]:
    """flipgate's figure divided by the bare patch's, pair by pair."""
    by = {(each.flip.way, each.flip.pair): each.ms[name] for each in measured}
    pairs = sorted({pair for way, pair in by if way == FLIPGATE})
    return [by[FLIPGATE, pair] / by[PATCH, pair] for pair in pairs]


def profile(found: Sequence[Measured]) -> dict[str, float]:
    """Median ms of each step up to the patch, and of what follows it, in their order."""
    names = list(dict.fromkeys(name for each in found for name in each.flip.steps))
    steps = {name: median([each.flip.steps.get(name, 0.0) for each in found]) for name in names}
    steps["from the patch to the first new answer"] = median([each.ms["first_new_from_patch"] for each in found])
    return {name: round(ms, 1) for name, ms in steps.items()}


def spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    """Median, least and greatest."""
    shown = {"median": median(values), "min": min(values), "max": max(values)}
    return {name: round(value, digits) for name, value in shown.items()}


def _ratios(measured: Sequence[Measured]) -> dict[str, Any]:
    ratios = paired_ratios(measured, "first_new")
    if not ratios:
        return {"patch_ratio": None, "patch_ratio_from_patch": None, "patch_ratio_spread": None}
    return {
        "patch_ratio": round(median(ratios), 3),
        "patch_ratio_from_patch": round(median(paired_ratios(measured, "first_new_from_patch")), 3),
        "patch_ratio_spread": spread(ratios, digits=3),
    }


def _spreads(all_ms: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: spread([ms[name] for ms in all_ms]) for name in all_ms[0]}


def _seconds(spreads: Mapping[str, Mapping[str, Mapping[str, float]]], way: str, name: str) -> float | None:
    return round(spreads[way][name]["median"] / 1000, 3) if way in spreads else None


def _medians(spreads: Mapping[str, Mapping[str, Mapping[str, float]]], name: str) -> dict[str, float]:
    return {way: spreads[way][name]["median"] for way in spreads}


def _ms(since: float, until: float) -> float:
    return (until - since) * 1000
