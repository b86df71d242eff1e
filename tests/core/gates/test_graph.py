"""The picture of a bake: what is drawn where."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import pytest

from flipgate.core.gates.graph import HEIGHT, WIDTH, Graph, Line, Span, as_markdown, bake_graph, of_looks
from flipgate.core.gates.prometheus import read_range
from flipgate.core.gates.sample import GateSample, Limit, Point
from tests.core.builders import BLUE, GREEN, at

SVG = "{http://www.w3.org/2000/svg}"
COLOUR = {BLUE: "#2563eb", GREEN: "#15803d"}


def points(*found: tuple[float, float | None]) -> tuple[Point, ...]:
    return tuple((at(second).timestamp(), value) for second, value in found)


def graph(*lines: Line, end: datetime | None = None, **facts: Any) -> Graph:
    """From a quarter of an hour before the flip to a minute after it."""
    return Graph("slow", Limit(10), Span(at(-900), at(), end or at(60)), lines, **facts)


def drawn(made: Graph) -> ElementTree.Element:
    return ElementTree.fromstring(bake_graph(made))


def places(root: ElementTree.Element, colour: str) -> list[list[tuple[float, float]]]:
    """The lines of one colour that go through points."""
    found = [each for each in root.iter(f"{SVG}polyline") if each.get("stroke") == colour]
    return [
        [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", each.get("points", ""))] for each in found
    ]


def test_both_sides_the_flip_the_limit_and_what_was_unknown() -> None:
    old = Line(BLUE, points((-900, 4), (-10, 5), (30, 0.5), (40, None), (50, 1)))
    new = Line(GREEN, points((1, 5), (20, 20)))
    root = drawn(graph(old, new))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"slow", "flip", "blue", "green", "at most 10", "0", "20"} <= set(texts)
    assert {"11:45:00", "12:00:00", "12:00:30", "12:01:00"} <= set(texts), "UTC, at the ends, the flip and between"
    flip = next(float(each.get("x1", "")) for each in root.iter(f"{SVG}line") if each.get("stroke") == "#c2410c")
    (before,) = places(root, COLOUR[BLUE])
    (after,) = places(root, COLOUR[GREEN])
    (left,) = root.iter(f"{SVG}circle")
    assert before[0][0] < before[1][0] < flip < after[0][0] < after[1][0] < before[2][0] < float(left.get("cx", ""))
    assert after[1][1] < after[0][1] == before[1][1] < before[0][1] < before[2][1], "higher is further up"


def test_where_no_flip_has_been_the_whole_width_is_both_sides_and_no_mark_is_drawn() -> None:
    lines = (Line(BLUE, points((0, 4), (60, 5))), Line(GREEN, points((0, 1), (60, 2))))
    root = drawn(Graph("slow", Limit(10), Span(at(), at(), at(60)), lines))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "flip" not in texts
    assert texts.count("12:00:00") == 1
    ends = {(way[0][0], way[-1][0]) for side in COLOUR for way in places(root, COLOUR[side])}
    assert ends == {(64.0, 704.0)}


def test_times_of_more_than_half_a_day_are_told_with_their_day() -> None:
    root = drawn(graph(Line(GREEN, points((1, 5), (20, 20))), end=at(86_400)))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"01 Mar 12:00", "02 Mar 12:00"} <= set(texts)


def test_what_prometheus_did_not_give_is_drawn_from_the_looks_and_said() -> None:
    looks = of_looks([GateSample(0, 5), GateSample(1, None), GateSample(2, 1)], at(5))
    assert looks == points((5, 5), (6, None), (7, 1))
    root = drawn(
        graph(Line(GREEN, looks), note="The bake's own looks (Prometheus cannot be reached)", hour=(BLUE, 4.0))
    )
    texts = " ".join(text.text or "" for text in root.iter(f"{SVG}text"))
    assert "The bake's own looks (Prometheus cannot be reached)" in texts
    assert "blue's last hour: 4" in texts


def test_a_number_of_either_side_is_neither_sides() -> None:
    root = drawn(graph(Line(None, points((-5, 1), (5, 2)))))
    assert "either side" in [text.text for text in root.iter(f"{SVG}text")]
    assert not places(root, COLOUR[BLUE])
    assert not places(root, COLOUR[GREEN])


MANY = tuple((float(second), float(second % 7)) for second in range(-900, 20_000))


@pytest.mark.parametrize(
    "line",
    [
        (),
        ((0, None),),
        ((0, 0.0),),
        ((0, -5.0),),
        ((0, 1e-9),),
        ((0, 1e12), (3, -1e12)),
        ((-5000, 1.0), (5000, 1.0)),
        MANY,
    ],
    ids=["empty", "unknown", "zero", "negative", "tiny", "huge", "outside", "many"],
)
def test_it_is_drawn_whatever_was_found_and_stays_small(line: tuple[tuple[float, float | None], ...]) -> None:
    for end in (at(20_000), at()):
        svg = bake_graph(graph(Line(GREEN, points(*line)), Line(BLUE, points(*line)), end=end))
        ElementTree.fromstring(svg)
        assert len(svg) < 10_000
        numbers = [float(n) for n in re.findall(r' [xy][12]?="(-?[\d.]+)"', svg)]
        assert all(-1 <= number <= max(WIDTH, HEIGHT) for number in numbers)
    text = as_markdown("slow", svg)
    assert base64.b64decode(text.partition("base64,")[2].rstrip(")")).decode() == svg


@pytest.mark.parametrize(
    ("result", "found"),
    [
        ([{"values": [[1, "0.5"], [2, "NaN"], [3, "1"]]}], (((1, 0.5), (2, None), (3, 1.0)), "")),
        ([{"values": [[1, "2"], [9, "3"]]}], (((1, 2.0), (2, None), (9, 3.0)), "")),
        ([{"values": [[1, "NaN"]]}], (None, "no number in it")),
        ([], (None, "no data")),
        ([{"values": []}] * 2, (None, "2 series where one line is wanted")),
        ([{"value": 1}], (None, "not one line")),
        ({}, (None, "not a Prometheus answer")),
    ],
)
def test_a_line_of_prometheus_has_gaps_where_it_has_no_number(result: Any, found: Any) -> None:
    assert read_range(result, 1) == found
