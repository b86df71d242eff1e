"""From what was noted of each flip to figures: pure, no clock, no cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from lab.load import LoadReport

PATCH = "patch"
FLIPGATE = "flipgate"
WAYS = (PATCH, FLIPGATE)
RATIO = (
    "median over the pairs of: ms from the start of flipgate's move() to the first new answer, divided by "
    "ms from the start of the bare patch to the first new answer"
)


class MeasureError(RuntimeError):
    """A flip that cannot be measured: its figures would be guesses."""


@dataclass(frozen=True)
class Flip:
    """One flip as its caller saw it. Times in seconds since the epoch.

    `began` is right before the call, `patched` right before the route's patch was sent, `ended` right after the call.
    `lease` is how many seconds taking the Lease, the epoch and the stamp took before `began` (0 for the bare patch).
    """

    way: str
    pair: int
    old: str
    new: str
    began: float
    patched: float
    ended: float
    lease: float = 0.0


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


def summary(flips: Sequence[Flip], report: LoadReport, throttle_ms: int) -> dict[str, Any]:
    """What the last line of `--json` says. Raises MeasureError for a flip that nobody saw."""
    ends = [*(flip.began - flip.lease for flip in flips[1:]), float("inf")]
    measured = [(flip, figures_of(flip, report, until)) for flip, until in zip(flips, ends, strict=True)]
    by_way = {way: [figures for flip, figures in measured if flip.way == way] for way in WAYS}
    spreads = {way: {name: spread([f[name] for f in by_way[way]]) for name in by_way[way][0]} for way in WAYS}
    ratios = paired_ratios(measured, "first_new")
    return {
        "patch_ratio": round(median(ratios), 3),
        "patch_ratio_is": RATIO,
        "patch_ratio_from_patch": round(median(paired_ratios(measured, "first_new_from_patch")), 3),
        "patch_ratio_spread": spread(ratios, digits=3),
        "first_new_answer_ms": _medians(spreads, "first_new"),
        "first_new_answer_from_patch_ms": _medians(spreads, "first_new_from_patch"),
        "last_old_answer_ms": _medians(spreads, "last_old"),
        "call_ms": _medians(spreads, "call"),
        "flipgate_with_lease_ms": spreads[FLIPGATE]["first_new_with_lease"]["median"],
        "requests_sent": report.sent,
        "requests_lost": report.failed,
        "lost_by_kind": dict(report.failures_by_kind),
        "flips": len(flips) // len(WAYS),
        "throttle_ms": throttle_ms,
        "spreads": spreads,
    }


def paired_ratios(measured: Sequence[tuple[Flip, Mapping[str, float]]], name: str) -> list[float]:
    """flipgate's figure divided by the bare patch's, pair by pair."""
    by = {(flip.way, flip.pair): figures[name] for flip, figures in measured}
    pairs = sorted({pair for _, pair in by})
    return [by[FLIPGATE, pair] / by[PATCH, pair] for pair in pairs]


def spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    """Median, least and greatest."""
    shown = {"median": median(values), "min": min(values), "max": max(values)}
    return {name: round(value, digits) for name, value in shown.items()}


def table(found: Mapping[str, Any]) -> str:
    """The figures for people."""
    rows = (
        ("the call itself", "call"),
        ("  of it before the patch is sent", "before_patch"),
        ("call to first new answer", "first_new"),
        ("call to last old answer", "last_old"),
        ("patch to first new answer", "first_new_from_patch"),
        ("patch to last old answer", "last_old_from_patch"),
        ("first new answer, Lease and stamp included", "first_new_with_lease"),
    )
    head = f"{'ms: median (least .. greatest)':40}{'bare patch':>26}{'flipgate move':>26}"
    lines = [f"{label:40}" + "".join(f"{_cell(found['spreads'][way][key]):>26}" for way in WAYS) for label, key in rows]
    ratio = found["patch_ratio_spread"]
    return "\n".join(
        (
            f"{found['flips']} flips each way, Traefik's throttle {found['throttle_ms']} ms",
            head,
            *lines,
            f"paired ratio of call to first new answer: {_cell(ratio, 2)}; "
            f"of patch to first new answer: {found['patch_ratio_from_patch']:.2f}",
            f"requests: {found['requests_sent']} sent, {found['requests_lost']} lost {found['lost_by_kind'] or ''}",
        )
    )


def _cell(figures: Mapping[str, float], digits: int = 1) -> str:
    return f"{figures['median']:.{digits}f} ({figures['min']:.{digits}f} .. {figures['max']:.{digits}f})"


def _medians(spreads: Mapping[str, Mapping[str, Mapping[str, float]]], name: str) -> dict[str, float]:
    return {way: spreads[way][name]["median"] for way in WAYS}


def _ms(since: float, until: float) -> float:
    return (until - since) * 1000
