"""Draws a gate's numbers around a flip, or before one: the old side's line, the new side's, the flip and the limit."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flipgate.core.gates.sample import GateSample, Limit, Point
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.outward import markdown
from flipgate.core.values.sides import Side
from flipgate.core.values.text import cut

Scale = Callable[[float], float]
WIDTH, HEIGHT = 720, 250
_LEFT, _FLIP, _RIGHT, _TOP, _BOTTOM = 64, 264, 704, 52, 196
_POINTS = 150
"""Of one line: more would not be told apart, and an artifact is to stay small."""
_LONGEST_NOTE = 110
_HALF_A_DAY = timedelta(hours=12)
"""From here on a time is told with its day."""
_COLOURS = {Side.BLUE: "#2563eb", Side.GREEN: "#15803d", None: "#7c3aed"}
_RED, _ORANGE, _GREY, _PALE = "#b91c1c", "#c2410c", "#4b5563", "#e5e7eb"


@dataclass(frozen=True)
class Line:
    """What was measured of a side; None: of either side, by time. A point without a number is a gap."""

    side: Side | None
    points: tuple[Point, ...]


class Span(NamedTuple):
    """The time that is drawn: `begin` to `flip` is the old side's, `flip` to `end` the new one's. Where no flip has
    been, `flip` is `begin`, and no mark is drawn."""

    begin: datetime
    flip: datetime
    end: datetime

    @property
    def flipped(self) -> bool:
        return self.flip > self.begin

    @property
    def place(self) -> int:
        """Where the flip stands in the picture."""
        return _FLIP if self.flipped else _LEFT


@dataclass(frozen=True)
class Graph:
    """What is drawn of one gate."""

    name: str
    """The gate's name."""
    limit: Limit
    span: Span
    lines: tuple[Line, ...]
    note: str = ""
    """What a reader has to know of the numbers."""
    hour: tuple[Side, float] | None = None
    """The old side's one number for its last hour, where there is no line of it."""


def of_looks(samples: Sequence[GateSample], began: datetime) -> tuple[Point, ...]:
    """The looks' own numbers as points; `began` is when their clock did."""
    return tuple((began.timestamp() + sample.at, sample.value) for sample in samples)


def bake_graph(graph: Graph) -> str:
    """Returns an SVG with a legend, ticks on both axes (times are UTC) and the flip marked.

    Before and after the flip have scales of their own: a bake is minutes, and what came before it may be an hour.
    """
    limit = graph.limit.value
    numbers = [value for line in graph.lines for _, value in line.points if value is not None]
    hours = [graph.hour[1]] if graph.hour else []
    low, high = min([*numbers, limit, *hours, 0.0]), max([*numbers, limit, *hours, 0.0])
    marks = _ticks(low, high if high > low else low + 1.0)
    x, y = _time_scale(graph.span), _value_scale(marks)
    drawn = [*_frame(graph, marks, x, y), *_legend(graph), _stroke(_LEFT, y(limit), _RIGHT, y(limit), _RED, "6 4")]
    if graph.hour:
        side, value = graph.hour
        drawn.append(_stroke(_LEFT, y(value), _FLIP, y(value), _COLOURS[side], "2 3"))
    drawn += [shape for line in graph.lines for shape in _runs(line, x, y)]
    if graph.span.flipped:
        drawn.append(_stroke(_FLIP, _TOP - 6, _FLIP, _BOTTOM, _ORANGE, "3 2"))
        drawn.append(_text(_FLIP, _TOP - 9, "flip", _ORANGE, "middle"))
    return _svg(drawn)


def as_markdown(name: str, svg: str) -> str:
    """The picture inside a Markdown text, with nothing to be fetched: Prefect's pages show images of this form."""
    return f"![{markdown(name)}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _time_scale(span: Span) -> Scale:
    begin, flip, end = (moment.timestamp() for moment in span)
    place = span.place

    def x(at: float) -> float:
        if at <= flip:
            return place - (flip - max(at, begin)) / max(flip - begin, 1.0) * (place - _LEFT)
        return place + (min(at, end) - flip) / max(end - flip, 1.0) * (_RIGHT - place)

    return x


