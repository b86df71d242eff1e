"""Kinds of gate that need a past, on a real Prometheus and Alertmanager: last week, an alert that ended, a watchdog."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.gates.past import HOUR_SECONDS, hour_of_a_week_before
from flipgate.core.gates.sample import GateSample
from flipgate.core.values.errors import Refused
from flipgate.steps.watching.measure import measure_of, measures
from flipgate.steps.watching.reader import WorldReader
from lab.app.metrics import BUCKETS
from lab.control import labs
from lab.control.records import Lab
from tests.api.bakes import declared, flipped
from tests.api.town import world_of
from tests.conftest import LAB
from tests.core.builders import SHOP
from tests.lab import remote_write, runbook
from tests.lab.stage import BLUE, NewStage, Stage, images, phases, wait_until
from tests.lab.stories.test_gates import behave, said, with_gates

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

SECONDS = "http_request_duration_seconds_bucket"
WINDOW = {"from": "http", "windowSeconds": 5, "minRequests": 20}
DAY: dict[str, Any] = {"name": "p99-of-users", "p99-seconds": 0.5, "from": "http", "windowSeconds": 300}
PAST: dict[str, Any] = {"name": "p99", "p99-seconds": 2, "relativeTo": "past", "factor": 1.5, **WINDOW}
SUCCESS: dict[str, Any] = {"name": "success", "success-ratio": 99, "windowSeconds": 5}
BROKEN = {"alertname": "HighErrorRatio", "namespace": "{namespace}"}
NOW_ONLY: dict[str, Any] = {"name": "now", "alerts": BROKEN}
SINCE: dict[str, Any] = {"name": "since", "alerts": BROKEN, "fired": True, "watchdog": {"alertname": "Watchdog"}}
ENDED: dict[str, Any] = {"name": "ended", "inFlight": {"max": 0}, "at": "scale-down"}


@pytest.fixture(scope="module")
def measured(lab: Lab, tell: Callable[[str], None]) -> Lab:
    """The shared lab, with metrics from here on."""
    return labs.up(LAB, metrics=True, progress=tell)


def measured_before(lab: Lab, namespace: str, times: Sequence[float], seconds: Callable[[float], float]) -> None:
    """This namespace answered 100 requests between each two of these times, each of them within so many seconds."""
    name = {"__name__": "http_request_duration_seconds_bucket", "namespace": namespace, "pod": "of-the-past"}
    grown = []
    for bound in (*map(str, BUCKETS), "+Inf"):
        total, samples = 0.0, []
        for at in times:
            total += 100.0 if seconds(at) <= float(bound) else 0.0
            samples.append((at, total))
        grown.append(({**name, "le": bound}, samples))
    remote_write.write(lab.prometheus_url, grown)


def test_a_p99_that_got_worse_than_last_weeks_goes_back_by_itself(new_stage: NewStage, measured: Lab) -> None:
    stage = new_stage("gate-past", policy={"bakeSeconds": 60}, edit=with_gates(measured, PAST))
    end = hour_of_a_week_before(datetime.now(UTC)).timestamp()
    minutes = [end - HOUR_SECONDS - 300 + 60 * minute for minute in range(70)]
    measured_before(measured, stage.place.blue, minutes, lambda _: 0.05)
    world = stage.world()
    runbook.dark_and_approved(world, images("2-slow-400ms", "api-all"))
    with stage.load(), pytest.raises(Refused) as refused:
        runbook.flip_traffic(world)
    assert refused.value.reason == "BakeFailed"
    stage.wait_for_users_on(BLUE)
    assert phases(stage.record().release)[-2:] == ["rolling_back BakeFailed", "rolled_back TrafficRestored"]
    found = said(stage)
    assert found["p99"].startswith("fail: "), found
    assert "from: http" in found["p99"]
    assert "(wanted at most 2, and at most 1.5 x blue's a week before (" in found["p99"]


def test_the_last_day_of_a_gate_is_what_prometheus_has_of_it(new_stage: NewStage, measured: Lab) -> None:
    stage = new_stage("gate-day", edit=with_gates(measured, DAY))
    now = datetime.now(UTC).timestamp()

    def seconds(at: float) -> float:
        return 1.0 if now - 6 * 3600 < at < now - 5 * 3600 else 0.1 if int(at // 3600) % 6 < 3 else 0.05

    minutes = [now - 60 * minute for minute in range(25 * 60, -1, -1)]
    known = [at for at in minutes if not now - 12 * 3600 < at < now - 10 * 3600]
    measured_before(measured, stage.place.blue, known, seconds)
    told = stage.typed("gate", stage.application, "p99-of-users")[0]
    print(told)
    (gate,) = json.loads(stage.typed("gate", stage.application, "p99-of-users", "-o", "json")[0])["gates"]
    blue, green = gate["sides"]["blue"]["past"], gate["sides"]["green"]
    assert blue["looks"] == 301
    assert 11 <= blue["failed"] <= 15, blue
    assert 22 <= blue["missing"] <= 26, blue
    assert 0.04 < blue["min"] <= blue["median"] <= blue["p95"] <= 0.1, blue
    assert 0.9 < blue["max"] <= 1, blue
    assert (green["past"], green["verdict"]) == (None, "unknown")


def looked(stage: Stage, *names: str) -> dict[str, GateSample]:
    """One look of these gates, since the flip of the release, whatever their points are."""
    world = stage.world()
    release = world.store.read().release
    assert release
    reader = WorldReader(world, release.side, release.flipped_at or world.now())
    gates = {gate.name: gate for gate in world.application.spec.gates}
    return {name: measure_of(gates[name], reader)(0) for name in names}


@pytest.fixture
def resting(measured: Lab) -> Iterator[Callable[[Stage, str], None]]:
    """Puts Prometheus or Alertmanager to rest; the end of the test brings it back."""
    rested: list[tuple[Stage, str]] = []

    def rest(stage: Stage, name: str) -> None:
        rested.append((stage, name))
        stage.kubectl("-n", "metrics", "scale", f"deployment/{name}", "--replicas=0")
        stage.wait_until_gone("metrics", f"app.kubernetes.io/name={name}")

    yield rest
    for stage, name in reversed(rested):
        awake(stage, name)


def awake(stage: Stage, name: str) -> None:
    stage.kubectl("-n", "metrics", "scale", f"deployment/{name}", "--replicas=1")
    stage.kubectl("-n", "metrics", "rollout", "status", f"deployment/{name}", "--timeout=240s")


def test_an_alert_that_fired_and_ended_is_found_and_who_is_dead_has_not_said_that_there_is_none(
    new_stage: NewStage, measured: Lab, resting: Callable[[Stage, str], None]
) -> None:
    edit = with_gates(measured, NOW_ONLY, SINCE, ENDED, SUCCESS)
    stage = new_stage("gate-ended", policy={"bakeSeconds": 6}, edit=edit)
    world = stage.world()
    with stage.load() as load:
        wait_until("users are on", lambda: load.snapshot().sent > 300)
        runbook.go_live(world, images("2", "api-all"))
        before = looked(stage, "now", "since", "ended")
        assert {name: sample.value for name, sample in before.items()} == {"now": 0, "since": 0, "ended": 0}, before
        well = wait_until("no request fails", lambda: _number(looked(stage, "success")["success"], 100))
        assert "from: traefik" in well.beside
        behave(stage, "errors-30pct")
        wait_until("users' requests fail", lambda: 0 < (looked(stage, "success")["success"].value or 0) < 99)
        wait_until("the alert fires", lambda: looked(stage, "now")["now"].value == 1)
        stage.kubectl("-n", stage.place.green, "annotate", "pods", "-l", "app=api-all", "lab.flipgate.dev/behaviour-")
        wait_until("the alert has ended", lambda: looked(stage, "now")["now"].value == 0)
    found = looked(stage, "since", "success")
    assert (found["since"].value, found["since"].beside) == (1, "HighErrorRatio, which has ended")
    wait_until("nobody asks anything any more", lambda: looked(stage, "success")["success"].value is None)

    resting(stage, "alertmanager")
    assert looked(stage, "now")["now"].why == "Alertmanager cannot be reached"
    awake(stage, "alertmanager")
    wait_until("the watchdog is heard", lambda: not looked(stage, "since")["since"].why)

    resting(stage, "prometheus")
    wait_until("nobody tells Alertmanager", lambda: _unwatched(looked(stage, "since")["since"]))
    assert looked(stage, "now")["now"].value == 0, "who has no watchdog does not notice"


def _number(sample: GateSample, number: float) -> GateSample | None:
    return sample if sample.value == number else None


def _unwatched(sample: GateSample) -> str:
    return sample.why if sample.value is None and "watchdog alertname=Watchdog does not fire" in sample.why else ""


def answered(namespace: str, metric: str, per_minute: float, **labels: str) -> remote_write.Series:
    """A counter that has grown so for five minutes."""
    now = datetime.now(UTC).timestamp()
    samples = [(now - 300 + 15 * step, per_minute / 4 * step) for step in range(21)]
    return {"__name__": metric, "namespace": namespace, **labels}, samples


@pytest.mark.parametrize(
    ("gate", "series", "value", "why"),
    [
        (
            {"success-ratio": 99, "from": "http"},
            [("http_requests_total", 180, {"status": "200"}), ("http_requests_total", 20, {"status": "503"})],
            90,
            "",
        ),
        (
            {"success-ratio": 99, "from": "http"},
            [
                ("http_requests_total", 180, {"code": "200"}),
                ("http_requests_total", 19, {"code": "500"}),
                ("http_requests_total", 1, {"status": "500"}),
            ],
            90,
            "",
        ),
        (
            {"success-ratio": 99, "from": "http"},
            [("http_requests_total", 180, {"status": "error"})],
            None,
            "NaN: no traffic? in http_requests_total",
        ),
        (
            {"success-ratio": 99},
            [("http_server_request_duration_seconds_count", 200, {"http_response_status_code": "200"})],
            100,
            "",
        ),
        ({"p99-seconds": 5, "from": "http"}, [(SECONDS, 0, {"le": "10"}), (SECONDS, 200, {"le": "+Inf"})], 10, ""),
        (
            {"p99-seconds": 20, "from": "http"},
            [(SECONDS, 0, {"le": "10"}), (SECONDS, 200, {"le": "+Inf"})],
            None,
            f"no data in {SECONDS}",
        ),
        ({"p99-seconds": 20, "from": "http"}, [(SECONDS, 200, {"le": "10"}), (SECONDS, 200, {"le": "+Inf"})], 9.9, ""),
    ],
    ids=["status", "code-and-status", "no-status", "otel", "beyond-and-bad", "beyond-and-not-known", "within"],
)
def test_a_ready_made_query_gives_what_the_requests_were(
    measured: Lab, gate: dict[str, Any], series: list[Any], value: float | None, why: str
) -> None:
    namespace = f"asked-{uuid4().hex[:8]}"
    remote_write.write(
        measured.prometheus_url, [answered(namespace, metric, grown, **labels) for metric, grown, labels in series]
    )
    text = SHOP.replace("shop-green", namespace)
    application = declared(measured.prometheus_url, json.dumps({"name": "g", "windowSeconds": 120, **gate}), text=text)
    cluster = Cluster.connect(measured.kubeconfig, None)
    sample = measures(world_of(cluster, application), flipped(240))["g"](0)
    assert (sample.value and round(sample.value, 6), sample.why) == (value, why), sample
