"""Pictures of a bake: both sides' lines from Prometheus, and from the looks where it does not answer."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from flipgate.core.gates.sample import GateSample
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.watching.graph import BEFORE_SECONDS, Bake
from flipgate.steps.watching.reader import POINTS
from flipgate.steps.watching.watch import watch
from tests.api.bakes import RATIO, declared, flipped, held
from tests.api.town import Town, world_of
from tests.api.wire import Answer, Handler, number, serving

BLUE, GREEN, NEITHER = "#2563eb", "#15803d", "#7c3aed"


def matrix(*values: str, series: int = 1) -> bytes:
    line = {"metric": {}, "values": [[second, value] for second, value in enumerate(values)]}
    return json.dumps({"status": "success", "data": {"result": [line] * series}}).encode()


class Prometheus:
    """Answers each question for a range by the namespace in it. What it was asked stays."""

    def __init__(self, **answers: Answer | None) -> None:
        self.answers, self.asked = answers, list[dict[str, str]]()

    def __call__(self, request: Handler) -> Answer | None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(request.path).query).items()}
        self.asked.append(query)
        return next(answer for name, answer in self.answers.items() if name in query["query"])


def picture(tmp_path: Path, prometheus: Prometheus, gate: str = f"{RATIO}, windowSeconds: 20}}") -> str:
    """The one picture of a bake that has looked twice, as SVG."""
    release = flipped(30)
    assert release.flipped_at
    with serving(prometheus, tmp_path) as cluster:
        world = world_of(cluster, declared(cluster.server, gate))
        samples = {"ratio": (GateSample(0, 0.25, old=0.125), GateSample(29, 0.5, old=0.125))}
        bake = Bake(world, release, release.flipped_at + timedelta(seconds=1), samples)
        (markdown,) = bake.pictures()
    return base64.b64decode(markdown.partition("base64,")[2].rstrip(")")).decode()


def colours(svg: str) -> set[str]:
    return set(re.findall(r'<polyline [^>]*stroke="(#\w+)"', svg))


def test_the_old_side_is_drawn_before_and_after_the_flip_and_the_new_one_after_it(tmp_path: Path) -> None:
    prometheus = Prometheus(shop=(200, matrix("0.5", "0.25")))
    svg = picture(tmp_path, prometheus)
    assert colours(svg) == {BLUE, GREEN}
    assert "looks" not in svg
    green, before, after = prometheus.asked
    assert (green["query"], before["query"]) == ('x{namespace="shop-green"}[20s]', 'x{namespace="shop-blue"}[20s]')
    flip = round(flipped(30).flipped_at.timestamp())
    for asked, seconds in ((green, 30), (before, BEFORE_SECONDS), (after, 30)):
        assert float(asked["end"]) - float(asked["start"]) == pytest.approx(seconds, abs=1)
        assert seconds / float(asked["step"]) <= POINTS, "bounded, however long it was"
    assert float(before["end"]) == pytest.approx(flip, abs=2)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "Prometheus cannot be reached"),
        ((200, b"<html>"), "not a Prometheus answer"),
        ((200, matrix("1", series=2)), "2 series"),
    ],
)
def test_the_looks_are_drawn_where_prometheus_has_no_line(tmp_path: Path, answer: Answer | None, why: str) -> None:
    svg = picture(tmp_path, Prometheus(shop=answer))
    assert colours(svg) == {GREEN}
    assert "The bake's own looks" in svg.replace("&#x27;", "'")
    assert why in svg
    assert "last hour: 0.125" in svg


def test_a_first_release_has_no_line_of_an_old_side(tmp_path: Path) -> None:
    svg = picture(tmp_path, Prometheus(green=(200, matrix("1", "2")), blue=(200, matrix(series=0))))
    assert colours(svg) == {GREEN}
    assert "blue: no data" in svg


def test_what_names_no_side_is_one_line(tmp_path: Path) -> None:
    svg = picture(tmp_path, Prometheus(x=(200, matrix("1", "2"))), "{name: ratio, promql: x, max: 0.1, of: time}")
    assert colours(svg) == {NEITHER}


def test_no_bake_waits_for_its_picture(tmp_path: Path) -> None:
    ranges: list[str] = []
    made: list[Callable[[], list[str]]] = []
    town = Town()

    def script(request: Handler) -> Answer | None:
        if "query_range" in request.path:
            ranges.append(request.path)
            return 503, b"busy"
        return (200, number("0")) if "/api/v1/query" in request.path else town(request)

    with serving(script, tmp_path) as cluster:
        world = world_of(cluster, declared(cluster.server, f"{RATIO}}}", bake=0))
        found = {evidence.gate: evidence.verdict for evidence in watch(world, flipped(), held, show_graphs=made.append)}
        assert (found["ratio"], ranges) == (Verdict.PASS, [])
        assert len(made[0]()) == 1
        assert ranges
