"""Gates on a real Prometheus and Alertmanager: what they find bad goes back by itself; what they cannot tell stays."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest

from flipgate.adapters.metrics import ask_number
from flipgate.adapters.sources import Source
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.release import BAKE
from flipgate.core.values.errors import Refused
from flipgate.core.values.placeholders import filled
from lab.control import labs
from lab.control.pipelines import Pipelines
from lab.control.records import Lab
from tests.conftest import LAB
from tests.lab import runbook
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import BLUE, GREEN, NewStage, Stage, images, phases, through_a_traefik_service, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

USERS = 'http_requests_total{namespace="{namespace}", handler="app"'
RATIO = f'(sum(rate({USERS}, code=~"5.."}}[{{window}}])) or vector(0)) / sum(rate({USERS}}}[{{window}}]))'
ERRORS: dict[str, Any] = {"name": "ratio", "promql": RATIO, "of": "namespace", "max": 0.05, "windowSeconds": 5}
ALERT: dict[str, Any] = {"name": "alert", "alerts": {"alertname": "HighErrorRatio", "namespace": "{namespace}"}}
NOISE: dict[str, Any] = {"name": "noise", "logs": {"pattern": "level=error", "max": 20}}
RESTARTS: dict[str, Any] = {"name": "restarts", "restarts": 0}
TARGET = 'traefik_service_requests_total{service=~"{namespace}-api-service-.*"'
AT_TRAEFIK = f'(sum(rate({TARGET}, code=~"5.."}}[{{window}}])) or vector(0)) / sum(rate({TARGET}}}[{{window}}]))'
TARGETS: dict[str, Any] = {**ERRORS, "name": "target", "promql": AT_TRAEFIK, "of": "target"}
USERS: dict[str, Any] = {"name": "users", "traefik": {"maxErrorRatio": 0.05}, "failures": 1}
BUCKETS = 'http_request_duration_seconds_bucket{namespace="{namespace}"}'
P95 = f"histogram_quantile(0.95, sum by (le) (rate({BUCKETS}[{{window}}])))"
SLOW: dict[str, Any] = {**ERRORS, "name": "p95", "promql": P95, "max": 0.25}
IN_FLIGHT = (
    'sum(http_requests_in_flight{namespace="{namespace}"} + websocket_connections_open{namespace="{namespace}"})'
)


@pytest.fixture(scope="module")
def measured(lab: Lab, tell: Callable[[str], None]) -> Lab:
    """The shared lab, with metrics from here on."""
    return labs.up(LAB, metrics=True, progress=tell)


def with_gates(lab: Lab, *gates: dict[str, Any], split: bool = False) -> Callable[[dict[str, Any]], None]:
    """flipgate's own probes ask for what never fails; what users ask for is left to the gates."""

    def edit(document: dict[str, Any]) -> None:
        spec = document["spec"]
        if split:
            through_a_traefik_service(lab)(document)
        spec["traffic"].setdefault("traefik", {})["metricsPort"] = 8080
        spec["checks"] = [check for check in spec["checks"] if check["path"] == "/health"]
        spec["traffic"]["path"] = "/health"
        spec["metrics"] = {"prometheus": lab.prometheus_url, "alertmanager": lab.alertmanager_url}
        spec["metrics"]["inFlight"] = IN_FLIGHT
        spec["gates"] = list(gates)

    return edit


def behave(stage: Stage, behaviour: str) -> None:
    """From now on green's api does this."""
    which = ("-l", "app=api-all", f"lab.flipgate.dev/behaviour={behaviour}")
    stage.kubectl("-n", stage.place.green, "annotate", "pods", *which)


def said(stage: Stage) -> dict[str, str]:
    """What the last bake said of each gate, from the record: `verdict: number and limit`."""
    release = stage.record().release
    assert release
    judged = [judgement for judgement in release.judgements if judgement.step == BAKE]
    return {proof.gate: f"{proof.verdict}: {proof.detail}" for proof in judged[-1].proofs}


