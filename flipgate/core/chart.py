"""A gate's numbers over a bake as a picture: the old side's, the flip, the new side's, and the limit."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from html import escape

from flipgate.core.gate_rules import Gate
from flipgate.core.metrics_gates import GateSample

Scale = Callable[[float], float]
WIDTH, HEIGHT = 640, 160
_LEFT, _FLIP, _RIGHT, _TOP, _BOTTOM = 60, 180, 630, 24, 136
_POINTS = 300
"""Of one line: more would not be told apart, and an artifact is to stay small."""


def bake_chart(gate: Gate, samples: Sequence[GateSample], since_flip: float = 0.0) -> str:
    """An SVG: left of the flip the old side's last hour as the one number that it is, right of it each look's number.

    Looks without a number are grey marks on the axis. `since_flip` is how long after the flip the first look's clock
    began, in seconds. A limit is a dashed line.
    """
    numbers = [sample.value for sample in samples if sample.value is not None]
    old = next((sample.old for sample in reversed(samples) if sample.old is not None), None)
    limits = [limit for limit in (gate.min, gate.max) if limit is not None]
    highest = max([*numbers, *limits, *([] if old is None else [old]), 0.0]) or 1.0
    lowest = min([*numbers, *limits, *([] if old is None else [old]), 0.0])
    longest = max((sample.at for sample in samples), default=0.0) + since_flip or 1.0

    def x(at: float) -> float:
        return _FLIP + (at + since_flip) / longest * (_RIGHT - _FLIP)

    def y(value: float) -> float:
        return _BOTTOM - (value - lowest) / (highest - lowest) * (_BOTTOM - _TOP)

    drawn = [_line(_FLIP, _TOP - 8, _FLIP, _BOTTOM, "#c2410c", "3 2"), _text(_FLIP + 4, _TOP - 10, "flip", "#c2410c")]
    drawn += [_line(_LEFT, y(limit), _RIGHT, y(limit), "#b91c1c", "6 4") for limit in limits]
    drawn += [_text(2, y(limit) + 4, f"{limit:.4g}", "#b91c1c") for limit in limits]
    if old is not None:
        drawn += [_line(_LEFT, y(old), _FLIP, y(old), "#2563eb"), _text(_LEFT, y(old) - 4, f"old {old:.4g}", "#2563eb")]
    step = max(1, -(-len(samples) // _POINTS))
    drawn += _runs(samples[::step], x, y)
    drawn += [_text(_LEFT, HEIGHT - 6, f"{gate.name}: an hour before, {longest:.0f} s after the flip", "#6b7280")]
    return _svg(drawn)


def as_markdown(name: str, svg: str) -> str:
    """The picture inside a Markdown text, with nothing to be fetched: Prefect's pages show images of this form."""
    return f"![{name}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _runs(samples: Iterable[GateSample], x: Scale, y: Scale) -> list[str]:
    """Lines through looks that follow each other; a gap stays a gap."""
    drawn: list[str] = []
    run: list[str] = []
    for sample in samples:
        at = x(sample.at)
        if sample.value is None:
            drawn += [_polyline(run)] if run else []
            drawn.append(_line(at, _BOTTOM, at, _BOTTOM + 6, "#9ca3af"))
            run = []
        else:
            run.append(f"{at:.1f},{y(sample.value):.1f}")
    return [*drawn, *([_polyline(run)] if run else [])]


def _polyline(points: Sequence[str]) -> str:
    if len(points) == 1:
        cx, cy = points[0].split(",")
        return f'<circle cx="{cx}" cy="{cy}" r="2.5" fill="#15803d"/>'
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="#15803d" stroke-width="2"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str = "none") -> str:
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {place} stroke="{colour}" stroke-dasharray="{dashes}"/>'


def _text(x: float, y: float, text: str, colour: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" font-family="sans-serif" fill="{colour}">{escape(text)}</text>'
    )


def _svg(drawn: Iterable[str]) -> str:
    frame = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>' + _line(
        _LEFT, _BOTTOM, _RIGHT, _BOTTOM, "#9ca3af"
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">{frame}{"".join(drawn)}</svg>'
