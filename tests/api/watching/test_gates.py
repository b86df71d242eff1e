"""Asking the declared gates: what faults on the way become, and logs and restarts read from a real API server."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flipgate.adapters import alerts, logs, metrics, sources
from flipgate.adapters.store import Store
from flipgate.core.gates.alertmanager import NOT_KNOWN, Alert
from flipgate.core.gates.kinds.promql import NO_OLD_SIDE
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample
from flipgate.core.record.freeze import BreakGlass
from flipgate.core.record.phases import QuestionKind
from flipgate.core.values.errors import NotFound
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, combine
from flipgate.core.values.who import Identity
from flipgate.steps.acting.world import utc_now
from flipgate.steps.watching import watch
from flipgate.steps.watching.gates import measuring
from flipgate.steps.watching.measure import measures
from flipgate.steps.watching.points import ask_gates
from tests.api.bakes import RATIO, baking, declared, flipped, watched
from tests.api.shop import Shop, timed_by_its_waiting
from tests.api.town import Town, world_of
from tests.api.wire import Answer, Handler, Noting, Script, listening, number, serving, silence, within
from tests.core.builders import SHOP, at

PASS, FAIL, UNKNOWN, INFO = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.INFO
GLASS = BreakGlass(
    kind=QuestionKind.FLIP,
    release="a-1",
    by="ben",
    reason="users cannot pay",
    at=at(0),
    expires_at=at(60),
    identity=Identity(user="ben"),
)


@pytest.fixture(autouse=True)
def few_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many probes of flipgate's own as it takes to be judged."""
    monkeypatch.setattr(watch, "PROBES_A_LOOK", 3)


def query_of(request: Handler) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.path).query)


# The adapters alone


def ask_prometheus(url: str) -> tuple[object, str]:
    return metrics.ask_number(sources.Source(url), "up")


def ask_alertmanager(url: str) -> tuple[object, str]:
    return alerts.ask_alerts(sources.Source(url), {"a": "b"})


@pytest.mark.parametrize(
    ("ask", "answer", "why"),
    [
        (ask_prometheus, (503, b"busy"), "Prometheus said HTTP 503"),
        (
            ask_prometheus,
            (400, b'{"status":"error","error":"unexpected end"}'),
            "Prometheus said HTTP 400",
        ),
        (ask_prometheus, (200, b"<html>login</html>"), "not a Prometheus answer"),
        (ask_prometheus, (200, b'{"data": 1}'), "not a Prometheus answer"),
        (ask_prometheus, (200, number("NaN")), "NaN: no traffic?"),
        (
            ask_prometheus,
            (200, number("1").replace(b'"data"', b'"warnings": ["store gw-1 is away"], "data"', 1)),
            "Prometheus answered with 1 warning: it may be of a part of the data",
        ),
        (ask_prometheus, (200, b'{"data": {"result": []}}'), "no data"),
        (ask_prometheus, None, "Prometheus cannot be reached"),
        (ask_alertmanager, (503, b"busy"), "Alertmanager said HTTP 503"),
        (ask_alertmanager, (200, b"<html>"), "not an Alertmanager answer"),
        (ask_alertmanager, (200, b'{"a": 1}'), "not an Alertmanager answer"),
        (ask_alertmanager, None, "Alertmanager cannot be reached"),
    ],
    ids=[
        "busy",
        "parse",
        "html",
        "shape",
        "nan",
        "partial",
        "empty",
        "cut",
        "alerts busy",
        "alerts html",
        "alerts shape",
        "alerts cut",
    ],
)
def test_what_a_source_does_not_say_is_no_number_and_not_no_alert(
    tmp_path: Path, ask: Callable[[str], tuple[object, str]], answer: Answer | None, why: str
) -> None:
    with listening(lambda _: answer) as address:
        found, said = ask(f"http://ana:secret@{address}")
    assert found is None
    assert why in said
    assert "secret" not in said


def test_a_number_of_prometheus_now_and_then() -> None:
    prometheus = Noting((200, number("0.5")))
    with listening(prometheus) as address:
        assert metrics.ask_number(sources.Source(f"http://{address}"), "up") == (0.5, "")
        assert metrics.ask_number(sources.Source(f"http://{address}"), "up", 17.5) == (0.5, "")
    assert prometheus.queries == [{"query": ["up"]}, {"query": ["up"], "time": ["17.5"]}]


