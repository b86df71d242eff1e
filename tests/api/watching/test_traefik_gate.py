"""Reading Traefik's own counters at each look: by script, for a Traefik is not to be had in this tier."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.traefik import TraefikPods
from flipgate.core.gates.traefik_counters import BEGUN, REQUESTS, Probes
from flipgate.core.spec.application import Application, load_application
from flipgate.core.values.errors import TemporaryError
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.watching import gates, watch
from flipgate.steps.watching.measure import measures
from tests.api.bakes import flipped
from tests.api.bakes import watched as baked
from tests.api.town import Town, pod, world_of
from tests.api.wire import Answer, Handler, serving, silence, within
from tests.core.builders import SHOP

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
GREEN = "shop-green-web-80@kubernetescrd"
OLD = "shop-blue-web-80@kubernetescrd"
RULE = "edge-live-3a23f5db8f3d4937586d@kubernetescrd"
SERVICES = [{"name": "web", "namespace": "shop-green", "port": 80}]
GROUP = {"name": "traefik.io", "preferredVersion": {"groupVersion": "traefik.io/v1alpha1"}}
SPLIT = {"spec": {"weighted": {"services": SERVICES}}}
"""A TraefikService as the route."""


@dataclass
class Edge(Town):
    """Traefik's pods with their metrics, too: each reading finds users' requests by code since the one before.

    `probed`: flipgate's own probes are counted, as Traefik does.
    """

    users: dict[str, int] = field(default_factory=lambda: {"200": 40})
    counter: str = GREEN
    probed: bool = True
    route: dict[str, Any] = field(default_factory=lambda: SPLIT)
    unread: tuple[str, ...] = ()
    labels: bool = True
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    readings: int = 0

    def __call__(self, request: Handler) -> Answer | None:
        if request.path == "/apis":
            return 200, json.dumps({"groups": [GROUP]}).encode()
        if "/apis/traefik.io/" in request.path:
            return 200, json.dumps({"metadata": {}, **self.route}).encode()
        if ":9100/proxy/metrics" in request.path:
            return self.metrics(request.path.split("/pods/")[1].split(":")[0])
        if "/proxy/" in request.path and self.probed:
            self.add(request.path.split("/pods/")[1].split(":")[0], str(self.status), 1)
        return super().__call__(request)

    def add(self, replica: str, code: str, count: int) -> None:
        self.counts[replica, code] = self.counts.get((replica, code), 0) + count

    def metrics(self, replica: str) -> Answer:
        if replica in self.unread:
            return 404, b"404 page not found"
        if not self.labels:
            return 200, b"process_start_time_seconds 1.5e+09"
        self.readings += 1
        if self.readings > 1:
            for code, count in self.users.items():
                self.add(replica, code, count)
        lines = [
            f"# TYPE {REQUESTS} counter",
            f'{REQUESTS}{{code="500",method="GET",protocol="http",service="{OLD}"}} 99',
        ]
        for (name, code), count in self.counts.items():
            if name == replica:
                labels = f'code="{code}",method="GET",protocol="http",service="{self.counter}"'
                lines.append(f"{REQUESTS}{{{labels}}} {count}")
        return 200, "\n".join([*lines, "process_start_time_seconds 1.5e+09", "go_threads 7", ""]).encode()


@pytest.fixture(autouse=True)
def few_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many of flipgate's own as it takes to be judged."""
    monkeypatch.setattr(watch, "PROBES_A_LOOK", 3)


def watched(tmp_path: Path, edge: Edge) -> Evidence:
    """What the gate says at the end of the bake."""
    with serving(edge, tmp_path) as cluster:
        found = baked(world_of(cluster, declaring_gate(edge)))
    assert found["errors"].verdict is PASS
    return found["users"]


