"""`flipgate gate`: numbers of both sides, read from a scripted Prometheus and a real API server."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from tests.api.desk import Desk
from tests.api.shop import Shop
from tests.api.wire import Answer, Handler, listening, number

GATES = """\
  metrics: {{prometheus: 'http://{address}', alertmanager: 'http://{address}'}}
  gates:
    - {{name: ratio, promql: 'x{{namespace="{{namespace}}"}}', of: namespace, max: 0.1}}
    - {{name: calm, alerts: {{severity: critical}}}}
    - {{name: restarts, restarts: 0}}
"""


def prometheus(blue: str) -> object:
    """Blue has a number now, and half of the last day twice as much; green has none."""

    def script(request: Handler) -> Answer:
        query = {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}
        if not request.path.startswith("/api/v1/"):
            return 200, b"[]"
        if blue not in query["query"]:
            return 200, b'{"status": "success", "data": {"result": []}}'
        if "query_range" not in request.path:
            return 200, number("0.08")
        start, step = float(query["start"]), int(query["step"])
        values = [[start + index * step, "0.08" if index < 50 else "0.16"] for index in range(100)]
        return 200, json.dumps({"status": "success", "data": {"result": [{"metric": {}, "values": values}]}}).encode()

    return script


@pytest.fixture
def gated(shop: Shop, tmp_path: Path) -> Desk:
    """A desk with a file that is not applied."""
    return Desk(shop, tmp_path)


def test_all_gates_are_listed_with_their_numbers_now_and_one_with_its_day(gated: Desk) -> None:
    with listening(prometheus(gated.shop.namespace(Side.BLUE))) as address:  # type: ignore[arg-type]
        gated.file.write_text(gated.shop.text + GATES.format(address=address))
        listed = gated.run("gate", gated.name, "-f", str(gated.file))
        assert listed.exit_code == 0, listed.output
        rows = [line.split() for line in listed.stdout.splitlines()]
        assert [row[0] for row in rows[1:]] == ["ratio", "ratio", "calm", "calm", "restarts", "restarts"]
        assert rows[1] == ["ratio", "promql", "blue", "(users)", "0.08", "pass", "at", "most", "0.1"]
        assert rows[2] == ["ratio", "promql", "green", "no", "number", "(no", "data)", "unknown", "at", "most", "0.1"]
        one = gated.data("gate", gated.name, "ratio", "-f", str(gated.file))
        told = gated.run("gate", gated.name, "ratio", "-f", str(gated.file)).stdout
    (ratio,) = one["gates"]
    blue, green = ratio["sides"]["blue"], ratio["sides"]["green"]
    assert one["usersOn"] == "blue"
    assert (blue["value"], blue["verdict"], blue["threshold"]) == (0.08, "pass", "at most 0.1")
    assert blue["past"] == {
        "min": 0.08,
        "median": 0.12,
        "p95": 0.16,
        "max": 0.16,
        "looks": 301,
        "failed": 50,
        "missing": 201,
    }
    assert (green["value"], green["why"], green["verdict"], green["past"]) == (None, "no data", "unknown", None)
    assert "50 of 301 looks would have failed (at most 0.1), 201 had no number" in told
    assert "▁▁▁▁" in told
    assert "████" in told
    assert "no number (no data): unknown" in told


def test_how_long_a_release_is_dark_is_tried_by_the_record(dark: World, shop: Shop, tmp_path: Path) -> None:
    desk = Desk(shop, tmp_path)
    gates = "  gates:\n    - {name: long, verified: {hours: 2}, at: flip}\n"
    desk.file.write_text(shop.text + gates)
    (tried,) = desk.data("gate", desk.name, "long", "-f", str(desk.file))["gates"]
    blue, green = tried["sides"]["blue"], tried["sides"]["green"]
    assert (blue["value"], green["value"] is not None, green["verdict"]) == (None, True, "fail")


def test_what_is_applied_is_tried_without_a_file_and_what_is_not_there_is_named(gated: Desk) -> None:
    none = gated.run("gate", gated.name)
    assert (none.exit_code, none.stdout) == (0, "")
    assert "declares no gates" in none.stderr
    gated.file.write_text(gated.shop.text + GATES.format(address="127.0.0.1:1"))
    slip = gated.run("gate", gated.name, "ratoi", "-f", str(gated.file))
    assert slip.exit_code == 2
    assert 'has no gate "ratoi"; did you mean "ratio"?' in slip.stderr
    other = gated.run("gate", "elsewhere", "-f", str(gated.file))
    assert other.exit_code == 2
    assert f"is of application {gated.name}, and elsewhere was asked for" in other.stderr


def test_a_prometheus_that_is_away_is_no_failure_of_the_command_and_no_number(gated: Desk) -> None:
    with listening(lambda _: None) as address:
        gated.file.write_text(gated.shop.text + GATES.format(address=address))
        (ratio,) = gated.data("gate", gated.name, "ratio", "-f", str(gated.file))["gates"]
    for side in ratio["sides"].values():
        assert (side["value"], side["why"], side["verdict"]) == (None, "Prometheus cannot be reached", "unknown")
        assert (side["past"], side["pastWhy"]) == (None, "Prometheus cannot be reached")