def test_alertmanager_is_asked_for_what_fires_with_these_labels() -> None:
    fires = json.dumps([{"labels": {"alertname": "A"}, "startsAt": at(1).isoformat()}]).encode()
    alertmanager = Noting((200, fires))
    with listening(alertmanager) as address:
        found = alerts.ask_alerts(sources.Source(f"http://{address}"), {"team": 'a"b', "app": "x"})
    assert found == ((Alert("A", {"alertname": "A"}, at(1)),), "")
    (asked,) = alertmanager.queries
    assert asked["filter"] == ['app="x"', 'team="a\\"b"']
    assert (asked["silenced"], asked["inhibited"]) == (["true"], ["false"])


@pytest.mark.parametrize("point", [GatePoint.SOAK, GatePoint.SCALE_DOWN])
def test_an_alert_that_has_fired_for_hours_is_bad_for_as_long_as_it_fires(tmp_path: Path, point: GatePoint) -> None:
    """It would pass again an hour after it began: told so in the soak, and the old side put to rest on it."""
    began = (utc_now() - timedelta(hours=3)).isoformat()
    fires = json.dumps([{"labels": {"alertname": "Slow", "severity": "page"}, "startsAt": began}]).encode()
    with listening(Noting((200, fires))) as address, serving(lambda _: (500, b"{}"), tmp_path) as cluster:
        found = declared(f"http://{address}", f"{{name: pages, alerts: {{severity: page}}, at: {point}}}")
        world = timed_by_its_waiting(world_of(cluster, found))
        (evidence,) = ask_gates(world, flipped(5 * 3600), point)
    assert (evidence.verdict, "Slow" in evidence.answer, "the flip" in evidence.answer) == (Verdict.FAIL, True, True)


@pytest.mark.parametrize(
    ("silence", "said"),
    [
        ((200, b'{"createdBy": "ana", "endsAt": "2026-03-01T13:30:00Z"}'), "by ana until 2026-03-01 13:30 UTC"),
        ((404, b""), NOT_KNOWN),
        ((200, b"<html>"), NOT_KNOWN),
        (None, NOT_KNOWN),
    ],
)
def test_who_silenced_an_alert_is_asked_and_one_of_whom_that_is_not_known_is_silenced_all_the_same(
    silence: Answer | None, said: str
) -> None:
    status = {"state": "suppressed", "silencedBy": ["s/1"]}
    fires = json.dumps([{"labels": {"alertname": "A"}, "startsAt": at(1).isoformat(), "status": status}]).encode()

    def alertmanager(request: Handler) -> Answer | None:
        return silence if request.path == "/api/v2/silence/s%2F1?" else (200, fires)

    with listening(alertmanager) as address:
        found, _ = alerts.ask_alerts(sources.Source(f"http://{address}"), {"a": "b"})
    assert found
    assert [alert.silenced for alert in found] == [said]


def test_who_is_slow_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "TIMEOUT_SECONDS", 0.3)
    with silence() as nothing, listening(nothing) as address, within(3), ThreadPoolExecutor() as pool:
        asked = [pool.submit(ask, f"http://{address}") for ask in (ask_prometheus, ask_alertmanager)]
        assert [each.result()[1] for each in asked] == [
            "Prometheus gave no answer in 0.3 s",
            "Alertmanager gave no answer in 0.3 s",
        ]


# Gates in a bake: flipgate's own probes are answered by the town, as in test_watch


def script_with(ask: Callable[[Handler], Answer | None], town: Town | None = None) -> Script:
    """Prometheus, Alertmanager and the API server at one address."""
    users = town or Town()

    def script(request: Handler) -> Answer | None:
        if request.path.startswith(("/api/v1/query", "/api/v2/")) or "/log?" in request.path:
            return ask(request)
        return users(request)

    return script


def baked(tmp_path: Path, ask: Callable[[Handler], Answer | None], *gates: str, **facts: Any) -> dict[str, Evidence]:
    with serving(script_with(ask, facts.pop("town", None)), tmp_path) as cluster:
        glass = facts.pop("glass", None)
        world = timed_by_its_waiting(world_of(cluster, declared(cluster.server, *gates, **facts)))
        return watched(world, glass=glass)


@pytest.mark.parametrize(
    ("value", "verdict", "looks"),
    [("0.1", PASS, 3), ("0.2", FAIL, 2), ("NaN", UNKNOWN, 3)],
    ids=["pass", "fail", "nan"],
)
def test_a_bake_ends_when_a_gate_failed_twice(tmp_path: Path, value: str, verdict: Verdict, looks: int) -> None:
    prometheus = Noting((200, number(value)))
    evidence = baked(tmp_path, prometheus, f"{RATIO}}}", bake=0.15)
    assert evidence["ratio"].verdict is verdict
    assert evidence["errors"].verdict is PASS
    asked = prometheus.queries
    assert (len(asked) == looks) if verdict is FAIL else (len(asked) >= looks)
    assert asked[0]["query"] == ['x{namespace="shop-green"}[30s]']


