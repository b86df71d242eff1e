"""Where Services of the routes lead, and pods behind them that are nobody's who is declared."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.workloads.led_to import PODS_SHOWN, foreign, leads_shown, led_elsewhere, said_of
from tests.core.builders import GREEN, deployment, side

WEB_SIDE = side(GREEN, deployment(selector={"matchLabels": {"app": "web"}}))
IMAGE = WEB_SIDE.workloads["web"].images["web"]


def service(selector: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80, "targetPort": 8080}]
    return {"spec": {"selector": selector or {"app": "web"}, "ports": ports, "type": "ClusterIP", **spec}}


def pod(name: str, image: str = IMAGE, owner: str = "web-6f5c9d8b7", app: str = "web", **meta: Any) -> dict[str, Any]:
    owners = [{"kind": "ReplicaSet", "name": owner}] if owner else []
    return {
        "metadata": {"name": name, "labels": {"app": app, "tier": "front"}, "ownerReferences": owners, **meta},
        "spec": {"containers": [{"name": "web", "image": image}]},
        "status": {"phase": "Running"},
    }


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (service(), ""),
        (service({"app": "rogue"}), "selector app=web; port 80 to 8080; ClusterIP -> selector app=rogue; port 80"),
        (service(ports=[{"port": 80, "targetPort": 9999}]), "-> selector app=web; port 80 to 9999; ClusterIP"),
        (service(type="ExternalName", externalName="evil.example"), "port 80 to 8080; ExternalName evil.example"),
        (None, "Service web: gone (selector app=web;"),
    ],
)
def test_a_service_that_leads_elsewhere_is_told_by_its_path(now: dict[str, Any] | None, told: str) -> None:
    found = led_elsewhere(said_of({"web": service()}), said_of({"web": now}))
    assert told in found
    assert bool(found) is bool(told)


def test_what_is_cut_off_of_a_long_selector_is_compared_too() -> None:
    long = {f"label-{n:03}": "x" * 60 for n in range(20)}
    one, two = (said_of({"web": service({**long, "z": each})}) for each in "ab")
    assert led_elsewhere(one, two)


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        (pod("web-1"), ""),
        (pod("web-1", image=f"mirror.example/hub/{IMAGE}"), ""),
        (pod("web-1", image=f"{IMAGE}@sha256:{'a' * 64}"), ""),
        (
            pod("web-1", image=f"{IMAGE}2@sha256:{'a' * 64}"),
            "is behind Service web, not what Deployment shop-green/web",
        ),
        (pod("other", app="other", owner="rogue-1"), ""),
        (pod("going", owner="rogue-1", deletionTimestamp="2026-03-01T12:00:00Z"), ""),
        (
            pod("rogue-1-x", "evil/x:1", owner="rogue-1"),
            "pod rogue-1-x (image evil/x:1, of ReplicaSet rogue-1) is behind Service web, of no declared workload",
        ),
        (pod("bare", owner=""), "without an owner) is behind Service web, of no declared workload"),
        (pod("taken-over", "evil/x:1"), "is behind Service web, not what Deployment shop-green/web says"),
    ],
)
def test_a_pod_that_a_service_leads_to_is_of_a_declared_workload(runs: dict[str, Any], told: str) -> None:
    found = foreign({"web": service(), "gone": None}, WEB_SIDE, [runs])
    assert told in found
    assert bool(found) is bool(told)


def test_of_many_foreign_pods_the_first_are_named_and_the_others_counted() -> None:
    found = foreign({"web": service()}, WEB_SIDE, [pod(f"r-{n}", owner="rogue-1") for n in range(PODS_SHOWN + 2)])
    assert found.endswith("; and 2 more")


def test_a_service_without_a_selector_and_pods_that_are_not_known_are_shown_as_unknown() -> None:
    said = said_of({"web": service(), "out": {"spec": {"ports": [{"port": 80}]}}, "gone": None})
    assert [(e.gate, e.verdict) for e in leads_shown(said, pods_known=True)] == [
        ("service out", "unknown"),
        ("service web", "info"),
    ]
    assert {str(e.verdict) for e in leads_shown(said, pods_known=False)} == {"unknown"}
