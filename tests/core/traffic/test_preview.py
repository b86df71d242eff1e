"""A preview says what the live routes will say, to nobody who does not ask for its host."""

from __future__ import annotations

from typing import Any

from flipgate.core.traffic.preview import preview_names, preview_of
from flipgate.core.traffic.traffic import RouteName, RouteState
from tests.core.builders import BLUE, GREEN, PLACES, on, route, route_object, service, traefik_service, weighted

USERS, NOBODY = "shop.example", "preview.shop.example"


def preview(obj: dict[str, Any], state: RouteState) -> list[dict[str, Any]]:
    names = preview_names("shop", 0, state.route)
    return preview_of(obj, state, names, place=PLACES[GREEN], host=USERS, preview=NOBODY)


def test_a_rule_is_kept_as_it_is_but_for_its_side_and_who_gets_there() -> None:
    obj = route_object([on(BLUE, scheme="h2c")])
    rule = obj["spec"]["routes"][0] | {"match": f"Host(`{USERS}`, `b.example`) || Path(`/x`)"}
    rule |= {"middlewares": [{"name": "strip"}], "priority": 7}
    obj["spec"] |= {"entryPoints": ["web"], "routes": [rule], "tls": {"secretName": "s", "certResolver": "le"}}
    before = str(obj)
    (made,) = preview(obj, route(obj))
    assert str(obj) == before
    assert (made["kind"], made["metadata"]["name"], made["metadata"]["namespace"]) == (
        "IngressRoute",
        "flipgate-preview-shop-0",
        "edge",
    )
    match = f"Host(`{NOBODY}`) && (Host(`{NOBODY}`, `b.example`) || Path(`/x`))"
    assert made["spec"] == {
        "entryPoints": ["web"],
        "tls": {"secretName": "s"},
        "routes": [{**rule, "match": match, "services": [on(GREEN, scheme="h2c")]}],
    }


def test_a_rule_that_never_names_the_users_host_is_narrowed_all_the_same() -> None:
    obj = route_object([on(BLUE)])
    obj["spec"]["routes"][0]["match"] = "PathPrefix(`/`)"
    (made,) = preview(obj, route(obj))
    assert made["spec"]["routes"][0]["match"] == f"Host(`{NOBODY}`) && (PathPrefix(`/`))"


def test_a_host_in_double_quotes_is_the_users_host_too() -> None:
    obj = route_object([on(BLUE)])
    obj["spec"]["routes"][0]["match"] = f'Host("{USERS}") && PathPrefix("/v1")'
    (made,) = preview(obj, route(obj))
    assert made["spec"]["routes"][0]["match"] == f'Host(`{NOBODY}`) && (Host("{NOBODY}") && PathPrefix("/v1"))'


def test_rules_that_lead_to_no_side_are_left_out() -> None:
    obj = route_object([service("pages")], [on(BLUE), on(BLUE, name="api")])
    (made,) = preview(obj, route(obj))
    assert [rule["services"] for rule in made["spec"]["routes"]] == [[on(GREEN), on(GREEN, name="api")]]


def test_a_traefik_service_gets_a_rule_of_its_own() -> None:
    obj = weighted(on(BLUE, weight=3), on(BLUE, name="api", weight=0))
    target, rule = preview(obj, traefik_service(obj))
    assert target["kind"] == "TraefikService"
    assert target["spec"] == {"weighted": {"services": [on(GREEN, weight=3), on(GREEN, name="api", weight=0)]}}
    named = {"kind": "TraefikService", "name": target["metadata"]["name"]}
    assert rule["spec"] == {"routes": [{"kind": "Rule", "match": f"Host(`{NOBODY}`)", "services": [named]}]}


def test_the_same_traefik_reads_it_and_nobody_else_takes_it_for_theirs() -> None:
    obj = route_object([on(BLUE)])
    labels = {"traefik": "outside", "app.kubernetes.io/instance": "shop", "argocd.argoproj.io/instance": "shop"}
    notes = {"kubernetes.io/ingress.class": "outside", "someone": "else"}
    obj["metadata"] |= {"labels": labels, "annotations": notes}
    (made,) = preview(obj, route(obj))
    assert made["metadata"]["labels"] == {
        "traefik": "outside",
        "app.kubernetes.io/managed-by": "flipgate",
        "app.kubernetes.io/component": "preview",
    }
    assert made["metadata"]["annotations"] == {"kubernetes.io/ingress.class": "outside"}
    assert "resourceVersion" not in made["metadata"]


def test_two_routes_of_one_namespace_have_previews_of_their_own() -> None:
    first, second = (RouteName("IngressRoute", "edge", name) for name in ("a", "b"))
    assert set(preview_names("shop", 0, first)).isdisjoint(preview_names("shop", 1, second))