@pytest.mark.parametrize(("value", "said"), [("0.2", "fail"), ("NaN", "unknown")])
def test_by_a_persons_word_declared_gates_are_shown_and_decide_nothing(tmp_path: Path, value: str, said: str) -> None:
    evidence = baked(tmp_path, Noting((200, number(value))), f"{RATIO}}}", bake=0.15, glass=GLASS)
    assert evidence["ratio"].verdict is INFO
    assert evidence["ratio"].answer.startswith(f"{said}, passed by break-glass of ben: ")
    assert combine(evidence.values()) is PASS


def test_no_word_passes_the_probes_of_flipgates_own(tmp_path: Path) -> None:
    evidence = baked(tmp_path, Noting((200, number("0"))), f"{RATIO}}}", bake=60, town=Town(500), glass=GLASS)
    assert combine(evidence.values()) is FAIL
    assert evidence["errors"].verdict is FAIL


def test_a_slow_prometheus_does_not_hold_up_the_probes_own_verdict(tmp_path: Path) -> None:
    with silence() as nothing, within(2):
        evidence = baked(tmp_path, nothing, f"{RATIO}}}", bake=60, town=Town(500))
    assert (evidence["errors"].verdict, evidence["ratio"].verdict) == (FAIL, UNKNOWN)
    assert "not asked yet" in evidence["ratio"].answer


@pytest.mark.parametrize(
    ("ran", "old", "value", "verdict"),
    [
        (True, "0.04", "0.05", PASS),
        (True, "0.04", "0.09", FAIL),
        (True, "NaN", "0.05", UNKNOWN),
        (False, "", "0.05", PASS),
    ],
)
def test_the_old_sides_number_is_of_its_last_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ran: bool, old: str, value: str, verdict: Verdict
) -> None:
    asked: list[dict[str, list[str]]] = []
    monkeypatch.setattr(
        Store, "read", lambda _: type("Record", (), {"ran_on": lambda _, side: ran and side is Side.BLUE})()
    )

    def prometheus(request: Handler) -> Answer:
        query = query_of(request)
        is_old = "time" in query
        asked.extend([query] if is_old else [])
        return 200, number(old if is_old else value)

    moved = flipped()
    with serving(script_with(prometheus), tmp_path) as cluster:
        application = declared(cluster.server, f"{RATIO}, relativeTo: old, factor: 2, failures: 1}}")
        with measuring(world_of(cluster, application), moved) as gates:
            gates.measure()
            gates.collect(5)
            (evidence,) = gates.judged()
    assert evidence.verdict is verdict
    if ran:
        assert asked == [{"query": ['x{namespace="shop-blue"}[3600s]'], "time": [str(moved.flipped_at.timestamp())]}]
    else:
        assert asked == []
        assert NO_OLD_SIDE in evidence.threshold


def test_an_alert_that_fired_before_the_flip_is_shown_and_not_counted(tmp_path: Path) -> None:
    began = (utc_now() - timedelta(hours=1)).isoformat()
    fires = json.dumps([{"labels": {"alertname": "DiskFull"}, "startsAt": began}]).encode()
    gate = '{name: alerts, alerts: {namespace: "{namespace}"}}'
    found = baked(tmp_path, lambda _: (200, fires), gate)["alerts"]
    assert found.verdict is PASS
    assert found.answer.startswith("0 (before the flip: DiskFull) of shop-green by namespace")


@pytest.mark.parametrize(("value", "said"), [("12", "12"), ("NaN", "unknown: NaN: no traffic?")])
def test_what_is_in_flight_on_the_old_side_is_shown_and_decides_nothing(tmp_path: Path, value: str, said: str) -> None:
    lines: list[str] = []
    prometheus = Noting((200, number(value)))
    with serving(script_with(prometheus), tmp_path) as cluster:
        metrics = f"  metrics: {{prometheus: '{cluster.server}', inFlight: 'busy{{namespace=\"{{namespace}}\"}}'}}\n"
        application = baking(f"{SHOP}{metrics}", 0.15, 0.15)
        evidence = watched(timed_by_its_waiting(world_of(cluster, application, say=lines.append)))
    assert combine(evidence.values()) is PASS
    last = list(evidence.values())[-1]
    assert (last.gate, last.verdict, last.answer) == ("in flight on blue", Verdict.INFO, said)
    assert {query for asked in prometheus.queries for query in asked["query"]} == {'busy{namespace="shop-blue"}'}
    assert f"in flight on blue: {said}" in lines[0]


