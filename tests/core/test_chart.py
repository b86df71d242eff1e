"""The picture of a bake: what is drawn where."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

from flipgate.core.chart import HEIGHT, WIDTH, as_markdown, bake_chart
from flipgate.core.gate_rules import Gate
from flipgate.core.metrics_gates import GateSample

SVG = "{http://www.w3.org/2000/svg}"
GATE = Gate(name="slow", promql="x{{namespace}}", of="namespace", max=10, relative_to="old", factor=2)


def test_both_sides_the_flip_the_limit_and_what_was_unknown() -> None:
    samples = [GateSample(0, 5, old=4), GateSample(1, 20, old=4), GateSample(2, None), GateSample(3, 1, old=4)]
    root = ElementTree.fromstring(bake_chart(GATE, samples, 1))
    assert {"flip", "10", "old 4"} <= {text.text for text in root.iter(f"{SVG}text")}
    (line,) = root.iter(f"{SVG}polyline")
    (single,) = root.iter(f"{SVG}circle")
    first, second = (tuple(map(float, point.split(","))) for point in line.get("points", "").split())
    flip = next(float(each.get("x1", "")) for each in root.iter(f"{SVG}line") if each.get("stroke") == "#c2410c")
    old = next(each for each in root.iter(f"{SVG}line") if each.get("stroke") == "#2563eb")
    assert flip < first[0] < second[0] < float(single.get("cx", ""))
    assert second[1] < first[1] < float(old.get("y1", "")) < float(single.get("cy", "")), "higher is further up"
    assert float(old.get("x2", "")) == flip
    assert len([each for each in root.iter(f"{SVG}line") if each.get("y2") == "142.0"]) == 1, (
        "the look without a number"
    )


def test_it_is_drawn_whatever_was_found_and_stays_small() -> None:
    many = [GateSample(at, float(at % 7)) for at in range(20_000)]
    for samples in ([], [GateSample(0, None)], [GateSample(0, 0.0)], [GateSample(0, -5.0)], many):
        svg = bake_chart(GATE, samples)
        ElementTree.fromstring(svg)
        assert len(svg) < 10_000
        numbers = [float(n) for n in re.findall(r'[xy][12]?="(-?[\d.]+)"', svg)]
        assert all(-1 <= number <= max(WIDTH, HEIGHT) for number in numbers)
    text = as_markdown("slow", svg)
    assert base64.b64decode(text.partition("base64,")[2].rstrip(")")).decode() == svg
