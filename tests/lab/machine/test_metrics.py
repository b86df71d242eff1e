"""A lab with metrics: Prometheus sees pods, Traefik and what the node knows; an alert gets through; nothing is left."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from lab.control import labs
from lab.control.records import Lab
from lab.stories import example
from tests.conftest import end_for_good
from tests.lab.stage import Stage, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

NAME = f"flipgate-metrics-{os.getpid()}"
PLACE = example.Place.named("m")
"""A lab of its own: its end is tested, and the shared one stays as quick as it is."""


@pytest.fixture(scope="module")
def measured(tell: Callable[[str], None]) -> Iterator[Lab]:
    """A lab that was up without metrics when they were asked for, with blue of the example live."""
    try:
        plain = labs.up(NAME, progress=tell)
        assert (plain.prometheus_url, plain.alertmanager_url) == ("", "")
        lab = labs.up(NAME, metrics=True, progress=tell)
        assert lab.pid == plain.pid, "added to the running lab"
        example.install(lab, PLACE)
        yield lab
    finally:
        end_for_good(NAME)


def ask(lab: Lab, question: str) -> dict[str, float]:
    """What Prometheus answers to PromQL, by namespace."""
    answer = httpx.get(f"{lab.prometheus_url}/api/v1/query", params={"query": question}, trust_env=False, timeout=10)
    result = answer.raise_for_status().json()["data"]["result"]
    return {series["metric"].get("namespace", ""): float(series["value"][1]) for series in result}


def alerts(lab: Lab) -> set[tuple[str, str]]:
    """What Alertmanager has, as (name, namespace)."""
    answer = httpx.get(f"{lab.alertmanager_url}/api/v2/alerts", trust_env=False, timeout=10)
    labels = [alert["labels"] for alert in answer.raise_for_status().json()]
    return {(each["alertname"], each.get("namespace", "")) for each in labels}


def test_up_twice_is_one_lab_also_when_metrics_are_not_asked_for_again(measured: Lab) -> None:
    told: list[str] = []
    assert labs.up(NAME, metrics=True, progress=told.append) == measured
    assert labs.up(NAME, progress=told.append) == measured
    assert told == []
    assert labs.status(NAME).lab == measured


def test_prometheus_may_look_at_pods_and_at_nothing_else(measured: Lab) -> None:
    user = json.loads((measured.dir / "prometheus.kubeconfig").read_text())["users"][0]["user"]
    with httpx.Client(
        base_url=measured.api_url, verify=False, headers={"Authorization": f"Bearer {user['token']}"}, trust_env=False
    ) as client:
        codes = {path: client.get(f"/api/v1/{path}").status_code for path in ("pods", "secrets", "configmaps", "nodes")}
    assert codes == {"pods": 200, "secrets": 403, "configmaps": 403, "nodes": 403}


def test_requests_are_seen_by_the_namespace_of_the_pods_that_got_them(measured: Lab) -> None:
    stage = Stage(measured, PLACE)
    pods = len(stage.kubectl("-n", PLACE.blue, "get", "pods", "-o", "name").splitlines())
    up = "sum by (namespace) (up == 1)"
    wait_until("all of blue's pods are scraped", lambda: ask(measured, up).get(PLACE.blue) == pods)

    rate = 'sum by (namespace) (rate(http_requests_total{handler="app", code="200"}[10s])) > 0'
    wait_until("requests show", lambda: stage.ask() and PLACE.blue in ask(measured, rate))
    assert PLACE.green not in ask(measured, "http_requests_total")
    p95 = "histogram_quantile(0.95, sum by (namespace, le) (rate(http_request_duration_seconds_bucket[10s])))"
    assert 0 < ask(measured, p95)[PLACE.blue] < 1
    through_traefik = 'sum by (namespace) (rate(traefik_service_requests_total{service=~".+"}[10s])) > 0'
    wait_until("Traefik's own figures show", lambda: stage.ask() and "traefik" in ask(measured, through_traefik))
    fine = 'traefik_service_request_duration_seconds_bucket{le="0.01"}'
    assert ask(measured, fine), "buckets fine enough for a p95"


def test_what_a_side_is_still_busy_with_is_seen(measured: Lab) -> None:
    stage = Stage(measured, PLACE)
    busy = "sum by (namespace) (http_requests_in_flight + websocket_connections_open)"
    wait_until("nothing is open", lambda: ask(measured, busy).get(PLACE.blue) == 0)
    long = threading.Thread(target=stage.ask, args=["/slow?seconds=30", 60])
    long.start()
    wait_until("the long request is seen", lambda: ask(measured, busy).get(PLACE.blue) == 1, 30)
    long.join()
    wait_until("it is over", lambda: ask(measured, busy).get(PLACE.blue) == 0)


def test_a_side_that_fails_is_an_alert_until_it_is_well_again(measured: Lab) -> None:
    stage = Stage(measured, PLACE)

    def tell(service: str, behaviour: str) -> None:
        which = f"app={service}"
        note = f"lab.flipgate.dev/behaviour={behaviour}"
        stage.kubectl("-n", PLACE.blue, "annotate", "--overwrite", "pods", "-l", which, note)

    def there(*names: str) -> bool:
        """While users ask on: without requests there is no ratio of errors."""
        stage.ask()
        return {(name, PLACE.blue) for name in names} == {each for each in alerts(measured) if each[1] == PLACE.blue}

    assert there(), "all is well"
    tell("api-all", "errors-50pct")
    tell("venue-football-ncaa", "never-ready")
    tell("season-football-ncaa", "crash")
    wanted = ("HighErrorRatio", "PodNotReady", "PodRestarting")
    wait_until("all three alerts are there", lambda: there(*wanted))
    for service in ("api-all", "venue-football-ncaa", "season-football-ncaa"):
        tell(service, "")
    wait_until("the errors' alert has ended", lambda: stage.ask() and not there(*wanted))


def test_down_leaves_nothing(measured: Lab) -> None:
    assert {"prometheus", "alertmanager"} <= _programs_of(measured)
    assert labs.down(NAME)
    assert not _programs_of(measured)
    assert not measured.dir.exists()
    for url in (measured.prometheus_url, measured.alertmanager_url):
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, trust_env=False)


def _programs_of(lab: Lab) -> set[str]:
    """The programs whose command lines name the lab's folder."""
    found: set[str] = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = _read(path).split("\0")
        if any(str(lab.dir) in word for word in words):
            found.add(Path(words[0]).name)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # ended in the meantime
        return ""
