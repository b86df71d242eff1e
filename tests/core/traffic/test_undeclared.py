"""What leads to a side and was not declared: read of each kind of object that is looked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from flipgate.core.spec.application import load_application
from flipgate.core.traffic.kinds import SOUGHT
from flipgate.core.traffic.preview import OURS
from flipgate.core.traffic.traffic import RouteName
from flipgate.core.traffic.undeclared import NAMED, Blind, not_looked, read_undeclared, shortened
from flipgate.core.values.errors import BadInput
from flipgate.core.values.sides import Side
from tests.core.builders import BLUE, GREEN, NAMESPACES, PLACES, SHOP

Spec = Mapping[str, Any]
WEB = {"name": "web", "port": 80}
ON_BLUE = {**WEB, "namespace": NAMESPACES[BLUE]}
ON_GREEN = {**WEB, "namespace": NAMESPACES[GREEN]}
HOME = {"service": {"name": "web"}}


def rules(*services: Spec) -> Spec:
    return {"routes": [{"match": "Host(`y`)", "services": [service]} for service in services]}


def backends(*refs: Spec) -> Spec:
    return {"rules": [{"backendRefs": list(refs)}]}


def found(
    kind: str, spec: Spec | None, namespace: str = "edge", known: Collection[RouteName] = (), **meta: Any
) -> tuple[Side, ...]:
    """The sides that one object of this kind leads to, as far as it has to be declared."""
    obj = {"metadata": {"namespace": namespace, "name": "x", **meta}, "spec": spec}
    return next((each.sides for each in read_undeclared(SOUGHT[kind], [obj], PLACES, known)), ())


@pytest.mark.parametrize("kind", ["IngressRoute", "IngressRouteTCP", "IngressRouteUDP"])
def test_a_route_of_traefiks_leads_where_a_rule_names_a_side(kind: str) -> None:
    assert found(kind, rules(WEB, ON_BLUE)) == (BLUE,)
    assert found(kind, rules(ON_GREEN, ON_BLUE)) == (BLUE, GREEN)
    assert found(kind, rules(WEB), NAMESPACES[GREEN]) == (GREEN,), "its own namespace, where none is written"
    assert found(kind, rules(WEB)) == ()
    assert found(kind, rules({"name": "web@file", "namespace": NAMESPACES[BLUE]})) == ()
    assert found(kind, None) == found(kind, {}) == ()


@pytest.mark.parametrize("kind", ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"])
def test_a_route_of_the_gateway_api_leads_where_a_backend_is(kind: str) -> None:
    assert found(kind, backends(WEB, ON_BLUE)) == (BLUE,)
    assert found(kind, backends(WEB), NAMESPACES[BLUE]) == (BLUE,)
    mirror = {"filters": [{"type": "RequestMirror", "requestMirror": {"backendRef": ON_GREEN}}]}
    assert found(kind, {"rules": [mirror]}) == (GREEN,), "it acts on what it gets a copy of"
    assert found(kind, backends(WEB)) == ()


def test_nobody_comes_in_by_a_traefik_service_within_its_own_side() -> None:
    def weighted(*services: Spec) -> Spec:
        return {"weighted": {"services": list(services)}}

    assert found("TraefikService", weighted(ON_BLUE)) == (BLUE,)
    assert found("TraefikService", weighted(WEB), NAMESPACES[BLUE]) == ()
    assert found("TraefikService", weighted(WEB, ON_GREEN), NAMESPACES[BLUE]) == (GREEN,)


def test_an_ingress_and_an_open_service_lead_to_the_side_they_stand_on() -> None:
    assert found("Ingress", {"defaultBackend": HOME}, NAMESPACES[BLUE]) == (BLUE,)
    paths = {"rules": [{"host": "y"}, {"http": {"paths": [{"path": "/", "backend": HOME}]}}]}
    assert found("Ingress", paths, NAMESPACES[GREEN]) == (GREEN,)
    assert found("Ingress", {"rules": [{"host": "y"}]}, NAMESPACES[BLUE]) == ()
    for spec in ({"type": "LoadBalancer"}, {"type": "NodePort"}, {"externalIPs": ["192.0.2.1"]}):
        assert found("Service", spec, NAMESPACES[BLUE]) == (BLUE,)
        assert found("Service", spec) == ()
    for closed in ({}, {"type": "ClusterIP"}, {"type": "ExternalName", "externalName": "y"}):
        assert found("Service", closed, NAMESPACES[BLUE]) == ()


def test_what_is_declared_and_what_flipgate_makes_is_left_out() -> None:
    assert found("IngressRoute", rules(ON_BLUE), known={RouteName("IngressRoute", "edge", "x")}) == ()
    assert found("IngressRoute", rules(ON_BLUE), known={RouteName("IngressRouteTCP", "edge", "x")}) == (BLUE,)
    assert found("IngressRoute", rules(ON_BLUE), labels=dict(OURS)) == ()
    assert found("IngressRoute", rules(ON_BLUE), labels={"app.kubernetes.io/managed-by": "flipgate"}) == (BLUE,)


def test_where_nothing_may_be_listed_is_said_once_a_place() -> None:
    everywhere, there = Blind("ingressroutes.traefik.io", ""), Blind("ingressroutes.traefik.io", "edge")
    looked = ["edge", "shop-blue"]
    assert list(not_looked([], looked)) == []
    assert list(not_looked([everywhere], looked)) == [
        "looked for in namespaces edge, shop-blue alone: ingressroutes.traefik.io "
        "(kubectl auth can-i list ingressroutes.traefik.io -A)"
    ]
    also = Blind("services", "edge")
    assert list(not_looked([everywhere, also, there, Blind(there.resource, "shop-blue")], looked)) == [
        "not looked for in namespace edge, for want of rights to list: ingressroutes.traefik.io, services "
        "(kubectl auth can-i list ingressroutes.traefik.io -n edge)",
        "not looked for in namespace shop-blue, for want of rights to list: ingressroutes.traefik.io "
        "(kubectl auth can-i list ingressroutes.traefik.io -n shop-blue)",
    ]


def test_of_many_the_first_are_named_and_the_others_counted() -> None:
    assert shortened(list(range(NAMED))) == "0, 1, 2, 3, 4, 5, 6, 7"
    assert shortened(list(range(NAMED + 2))).endswith("6, 7 and 2 more")


def test_a_route_either_moves_or_stays() -> None:
    staying = SHOP + "  routesThatStay: [{kind: %s, namespace: edge, name: live}]\n"
    assert load_application(staying % "IngressRouteTCP", "shop.yaml").spec.routes_that_stay
    with pytest.raises(BadInput, match="named in routes, which move, and in routesThatStay: IngressRoute edge/live"):
        load_application(staying % "IngressRoute", "shop.yaml")
    with pytest.raises(BadInput, match="IngressRoute"):
        load_application(staying % "Ingres", "shop.yaml")