@pytest.mark.parametrize(
    ("gate", "version", "split", "whose"),
    [
        pytest.param(ERRORS, "2-errors-30pct", False, "of {green} by namespace", id="ratio"),
        pytest.param(NOISE, "2-errors-30pct", False, "in {green}'s pods since the flip", id="noise"),
        pytest.param(SLOW, "2-slow-400ms", False, "of {green} by namespace", id="slow"),
        pytest.param(TARGETS, "2-errors-30pct", True, "of {green} by Traefik's target", id="target"),
        pytest.param(USERS, "2-errors-30pct", True, "of {green} by Traefik's target", id="users"),
        pytest.param(USERS, "2-errors-30pct", False, "of either side by time since the flip", id="users-by-time"),
    ],
)
def test_what_flipgates_own_probes_do_not_see_goes_back_by_itself(
    new_stage: NewStage, measured: Lab, gate: dict[str, Any], version: str, split: bool, whose: str
) -> None:
    declared = with_gates(measured, gate, RESTARTS, split=split)
    stage = new_stage(f"gate-{gate['name']}{split:d}", policy={"bakeSeconds": 60}, edit=declared)
    world = stage.world()
    runbook.dark_and_approved(world, images(version, "api-all"))
    with stage.load(), pytest.raises(Refused) as refused:
        runbook.flip_traffic(world)
    assert refused.value.reason == "BakeFailed"
    assert f"{gate['name']}: " in refused.value.fact
    stage.wait_for_users_on(BLUE)
    assert phases(stage.record().release)[-2:] == ["rolling_back BakeFailed", "rolled_back TrafficRestored"]
    found = said(stage)
    assert found["errors"].startswith("pass: "), found
    assert found["restarts"].startswith("pass: 0 in "), found
    assert found["in flight on blue"].startswith("info: "), found
    assert found[gate["name"]].startswith("fail: "), found
    assert whose.format(green=stage.place.green) in found[gate["name"]]
    if gate is USERS:
        looks = re.search(r" of (\d+) looks bad", found["users"])
        assert looks, found
        assert int(looks[1]) <= 4, f"users' own errors are seen at once: {found}"


def test_a_new_side_that_crashes_after_the_flip_goes_back_by_itself(new_stage: NewStage, measured: Lab) -> None:
    stage = new_stage("gate-crash", policy={"bakeSeconds": 60}, edit=with_gates(measured, RESTARTS))
    world = stage.world()

    def crash(line: str) -> None:
        if line.startswith("watching: 0 "):
            behave(stage, "crash")

    world.say = crash
    runbook.dark_and_approved(world, images("2", "api-all"))
    with stage.load(), pytest.raises(Refused) as refused:
        runbook.flip_traffic(world)
    assert refused.value.reason == "BakeFailed"
    stage.wait_for_users_on(BLUE)
    assert phases(stage.record().release)[-2:] == ["rolling_back BakeFailed", "rolled_back TrafficRestored"]
    found = said(stage)
    assert "fail" in {found[name].partition(":")[0] for name in ("ready", "restarts", "errors")}, found


def test_an_alert_that_begins_after_the_flip_goes_back_and_the_run_shows_the_bake(
    new_stage: NewStage, measured: Lab, prefect_server: Pipelines
) -> None:
    prefect = PrefectApi(prefect_server)
    shown = {**ERRORS, "max": 0.5}
    stage = new_stage("gate-alert", policy={"bakeSeconds": 150}, edit=with_gates(measured, ALERT, shown))
    world = stage.world()
    with stage.load():
        release = runbook.deploy_dark(world, images("2", "api-all"))
        run = prefect.start("flip-traffic", {"application": stage.application, "release": release.name})
        prefect.wait(run, "PAUSED")
        assert prefect.resume(run, {"decision": "approve", "reason": "looks good", "name": "ana"}) == "ACCEPT"
        new = filled(RATIO, stage.place.green, 5)
        wait_until("green is well at first", lambda: ask_number(Source(measured.prometheus_url), new)[0] == 0)
        behave(stage, "errors-30pct")
        prefect.wait(run, "FAILED")
    stage.wait_for_users_on(BLUE)
    found = said(stage)
    assert found["alert"].startswith("fail: 1 (HighErrorRatio) of "), found
    assert found["ratio"].startswith("pass: 0."), found
    graph = wait_until("the graph", lambda: prefect.artifact(f"{stage.application}-bake"))
    _, _, picture = graph.partition("![ratio](data:image/svg+xml;base64,")
    drawn = base64.b64decode(picture.rstrip(")")).decode()
    assert re.findall(r'<polyline [^>]*stroke="(#2563eb|#15803d)"', drawn) == ["#2563eb", "#15803d"], "blue, then green"
    assert "flip" in drawn
    assert "looks" not in drawn, "both lines are Prometheus' own"
    bar = wait_until("how far it came", lambda: prefect.artifact(f"{stage.application}-progress"))
    assert 0 <= float(bar) <= 100
    table = wait_until("the verdicts", lambda: prefect.artifact(f"{stage.application}-evidence"))
    assert f"Alertmanager, of {stage.place.green} by namespace" in table


