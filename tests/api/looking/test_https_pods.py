"""Pods that speak HTTPS are asked so, wherever they are asked through the API server's proxy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flipgate.adapters.traefik import TraefikPods
from flipgate.core.gates.traefik_counters import STARTED
from flipgate.core.spec.application import Application, load_application
from flipgate.core.spec.service import Consume
from flipgate.core.values.verdicts import Verdict
from flipgate.core.workloads.view import read_switch, read_workload
from flipgate.steps.looking.check import check
from flipgate.steps.moving.consume import unconfirmed
from tests.api.shop import GREEN, Shop
from tests.api.wire import Answer, Handler, serving

CHECK = "  checks:\n    - {name: health, service: web, port: 8443, path: /health"
GO = (400, b"Client sent an HTTP request to an HTTPS server.\n")
NGINX = (400, b"<html><center>The plain HTTP request was sent to HTTPS port</center></html>")


def unreached(words: str) -> Answer:
    """How the API server says that it did not reach a pod."""
    said = {"kind": "Status", "message": f"error trying to reach service: {words}", "code": 503}
    return 503, json.dumps(said).encode()


def with_check(shop: Shop, more: str = "") -> Shop:
    shop.application = load_application(f"{shop.text}{CHECK}{more}}}\n", "shop.yaml")
    return shop


def always(answer: Answer, asked: list[str]) -> Callable[[Handler], Answer]:
    def script(request: Handler) -> Answer:
        asked.append(request.path)
        return answer

    return script


def test_a_check_by_https_asks_the_service_so(shop_on_paper: Shop, tmp_path: Path) -> None:
    shop, asked = with_check(shop_on_paper, ", scheme: https"), list[str]()
    with serving(always((200, b"{}"), asked), tmp_path) as cluster:
        (evidence,) = check(shop.world("ana", cluster), GREEN)
    assert evidence.verdict is Verdict.PASS
    assert evidence.asked == "https://web:8443/health"
    assert asked == [f"/api/v1/namespaces/{shop.namespace(GREEN)}/services/https:web:8443/proxy/health"]


def test_the_api_server_looks_for_the_service_by_its_name(shop_on_paper: Shop) -> None:
    (evidence,) = check(with_check(shop_on_paper, ", scheme: https").world(), GREEN)
    assert evidence.verdict is Verdict.UNKNOWN
    assert 'services "web" not found' in evidence.answer


MALFORMED = r'net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x15\x03\x01\x00\x02\x02"'


@pytest.mark.parametrize(
    ("more", "answer", "verdict", "said"),
    [
        ("", GO, Verdict.FAIL, "status 400, expected 200; that port speaks HTTPS: declare scheme: https"),
        ("", NGINX, Verdict.FAIL, "status 400, expected 200; that port speaks HTTPS: declare scheme: https"),
        ("", unreached(MALFORMED), Verdict.UNKNOWN, "; that port speaks HTTPS: declare scheme: https"),
        (
            ", scheme: https",
            unreached("http: server gave HTTP response to HTTPS client"),
            Verdict.UNKNOWN,
            "; that port speaks plain HTTP: declare scheme: http",
        ),
        ("", (400, b"no such basket"), Verdict.FAIL, "status 400, expected 200"),
        (", scheme: https", unreached("dial tcp 10.0.0.1:8443: i/o timeout"), Verdict.UNKNOWN, "8443: i/o timeout"),
    ],
    ids=["Go", "nginx", "cut", "plain", "a 400 of its own", "anything else"],
)
def test_a_check_by_the_wrong_scheme_says_which_one_it_is(
    shop_on_paper: Shop, tmp_path: Path, more: str, answer: Answer, verdict: Verdict, said: str
) -> None:
    shop = with_check(shop_on_paper, more)
    with serving(always(answer, []), tmp_path) as cluster:
        world = shop.world("ana", cluster)
        world.sleep = lambda _: None
        (evidence,) = check(world, GREEN)
    assert evidence.verdict is verdict
    assert evidence.answer.endswith(said)


def test_a_pod_that_is_asked_whether_it_consumes_is_asked_so_too(shop_on_paper: Shop, tmp_path: Path) -> None:
    shop, asked = shop_on_paper, list[str]()
    status = {"port": 8443, "path": "/queue", "json": "consuming", "scheme": "https"}
    consume = Consume.model_validate({"configMap": "follow", "status": status})
    namespace = shop.namespace(GREEN)
    pod = {"metadata": {"name": "web-1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}

    def script(request: Handler) -> Answer:
        if "/proxy/" not in request.path:
            return 200, json.dumps({"items": [pod]}).encode()
        asked.append(request.path)
        return 200, b'{"consuming": false}'

    template = {"spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"spec": {"containers": []}}}}
    workload = read_workload("web", namespace, {"metadata": {}, **template})
    switch = read_switch(consume.config_map, consume.key, namespace, {"metadata": {}, "data": {"consume": "false"}})
    with serving(script, tmp_path) as cluster:
        assert unconfirmed(shop.world("ana", cluster), consume, workload, switch) == ""
    assert asked == [f"/api/v1/namespaces/{namespace}/pods/https:web-1:8443/proxy/queue"]


def test_traefiks_counters_may_stand_behind_tls(shop_on_paper: Shop, tmp_path: Path) -> None:
    asked: list[str] = []
    declared = declaring_metrics(shop_on_paper)
    with serving(always((200, f"{STARTED} 1\n".encode()), asked), tmp_path) as cluster:
        TraefikPods(cluster, declared.spec.traffic).counters("traefik-1", {"x"})
    assert [path.partition("/pods/")[2] for path in asked] == ["https:traefik-1:9100/proxy/metrics"]


def declaring_metrics(shop: Shop) -> Application:
    old = f"{{namespace: {shop.name}}}}}"
    assert old in shop.text
    new = f"{{namespace: {shop.name}, metricsPort: 9100, metricsScheme: https}}}}"
    return load_application(shop.text.replace(old, new), "shop.yaml")
