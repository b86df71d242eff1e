"""From what was noted of each way back to figures: pure, no clock, no cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from types import MappingProxyType
from typing import Any

from benchmarks.figures import MeasureError, spread
from lab.load import LoadReport

KUBECTL = "kubectl"
ROLLBACK = "rollback"
PREFECT_DOWN = "prefect_down"
WAYS = (KUBECTL, ROLLBACK, PREFECT_DOWN)
GOALS = MappingProxyType({"enter_to_patch": 0.5, "enter_to_answer": 1.0})
"""Seconds, on a machine that does nothing else: of the median, with Prefect up and with Prefect down."""
RATIO = (
    "median over the rounds of: seconds from Enter to the first old-side answer with `flipgate rollback` (Prefect up), "
    "divided by the same with `kubectl patch`"
)

Heard = Sequence[tuple[float, str]]
"""When the API server told of a change of the route (seconds since the epoch), and the side it named then."""


@dataclass(frozen=True)
class Back:
    """One way back as who typed it saw it. Times in seconds since the epoch: `began` is Enter, `ended` the prompt."""

    way: str
    number: int
    to: str
    began: float
    ended: float


def figures_of(back: Back, heard: Heard, report: LoadReport, until: float) -> dict[str, float]:
    """One way back in seconds. `until` is when the next one began: later changes and answers are not of this one.

    Raises MeasureError when the API server told of no patch, or the load saw no answer of the old side.
    """
    patched = next((at for at, side in heard if side == back.to and back.began <= at < until), None)
    if patched is None:
        raise MeasureError(f"round {back.number}, {back.way}: the API server told of no patch to {back.to}")
    first = report.first_answer_after(back.to, back.began)
    if first is None or first >= until:
        raise MeasureError(f"round {back.number}, {back.way}: no user saw an answer of {back.to}")
    return {"to_patch": patched - back.began, "to_answer": first - back.began, "total": back.ended - back.began}


def summary(backs: Sequence[Back], heard: Heard, report: LoadReport, throttle_ms: int) -> dict[str, Any]:
    """What the last line of `--json` says. Raises MeasureError for a way back that nobody saw."""
    ends = [*(back.began for back in backs[1:]), float("inf")]
    measured = {
        (back.way, back.number): figures_of(back, heard, report, until) for back, until in zip(backs, ends, strict=True)
    }
    rounds = sorted({number for _, number in measured})
    spreads = {way: _spreads([measured[way, number] for number in rounds]) for way in WAYS}
    ratios = {way: _ratios(measured, rounds, way) for way in WAYS if way != KUBECTL}
    slowest = {name: max(spreads[way][name]["median"] for way in ratios) for name in ("to_patch", "to_answer")}
    lost = _lost_by_way(backs, report, ends)
    return {
        "rounds": len(rounds),
        "requests_sent": report.sent,
        "requests_lost": report.failed,
        "lost_by_kind": dict(report.failures_by_kind),
        "lost_by_way": lost,
        "kubectl_seconds": spreads[KUBECTL]["to_answer"]["median"],
        "kubectl_to_patch_seconds": spreads[KUBECTL]["to_patch"]["median"],
        "rollback_to_patch_seconds": spreads[ROLLBACK]["to_patch"]["median"],
        "rollback_to_answer_seconds": spreads[ROLLBACK]["to_answer"]["median"],
        "rollback_ratio": round(median(ratios[ROLLBACK]), 3),
        "rollback_ratio_is": RATIO,
        "prefect_down_to_patch_seconds": spreads[PREFECT_DOWN]["to_patch"]["median"],
        "prefect_down_to_answer_seconds": spreads[PREFECT_DOWN]["to_answer"]["median"],
        "prefect_down_ratio": round(median(ratios[PREFECT_DOWN]), 3),
        "goals": dict(GOALS),
        "met": {f"enter_{name}": slowest[name] <= GOALS[f"enter_{name}"] for name in slowest},
        "throttle_ms": throttle_ms,
        "spreads": spreads,
    }


def table(found: Mapping[str, Any]) -> str:
    """The figures for people."""
    rows = (
        ("Enter to the patch at the API server", "to_patch"),
        ("Enter to the first old-side answer", "to_answer"),
        ("Enter to the prompt", "total"),
    )
    heads = ("kubectl patch", "flipgate rollback", "Prefect swallows")
    lines = [f"{label:40}" + "".join(f"{_cell(found['spreads'][way][key]):>24}" for way in WAYS) for label, key in rows]
    met = ", ".join(f"{name} {'met' if found['met'][name] else 'NOT met'} ({s} s)" for name, s in GOALS.items())
    return "\n".join(
        (
            f"{found['rounds']} rounds, Traefik's throttle {found['throttle_ms']} ms",
            f"{'s: median (least .. greatest)':40}" + "".join(f"{head:>24}" for head in heads),
            *lines,
            f"paired ratio to kubectl, Enter to the first old-side answer: {found['rollback_ratio']:.2f}; "
            f"with Prefect down: {found['prefect_down_ratio']:.2f}",
            f"goals: {met}",
            f"requests: {found['requests_sent']} sent, {found['requests_lost']} lost {found['lost_by_kind'] or ''}",
        )
    )


def _spreads(all_figures: Sequence[Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: spread([figures[name] for figures in all_figures], digits=3) for name in all_figures[0]}


def _ratios(measured: Mapping[tuple[str, int], Mapping[str, float]], rounds: Sequence[int], way: str) -> list[float]:
    return [measured[way, number]["to_answer"] / measured[KUBECTL, number]["to_answer"] for number in rounds]


def _lost_by_way(backs: Sequence[Back], report: LoadReport, ends: Sequence[float]) -> dict[str, int]:
    """Failed requests from Enter to the next Enter: going forward again is in it, so that none is nobody's."""
    lost = dict.fromkeys(WAYS, 0)
    for back, until in zip(backs, ends, strict=True):
        lost[back.way] += sum(back.began <= failure.at < until for failure in report.failures)
    return lost


def _cell(figures: Mapping[str, float]) -> str:
    return f"{figures['median']:.2f} ({figures['min']:.2f} .. {figures['max']:.2f})"