def _value_scale(marks: Sequence[float]) -> Scale:
    low, high = marks[0], marks[-1]
    return lambda value: _BOTTOM - (value - low) / (high - low) * (_BOTTOM - _TOP)


def _ticks(low: float, high: float) -> list[float]:
    """Four to seven round numbers that hold both."""
    rough = (high - low) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [mark * step for mark in range(first, max(last, first + 1) + 1)]


def _frame(graph: Graph, marks: Sequence[float], x: Scale, y: Scale) -> Iterator[str]:
    for mark in marks:
        yield _stroke(_LEFT, y(mark), _RIGHT, y(mark), _PALE)
        yield _text(_LEFT - 6, y(mark) + 4, f"{mark:.4g}", _GREY, "end")
    yield _stroke(_LEFT, _BOTTOM, _RIGHT, _BOTTOM, _GREY)
    yield _stroke(_LEFT, _TOP, _LEFT, _BOTTOM, _GREY)
    begin, flip, end = graph.span
    middle = flip + (end - flip) / 2
    clock = "%d %b %H:%M" if end - begin > _HALF_A_DAY else "%H:%M:%S"
    flips = ((flip, "middle"),) if graph.span.flipped else ()
    for moment, anchor in ((begin, "start"), *flips, (middle, "middle"), (end, "end")):
        at = x(moment.timestamp())
        yield _stroke(at, _BOTTOM, at, _BOTTOM + 4, _GREY)
        yield _text(at, _BOTTOM + 16, f"{moment.astimezone(UTC):{clock}}", _GREY, anchor)
    scales = "; before and after the flip at scales of their own" if graph.span.flipped else ""
    yield _text(_LEFT, _BOTTOM + 32, f"time in UTC{scales}", _GREY)
    if graph.note:
        yield _text(_LEFT, _BOTTOM + 47, cut(graph.note, _LONGEST_NOTE), _GREY)


def _legend(graph: Graph) -> Iterator[str]:
    yield _text(_LEFT, 16, graph.name, "#111827", bold=True)
    entries = [(str(line.side) if line.side else "either side", _COLOURS[line.side], "none") for line in graph.lines]
    if graph.hour:
        entries.append((f"{graph.hour[0]}'s last hour: {graph.hour[1]:.4g}", _COLOURS[graph.hour[0]], "2 3"))
    entries.append((f"{graph.limit.word} {graph.limit.value:.4g}", _RED, "6 4"))
    at = _LEFT + 24.0 + 7 * len(graph.name)
    for name, colour, dashes in entries:
        yield _stroke(at, 12, at + 22, 12, colour, dashes, 2)
        yield _text(at + 28, 16, name, colour)
        at += 52 + 6.5 * len(name)


def _runs(line: Line, x: Scale, y: Scale) -> list[str]:
    """Lines through points that follow each other; a gap stays a gap, with a mark below where nothing was known."""
    drawn: list[str] = []
    run: list[str] = []
    colour = _COLOURS[line.side]
    for at, value in line.points[:: max(1, -(-len(line.points) // _POINTS))]:
        if value is None:
            drawn += [_polyline(run, colour)] if run else []
            drawn.append(_stroke(x(at), _BOTTOM - 5, x(at), _BOTTOM, "#9ca3af"))
            run = []
        else:
            run.append(f"{x(at):.1f},{y(value):.1f}")
    return [*drawn, *([_polyline(run, colour)] if run else [])]


def _polyline(points: Sequence[str], colour: str) -> str:
    if len(points) == 1:
        cx, cy = points[0].split(",")
        return f'<circle cx="{cx}" cy="{cy}" r="2.5" fill="{colour}"/>'
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str = "none", width: int = 1) -> str:
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    more = "" if dashes == "none" else f' stroke-dasharray="{dashes}"'
    return f'<line {place} stroke="{colour}" stroke-width="{width}"{more}/>'


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start", bold: bool = False) -> str:
    from html import escape

    more = ("" if anchor == "start" else f' text-anchor="{anchor}"') + (' font-weight="bold"' if bold else "")
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}"{more}>{escape(text)}</text>'


def _svg(drawn: Iterable[str]) -> str:
    paper = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'{head} font-size="11" font-family="sans-serif">{paper}{"".join(drawn)}</svg>'