def test_what_nobody_declared_is_said_to_be_unknown_and_stays_out_of_the_progress(tmp_path: Path) -> None:
    found = baked(tmp_path, lambda _: None, "{name: restarts, restarts: 0}")["in flight on blue"]
    assert (found.verdict, found.answer) == (Verdict.INFO, "unknown: not declared")


# Logs and restarts


def line(seconds: float, text: str) -> str:
    return f"{(utc_now() + timedelta(seconds=seconds)).isoformat().replace('+00:00', 'Z')} {text}\n"


def test_lines_are_counted_once_each_and_since_the_flip(tmp_path: Path) -> None:
    log = [line(-60, "ERROR of the dark time"), line(-5, "ERROR one"), line(-4, "fine"), line(-4, "ERROR two")]
    asked: list[dict[str, list[str]]] = []
    pod = {"metadata": {"name": "web-1"}, "spec": {"containers": [{"name": "web"}]}}

    def script(request: Handler) -> Answer:
        if "/log?" not in request.path:
            return 200, json.dumps({"items": [pod]}).encode()
        asked.append(query_of(request))
        return 200, "".join(log).encode()

    with serving(script, tmp_path) as cluster:
        application = declared(cluster.server, "{name: noise, logs: {pattern: ^ERROR, max: 2}}")
        measure = measures(world_of(cluster, application), flipped(10))["noise"]
        assert measure(0) == GateSample(0, 2)
        assert measure(1) == GateSample(1, 2)
        log.append(line(-1, "ERROR three"))
        assert measure(2) == GateSample(2, 3)
        log[:] = [line(0, "fine")] * logs.MOST_LINES
        assert measure(3) == GateSample(3, 3, at_least=True)
    assert asked[0]["container"] == ["web"]
    assert (asked[0]["limitBytes"], asked[0]["tailLines"]) == (["1048576"], ["5000"])
    assert asked[1]["sinceTime"] > asked[0]["sinceTime"], "each look reads on from the last line"


def test_logs_that_may_not_be_read_are_unknown_and_those_that_are_not_there_are_empty(
    shop: Shop, tmp_path: Path
) -> None:
    namespace = shop.namespace(Side.GREEN)
    pods = f"/api/v1/namespaces/{namespace}/pods"
    shop.cluster.create(pods, {"metadata": {"name": "web-1"}, "spec": {"containers": [{"name": "web", "image": "x"}]}})
    assert logs.read_lines(shop.cluster, namespace, "web-1", "web", utc_now()) == ([], False)
    assert logs.read_lines(shop.cluster, namespace, "gone", "web", utc_now()) == ([], False)
    with pytest.raises(NotFound):
        shop.cluster.text(f"{pods}/gone/log")

    def forbidden(request: Handler) -> Answer:
        if "/log?" in request.path:
            return 403, b'{"kind": "Status", "message": "pods/log is forbidden"}'
        return 200, json.dumps(shop.cluster.get(pods)).encode()

    with serving(forbidden, tmp_path) as cluster:
        application = declared("http://x", "{name: noise, logs: {pattern: x, max: 2}}")
        sample = measures(world_of(cluster, application), flipped())["noise"](0)
    assert sample.value is None
    assert "pods/log is forbidden" in sample.why


def test_restarts_are_counted_since_the_flip(shop: Shop) -> None:
    pods = f"/api/v1/namespaces/{shop.namespace(Side.GREEN)}/pods"

    def play(count: int) -> None:
        state = {"name": "web", "restartCount": count, "image": "x", "imageID": "", "ready": True}
        status = {"containerStatuses": [state]}
        shop.patch(f"{pods}/web-1/status", ("add", "/status", status))

    application = declared("http://x", "{name: restarts, restarts: 0}", text=shop.text)
    world = world_of(shop.cluster, application)
    measure = measures(world, flipped(-30))["restarts"]  # the pod is older than the flip
    assert measure(0) == GateSample(0, None, "no pods")
    shop.cluster.create(pods, {"metadata": {"name": "web-1"}, "spec": {"containers": [{"name": "web", "image": "x"}]}})
    play(3)
    assert measure(1) == GateSample(1, 0)
    play(5)
    assert measure(2) == GateSample(2, 2)
    measure = measures(world, flipped(30))["restarts"]  # it was made after the flip
    assert measure(3) == GateSample(3, 5)


def test_a_cluster_that_does_not_answer_is_unknown(tmp_path: Path) -> None:
    with serving(lambda _: (500, b"{}"), tmp_path) as cluster:
        found = declared("http://x", "{name: a, restarts: 0}", "{name: b, logs: {pattern: x, max: 0}}")
        all_of_them = measures(world_of(cluster, found), flipped())
        assert [measure(0).value for measure in all_of_them.values()] == [None, None]
        assert "500" in all_of_them["a"](0).why
