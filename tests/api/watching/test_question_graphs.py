"""Pictures for a question: both sides' lines from Prometheus, and a sentence where it has none."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.release import Release
from flipgate.steps.acting.world import utc_now
from flipgate.steps.watching.graph import LONGEST_SECONDS
from flipgate.steps.watching.question_graphs import question_pictures
from tests.api.bakes import RATIO, declared
from tests.api.town import world_of
from tests.api.watching.test_graph import BLUE, GREEN, Prometheus, colours, matrix
from tests.api.wire import serving
from tests.core.builders import DARK, LIVE, release

FLIP, SCALE_DOWN = QuestionKind.FLIP, QuestionKind.SCALE_DOWN
AT_FLIP, AT_REST = f"{RATIO}, at: flip}}", f"{RATIO}, at: scale-down}}"


def been(*phases: object, hours: float) -> Release:
    return release(*phases, now=utc_now() - timedelta(hours=hours))  # type: ignore[arg-type]


def pictures(tmp_path: Path, prometheus: Prometheus, kind: QuestionKind, of: Release, *gates: str) -> list[str]:
    with serving(prometheus, tmp_path) as cluster:
        found = question_pictures(world_of(cluster, declared(cluster.server, *gates)), of, kind)
    return [base64.b64decode(m.partition("base64,")[2].rstrip(")")).decode() if "base64," in m else m for m in found]


def seconds(asked: dict[str, str]) -> float:
    return float(asked["end"]) - float(asked["start"])


def test_before_the_flip_both_sides_are_drawn_over_the_last_hour_and_no_flip(tmp_path: Path) -> None:
    prometheus = Prometheus(shop=(200, matrix("0.5", "0.25")))
    (svg,) = pictures(tmp_path, prometheus, FLIP, been(*DARK, hours=5), AT_FLIP, AT_REST.replace("ratio", "later"))
    assert colours(svg) == {BLUE, GREEN}
    assert ">flip<" not in svg
    assert "at most 0.1" in svg, "the limit"
    green = prometheus.asked[0]
    assert ("shop-green" in green["query"], seconds(green)) == (True, pytest.approx(3600, abs=2))


def test_before_the_old_side_rests_the_soak_is_drawn_with_the_old_sides_hour_before_the_flip(tmp_path: Path) -> None:
    prometheus = Prometheus(shop=(200, matrix("0.5", "0.25")))
    gates = (f"{RATIO}}}", AT_REST.replace("ratio", "rest"), AT_FLIP.replace("ratio", "before"))
    shown = pictures(tmp_path, prometheus, SCALE_DOWN, been(*LIVE, hours=30), *gates)
    assert [">ratio<" in svg for svg in shown] == [True, False], "each that says how the live side did since the flip"
    assert ">rest<" in shown[1]
    assert ">flip<" in shown[0]
    green, before, _ = prometheus.asked[:3]
    assert ("shop-green" in green["query"], seconds(green)) == (True, pytest.approx(30 * 3600, abs=2))
    assert ("shop-blue" in before["query"], seconds(before)) == (True, pytest.approx(LONGEST_SECONDS, abs=2))


def test_a_prometheus_that_is_away_is_a_sentence_in_the_place_of_each_picture(tmp_path: Path) -> None:
    assert pictures(tmp_path, Prometheus(shop=None), FLIP, been(*DARK, hours=1), AT_FLIP) == [
        "ratio: no picture: Prometheus cannot be reached"
    ]


def test_it_takes_no_longer_than_it_has_however_many_gates_there_are(tmp_path: Path) -> None:
    prometheus = Prometheus(shop=(200, matrix("1")))
    gates = [AT_FLIP.replace("ratio", f"ratio-{n}") for n in range(3)]
    with serving(prometheus, tmp_path) as cluster:
        world = world_of(cluster, declared(cluster.server, *gates))
        clock = iter(range(0, 1000, 9))
        found = question_pictures(replace(world, monotonic=lambda: float(next(clock))), been(*DARK, hours=1), FLIP)
    assert found[1:] == [f"ratio-{n}: no picture: Prometheus takes too long" for n in (1, 2)]
