"""A picture of a release as users saw it: their answers a second by side, under the phases it went through."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT = 860, 280
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 844, 64, 236
_COLOURS = {"blue": "#2563eb", "green": "#15803d"}
_GREY, _PALE, _INK = "#6b7280", "#f3f4f6", "#111827"
_NARROW_SECONDS = 3.0
"""A phase that is shorter has no room for its name beside others': it is said above them."""


class Span(NamedTuple):
    """A phase, from its beginning to its end, in seconds since the epoch."""

    phase: str
    begin: float
    end: float


def draw(times: Mapping[str, Sequence[float]], spans: Sequence[Span], title: str) -> str:
    """Returns an SVG: each side's answers a second as columns on top of each other; `times` says when each side
    answered, in seconds since the epoch. What was before the first phase or after the last is left out."""
    begin, end = spans[0].begin, spans[-1].end
    seconds = max(1, int(end - begin))
    counts = {side: Counter(int(at - begin) for at in times.get(side, ()) if begin <= at < end) for side in _COLOURS}
    most = max((sum(counts[side][at] for side in counts) for at in range(seconds)), default=0) or 1
    parts = [*_phases(spans, begin, seconds), *_columns(counts, seconds, most), *_axes(seconds, most), *_legend(title)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return "\n".join([f'{head} font-family="sans-serif" font-size="11">', *parts, "</svg>", ""])


def _across(seconds: float, whole: int) -> float:
    return _LEFT + (_RIGHT - _LEFT) * seconds / whole


def _phases(spans: Sequence[Span], begin: float, whole: int) -> Iterator[str]:
    for number, span in enumerate(spans):
        left, right = _across(span.begin - begin, whole), _across(min(span.end - begin, whole), whole)
        fill = _PALE if number % 2 else "#ffffff"
        yield f'<rect x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" height="{_BOTTOM - _TOP}" fill="{fill}"/>'
        raised = 14 if span.end - span.begin < _NARROW_SECONDS else 0
        place = f'x="{(left + right) / 2:.1f}" y="{_TOP - 6 - raised}" text-anchor="middle" fill="{_INK}"'
        yield f"<text {place}>{escape(span.phase)}</text>"


def _columns(counts: Mapping[str, Mapping[int, int]], seconds: int, most: int) -> Iterator[str]:
    width = (_RIGHT - _LEFT) / seconds
    for at in range(seconds):
        foot = float(_BOTTOM)
        for side, colour in _COLOURS.items():
            height = (_BOTTOM - _TOP) * counts[side].get(at, 0) / most
            if height:
                foot -= height
                place = f'x="{_across(at, seconds):.1f}" y="{foot:.1f}" width="{width:.1f}" height="{height:.1f}"'
                yield f'<rect {place} fill="{colour}"/>'


def _axes(seconds: int, most: int) -> Iterator[str]:
    yield f'<line x1="{_LEFT}" y1="{_BOTTOM}" x2="{_RIGHT}" y2="{_BOTTOM}" stroke="{_GREY}"/>'
    for at in range(0, seconds + 1, 10):
        place = f'x="{_across(at, seconds):.1f}" y="{_BOTTOM + 16}" text-anchor="middle" fill="{_GREY}"'
        yield f"<text {place}>{at} s</text>"
    yield f'<text x="{_LEFT - 6}" y="{_TOP + 4}" text-anchor="end" fill="{_GREY}">{most}/s</text>'
    yield f'<text x="{_LEFT - 6}" y="{_BOTTOM}" text-anchor="end" fill="{_GREY}">0</text>'


def _legend(title: str) -> Iterator[str]:
    yield f'<text x="{_LEFT}" y="18" font-size="13" fill="{_INK}">{escape(title)}</text>'
    for number, (side, colour) in enumerate(_COLOURS.items()):
        left = _LEFT + number * 130
        yield f'<rect x="{left}" y="{HEIGHT - 16}" width="10" height="10" fill="{colour}"/>'
        yield f'<text x="{left + 16}" y="{HEIGHT - 7}" fill="{_GREY}">answers of {side}</text>'