def declaring_gate(edge: Edge) -> Application:
    """The shop with the gate, for one look."""
    text = SHOP.replace("header: X-Served-Side", "header: X-Served-Side, traefik: {metricsPort: 9100}")
    if edge.route is SPLIT:
        text = text.replace("kind: IngressRoute", "kind: TraefikService")
    gate = "{name: users, traefik: {maxErrorRatio: 0.05}, failures: 1}"
    return load_application(f"{text}  gates: [{gate}]\n  policy: {{bakeSeconds: 0}}\n", "shop.yaml")


def rule() -> dict[str, Any]:
    return {"spec": {"routes": [{"match": "Host(`shop.example`)", "services": SERVICES}]}}


@pytest.mark.parametrize(
    ("edge", "verdict", "said"),
    [
        (Edge(), PASS, "0 (0 of 40 users' requests failed) of shop-green by Traefik's target; 0 of 1 looks bad"),
        (Edge(users={"200": 30, "502": 10}), FAIL, "0.25 (10 of 40 users' requests failed) of shop-green"),
        (Edge(users={}), UNKNOWN, "no traffic"),
        (Edge(users={"200": 40}, counter=OLD), UNKNOWN, f"flipgate's own requests are counted under {GREEN})"),
        (Edge(route=rule(), counter=RULE), PASS, "of either side by time since the flip"),
        (Edge(pods=[pod("a"), pod("b")], unread=("b",)), UNKNOWN, "1 of 2 Traefik replicas not read: b: HTTP 404"),
        (
            Edge(pods=[pod("a"), pod("b")], users={"500": 4}, unread=("b",)),
            FAIL,
            "4 of 4 users' requests failed at 1 of 2",
        ),
        (Edge(unread=("a",)), UNKNOWN, "1 of 1 Traefik replicas not read"),
        (Edge(labels=False), UNKNOWN, "is metrics.prometheus.addServicesLabels on"),
    ],
    ids=[
        "good",
        "bad",
        "nobody",
        "the-old-sides",
        "rule",
        "one-unread",
        "bad-where-read",
        "none-read",
        "not-by-service",
    ],
)
def test_users_errors_are_seen_in_one_look_and_what_is_not_read_never_passes(
    tmp_path: Path, edge: Edge, verdict: Verdict, said: str
) -> None:
    evidence = watched(tmp_path, edge)
    assert evidence.verdict is verdict
    assert said in evidence.answer


def test_a_traefik_that_does_not_answer_holds_up_the_probes_for_a_moment_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "BEGIN_SECONDS", 0.2)
    edge = Edge(status=500)
    with (
        silence() as nothing,
        serving(lambda request: (nothing if ":9100/" in request.path else edge)(request), tmp_path) as cluster,
        within(2),
    ):
        found = baked(world_of(cluster, declaring_gate(edge)))
    assert (found["errors"].verdict, found["users"].verdict) == (FAIL, UNKNOWN)


def test_nothing_is_counted_while_flipgates_own_probes_go_on(tmp_path: Path) -> None:
    """They are taken off again, and how many of them Traefik has counted by then nobody knows."""
    with serving(Edge(), tmp_path) as cluster:
        probes = Probes()
        measure = measures(world_of(cluster, declaring_gate(Edge())), flipped(), probes)["users"]
        assert measure(0).why == BEGUN
        probes.sent = 1
        assert measure(1).why == "read while flipgate's own probes went on"
        probes.done = 1
        assert measure(2).value == 0


def test_what_is_no_metrics_is_said(tmp_path: Path) -> None:
    for answer, said in [
        ((200, b"<html>login</html>"), "not in Prometheus' text format"),
        ((200, f"{REQUESTS}{{code=".encode()), "not in Prometheus' text format"),
        ((503, b"no"), "HTTP 503 from /metrics at port 9100"),
    ]:
        with serving(lambda _, given=answer: given, tmp_path) as cluster, pytest.raises(TemporaryError, match=said):
            TraefikPods(cluster, declaring_gate(Edge()).spec.traffic).counters("a", {GREEN})