@pytest.fixture
def without_prometheus(measured: Lab) -> Iterator[Callable[[Stage], None]]:
    """Puts Prometheus to rest; the end of the test brings it back."""
    stages: list[Stage] = []

    def stop(stage: Stage) -> None:
        stages.append(stage)
        stage.kubectl("-n", "metrics", "scale", "deployment/prometheus", "--replicas=0")
        stage.wait_until_gone("metrics", "app.kubernetes.io/name=prometheus")

    yield stop
    for stage in stages:
        prometheus_up(stage)


def prometheus_up(stage: Stage) -> None:
    """Runs it again; it finds what it had measured."""
    stage.kubectl("-n", "metrics", "scale", "deployment/prometheus", "--replicas=1")
    stage.kubectl("-n", "metrics", "rollout", "status", "deployment/prometheus", "--timeout=240s")


def test_no_traffic_and_no_prometheus_are_unknown_and_traffic_stays(
    new_stage: NewStage, measured: Lab, without_prometheus: Callable[[Stage], None]
) -> None:
    relative = {**ERRORS, "name": "relative", "relativeTo": "old", "factor": 3}
    stage = new_stage(
        "unknown", policy={"bakeSeconds": 6}, edit=with_gates(measured, ERRORS, relative, RESTARTS, USERS)
    )
    world = stage.world()
    lines: list[str] = []
    world.say = lines.append
    with stage.load():
        runbook.deploy_dark(world, images("2", "api-all"))
        old = filled(RATIO, stage.place.blue, 3600)
        wait_until("the old side has a number", lambda: ask_number(Source(measured.prometheus_url), old)[0] is not None)
    runbook.approve(world, QuestionKind.FLIP)
    Thread(target=stage.ask, args=["/slow?seconds=60", 180], daemon=True).start()
    busy_blue = filled(IN_FLIGHT, stage.place.blue)
    wait_until("blue is busy with it", lambda: ask_number(Source(measured.prometheus_url), busy_blue)[0] == 1)
    with pytest.raises(Refused) as nobody:
        runbook.flip_traffic(world)
    assert nobody.value.reason == "BakeUnknown"
    assert "NaN: no traffic?" in nobody.value.fact
    assert "users: no number (no traffic)" in nobody.value.fact
    busy = [line.rpartition("in flight on blue: ")[2] for line in lines if line.startswith("watching: ")]
    assert "1" in busy, busy
    assert stage.answering() == GREEN

    without_prometheus(stage)
    with stage.load(), pytest.raises(Refused) as nothing:
        runbook.flip_traffic(world)
    assert nothing.value.reason == "BakeUnknown"
    assert "Prometheus cannot be reached" in nothing.value.fact
    assert "users: " not in nothing.value.fact, "Traefik itself can still be asked"
    assert stage.answering() == GREEN
    assert phases(stage.record().release)[-1] == "baking TrafficProven"

    prometheus_up(stage)
    with stage.load() as load:
        wait_until("users are on", lambda: load.snapshot().sent > 300)
        wait_until("blue is done", lambda: ask_number(Source(measured.prometheus_url), busy_blue)[0] == 0)
        live = runbook.flip_traffic(world)
    assert phases(live)[-1] == "live BakePassed"
    found = said(stage)
    assert found["users"].startswith("pass: 0 (0 of "), found
    assert found["in flight on blue"] == "info: 0", found
    assert found["ratio"].startswith(f"pass: 0 of {stage.place.green} by namespace; 0 of "), found
    assert "(wanted at most 0.05)" in found["ratio"]
    assert "x the old side's 0: no measure" in found["relative"], found
