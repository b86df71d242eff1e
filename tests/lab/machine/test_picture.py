"""The demo's picture: whose answers users had, second by second, under the phases."""

from __future__ import annotations

from xml.etree import ElementTree

from lab.stories.picture import Span, draw

SPANS = [Span("deploying", 100.0, 104.0), Span("flipping", 104.0, 105.0), Span("baking", 105.0, 110.0)]
TIMES = {"blue": [100.5, 101.5, 101.6, 104.2], "green": [104.8, 106.1, 109.9, 111.0]}


def test_each_second_has_a_column_of_each_side_that_answered_in_it() -> None:
    picture = draw(TIMES, SPANS, "0 of 8 requests <lost>")
    root = ElementTree.fromstring(picture)
    columns = [each for each in root if each.get("fill") in ("#2563eb", "#15803d") and each.get("height") != "10"]
    assert len(columns) == 6
    words = [each.text for each in root if each.tag.endswith("text")]
    assert {"deploying", "flipping", "baking", "2/s", "0 of 8 requests <lost>"} <= set(words)


def test_a_release_nobody_asked_through_is_drawn_all_the_same() -> None:
    assert ElementTree.fromstring(draw({}, SPANS, "nobody")) is not None
