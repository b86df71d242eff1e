"""What a route names beside its targets, by kind, and which of it is a side's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from flipgate.core.traffic.companions import LeftBehind, side_of
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.kinds.middleware import led_to
from flipgate.core.traffic.traffic import RouteName
from tests.core.builders import BLUE, NAMESPACES, PLACES

BLUE_NS = NAMESPACES[BLUE]


def named(kind: str, spec: Mapping[str, Any]) -> list[str]:
    return [str(name) for name in KINDS[kind].companions(spec, "edge")]


def behind(**spec: Any) -> list[str]:
    return [str(name) for name in led_to(spec, "edge")]


def test_an_ingress_route_names_middlewares_options_of_tls_and_parents() -> None:
    crossing = {"name": "web", "serversTransport": "shop-blue-mtls@kubernetescrd"}
    rules = [
        {"middlewares": [{"name": "a"}, {"name": "b", "namespace": BLUE_NS}], "services": [crossing]},
        {"services": [{"name": "web", "serversTransport": "mtls"}]},
        {},
    ]
    tls = {"options": {"name": "strict", "namespace": BLUE_NS}, "store": {"name": "default"}, "secretName": "x"}
    assert named("IngressRoute", {"routes": rules, "tls": tls, "parentRefs": [{"name": "top"}]}) == [
        "Middleware edge/a",
        "Middleware shop-blue/b",
        "ServersTransport edge/shop-blue-mtls@kubernetescrd",
        "TLSOption shop-blue/strict",
        "TLSStore edge/default",
        "IngressRoute edge/top",
    ]
    assert named("IngressRoute", {}) == []


def test_a_traefik_service_names_transports_and_an_http_route_gateways_and_filters() -> None:
    crossing = {"name": "web", "serversTransport": "x@kubernetescrd"}
    assert named("TraefikService", {"weighted": {"services": [crossing]}}) == ["ServersTransport edge/x@kubernetescrd"]
    mirroring = {"name": "web", "mirrors": [crossing]}
    assert named("TraefikService", {"mirroring": mirroring}) == ["ServersTransport edge/x@kubernetescrd"]
    assert named("TraefikService", {}) == []
    page = {"type": "ExtensionRef", "extensionRef": {"group": "traefik.io", "kind": "Middleware", "name": "page"}}
    rule = {"filters": [page], "backendRefs": [{"name": "web", "filters": [{"type": "URLRewrite"}]}]}
    spec = {"parentRefs": [{"name": "web", "namespace": "traefik"}], "rules": [rule]}
    assert named("HTTPRoute", spec) == ["Gateway traefik/web", "Middleware edge/page"]


def test_a_middleware_leads_to_a_chain_an_error_page_and_who_is_asked() -> None:
    assert behind(headers={"customResponseHeaders": {"x": "y"}}) == behind() == []
    assert behind(chain={"middlewares": [{"name": "a"}, {"name": "b", "namespace": BLUE_NS}]}) == [
        "Middleware edge/a",
        "Middleware shop-blue/b",
    ]
    assert behind(errors={"service": {"name": "page", "namespace": BLUE_NS, "port": 80}}) == ["Service shop-blue/page"]
    assert behind(errors={"service": {"name": "page"}}) == ["Service edge/page"]


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("http://auth.shop-blue.svc.cluster.local:8080/verify", ["Service shop-blue/auth"]),
        ("http://auth.shop-blue.svc/verify", ["Service shop-blue/auth"]),
        ("http://auth.shop-blue", ["Service shop-blue/auth"]),
        ("https://auth.example.com/verify", []),
        ("http://auth:8080", []),
        ("http://[", []),
        ("", []),
    ],
)
def test_a_host_of_the_cluster_names_a_service(address: str, found: list[str]) -> None:
    assert behind(forwardAuth={"address": address}) == found


def test_a_side_is_known_by_the_namespace_or_by_traefiks_own_name() -> None:
    for name in (
        RouteName("Middleware", BLUE_NS, "page"),
        RouteName("Middleware", "edge", "shop-blue-page@kubernetescrd"),
    ):
        assert side_of(name, PLACES) == RouteName("Middleware", BLUE_NS, "page")
    for other in ("page", "edge-page@kubernetescrd", "page@file"):
        assert side_of(RouteName("Middleware", "edge", other), PLACES) is None


def test_the_mend_fits_what_is_named() -> None:
    route, page = RouteName("IngressRoute", "edge", "live"), RouteName("Middleware", BLUE_NS, "page")
    assert LeftBehind(page, BLUE, route).mend.startswith("copy it to namespace edge, ")
    outer = RouteName("Middleware", "edge", "outer")
    left = LeftBehind(RouteName("Service", BLUE_NS, "web"), BLUE, route, (outer,))
    assert left.mend == "let Middleware edge/outer name one outside of both sides"
    assert left.fact.startswith(
        "is named by IngressRoute edge/live (by Middleware edge/outer), and no move takes it along"
    )
