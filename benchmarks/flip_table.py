"""The figures of `python -m benchmarks.flip` for people: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.figures import FLIPGATE, FLOW, JUDGES, PATCH, ROLLBACK, WAYS

HEADS = {PATCH: "bare patch", FLIPGATE: "flipgate move", FLOW: "flow from approve", ROLLBACK: "flipgate rollback"}
ROWS = (
    ("the call, or Enter to the prompt", "call"),
    ("  of it before the patch", "before_patch"),
    ("to the first new answer", "first_new"),
    ("to the last old answer", "last_old"),
    ("patch to the first new answer", "first_new_from_patch"),
    ("patch to the last old answer", "last_old_from_patch"),
    ("first new answer, Lease and stamp included", "first_new_with_lease"),
)
LABEL, CELL = 44, 27


def table(found: Mapping[str, Any]) -> str:
    """Both parts, the requests, the goals, and a profile for each goal that was missed."""
    parts = filter(None, (found, found["default_throttle"]))
    lines = [line for part in parts for line in (*_part(part), "")]
    return "\n".join((*lines, *_requests(found), *_goals(found)))


def _part(part: Mapping[str, Any]) -> list[str]:
    """One part: how many flips each way, and their times."""
    ways = [way for way in WAYS if way in part["flips"]]
    counts = ", ".join(f"{part['flips'][way]} x {HEADS[way]}" for way in ways)
    changes = part["endpoint_changes"]
    churn = "no pods come or go" if changes is None else f"pods come and go ({changes} changes of endpoints)"
    lines = [f"Traefik's throttle {part['throttle_ms']} ms, {churn}; flips: {counts}"]
    lines.append(f"{'ms: median (least .. greatest)':{LABEL}}" + "".join(f"{HEADS[way]:>{CELL}}" for way in ways))
    for label, key in ROWS:
        lines.append(f"{label:{LABEL}}" + "".join(f"{_cell(part['spreads'][way][key]):>{CELL}}" for way in ways))
    if part["patch_ratio"] is not None:
        ratio = _cell(part["patch_ratio_spread"], 2)
        from_patch = f"{part['patch_ratio_from_patch']:.2f}"
        lines.append(f"paired ratio of call to first new answer: {ratio}; of patch to first new answer: {from_patch}")
    return lines


def _requests(found: Mapping[str, Any]) -> list[str]:
    each = (f"{n['sent']} {kind}, {n['lost']} lost" for kind, n in found["requests_by_kind"].items())
    total = f"requests: {found['requests_sent']} sent, {found['requests_lost']} lost {found['lost_by_failure'] or ''}"
    return [total.strip(), f"  of them: {'; '.join(each)}"]


def _goals(found: Mapping[str, Any]) -> list[str]:
    met = (
        f"{name} {found[name]} ({'met' if good else 'MISSED'}: at most {found['goals'][name]:g})"
        for name, good in found["met"].items()
    )
    lines = [f"goals: {', '.join(met)}"]
    for name, ways in JUDGES.items():
        for way in () if found["met"].get(name, True) else ways:
            lines += [f"where the time goes, {HEADS[way]}, median ms of each step:"]
            lines += [f"{ms:10.1f}  {step}" for step, ms in found["profile_ms"].get(way, {}).items()]
    return lines


def _cell(figures: Mapping[str, float], digits: int = 1) -> str:
    digits = digits if figures["max"] < 1000 else 0
    return f"{figures['median']:.{digits}f} ({figures['min']:.{digits}f} .. {figures['max']:.{digits}f})"
