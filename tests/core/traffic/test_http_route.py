"""The Gateway API's HTTPRoute: read, moved, previewed, counted, and granted what it names."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.gates.traefik_counters import counted_targets
from flipgate.core.traffic.grants import granted
from flipgate.core.traffic.moves import FORWARD, plan_move
from flipgate.core.traffic.preview import preview_names, preview_of
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.traffic import WAY_BACK, RouteName, RouteState, Target
from flipgate.core.values.sides import Side
from tests.core.builders import (
    BLUE,
    DECLARED,
    GREEN,
    LEGACY,
    NAMESPACES,
    PLACES,
    UID,
    applied,
    on,
    patched,
    sent_by,
    service,
    traffic,
)

NAME = RouteName("HTTPRoute", "edge", "live")
EXACT = {"path": {"type": "Exact", "value": "/x"}}
STRIP = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}}
REDIRECT = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}


def mirror(backend: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RequestMirror", "requestMirror": {"backendRef": backend, "percent": 10}}


def rule(*backends: dict[str, Any], filters: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    """As the API server gives it, its defaults written in."""
    written = [{"group": "", "kind": "Service", "weight": 1, **backend} for backend in backends]
    return {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": written, **more} | (
        {"filters": list(filters)} if filters else {}
    )


def http_route(*rules: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "live", "namespace": "edge", "uid": UID, "resourceVersion": "7"},
        "spec": {
            "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web", "namespace": "gw"}],
            "hostnames": ["shop.example", "b.example"],
            "rules": list(rules),
        },
    }


def read(*rules: dict[str, Any], where: RouteName = NAME) -> RouteState:
    return read_route(where, http_route(*rules), PLACES, DECLARED)


WHOLE = {
    "one backend": [rule(on(BLUE))],
    "weights on one side": [rule(on(BLUE, weight=9), on(BLUE, name="api", weight=0))],
    "several rules": [rule(on(BLUE), matches=[EXACT]), rule(on(BLUE, name="api"))],
    "a page of its own that never flips": [rule(on(BLUE)), rule(LEGACY)],
    "a redirect of its own": [rule(filters=(REDIRECT,)), rule(on(BLUE))],
    "with filters": [rule(on(BLUE), filters=(STRIP,))],
    "mirrored on its own side": [rule(on(BLUE), filters=(mirror(on(BLUE, name="shadow")),))],
    "mirrored to who answers no user": [rule(on(BLUE), filters=(mirror(LEGACY),))],
    "a TraefikService of the side": [rule(on(BLUE, group="traefik.io", kind="TraefikService"))],
    "Traefik's own": [rule(on(BLUE)), rule(service(group="traefik.io", kind="TraefikService", name="api@internal"))],
}
NOT_WHOLE = {
    "both sides": [rule(on(BLUE, weight=1), on(GREEN, weight=99))],
    "weight 0 is one edit from live": [rule(on(BLUE), on(GREEN, weight=0))],
    "a rule for the other side": [rule(on(BLUE)), rule(on(GREEN))],
    "a foreign backend has a share": [rule(on(BLUE), LEGACY)],
    "in the route's own namespace": [rule(on(BLUE), service())],
    "a mirror is sent what users send": [rule(on(BLUE), filters=(mirror(on(GREEN)),))],
    "a mirror of one backend alone": [rule(on(BLUE, filters=[mirror(on(GREEN))]))],
    "a kind that Traefik does not serve": [
        rule(on(BLUE), on(BLUE, group="multicluster.x-k8s.io", kind="ServiceImport"))
    ],
    "such a kind in a rule of its own": [rule(on(BLUE)), rule(on(BLUE, group="a.example", kind="Anything"))],
    "another TraefikService, which may lead anywhere": [
        rule(on(BLUE)),
        rule(service(group="traefik.io", kind="TraefikService", name="a")),
    ],
    "no side": [rule(LEGACY)],
    "nobody": [rule()],
    "nothing": [],
}


@pytest.mark.parametrize("rules", WHOLE.values(), ids=WHOLE.keys())
def test_an_http_route_that_sends_everybody_to_one_side_is_whole(rules: list[dict[str, Any]]) -> None:
    assert traffic(read(*rules)).active is BLUE


@pytest.mark.parametrize("rules", NOT_WHOLE.values(), ids=NOT_WHOLE.keys())
def test_an_http_route_that_sends_anybody_elsewhere_is_not(rules: list[dict[str, Any]]) -> None:
    assert traffic(read(*rules)).active is None


def test_it_says_where_it_leads() -> None:
    assert str(read(rule(on(BLUE)))) == "HTTPRoute edge/live -> blue"
    assert str(read(rule(LEGACY))) == "HTTPRoute edge/live names neither side (it names legacy)"
    assert "ServiceImport web@x.example" in str(read(rule(on(BLUE), on(BLUE, group="x.example", kind="ServiceImport"))))


def test_a_backend_without_a_namespace_is_in_the_routes_own() -> None:
    state = read(rule(service()), where=RouteName("HTTPRoute", NAMESPACES[BLUE], "live"))
    assert (state.whole, [entry.explicit for entry in state.entries]) == (BLUE, [False])


def test_users_hear_from_all_but_weight_0_and_mirrors() -> None:
    state = read(rule(on(BLUE), on(BLUE, name="api", weight=0), filters=(mirror(on(BLUE, name="shadow")),)))
    assert {entry.target.name: entry.target.answers for entry in state.entries} == {
        "web": True,
        "api": False,
        "shadow": False,
    }


MANY = http_route(
    rule(on(BLUE, filters=[mirror(on(BLUE, name="deep"))]), on(BLUE, name="api", weight=0), filters=(STRIP,)),
    rule(LEGACY),
    rule(on(BLUE), filters=(STRIP, mirror(on(BLUE, name="shadow"))), matches=[EXACT]),
)


def test_a_move_changes_each_backends_namespace_and_the_line_on_it_takes_all_back() -> None:
    state = read_route(NAME, MANY, PLACES, DECLARED)
    (patch,) = plan_move(traffic(state), PLACES, GREEN, direction=FORWARD, stamp="4.abc")
    moved = patched(MANY, patch)
    assert str(moved["spec"]) == str(MANY["spec"]).replace(NAMESPACES[BLUE], NAMESPACES[GREEN])
    line = moved["metadata"]["annotations"][WAY_BACK]
    assert line.startswith("kubectl -n edge patch httproutes.gateway.networking.k8s.io live ")
    assert applied(moved, sent_by(line))["spec"] == MANY["spec"]


def test_a_backend_without_a_namespace_is_given_one() -> None:
    where = RouteName("HTTPRoute", NAMESPACES[BLUE], "live")
    obj = http_route(rule(service()))
    (patch,) = plan_move(traffic(read_route(where, obj, PLACES)), PLACES, GREEN, stamp="4.abc")
    moved = applied(obj, patch.operations)
    assert moved["spec"]["rules"][0]["backendRefs"][0]["namespace"] == NAMESPACES[GREEN]


def test_a_preview_asks_for_its_host_alone_and_keeps_all_else() -> None:
    state, before = read_route(NAME, MANY, PLACES, DECLARED), str(MANY)
    names = preview_names("shop", 0, NAME)
    (made,) = preview_of(MANY, state, names, place=PLACES[GREEN], host="shop.example", preview="preview.example")
    assert str(MANY) == before
    assert (made["apiVersion"], made["kind"]) == ("gateway.networking.k8s.io/v1", "HTTPRoute")
    first, _, third = MANY["spec"]["rules"]
    wanted = str([first, third]).replace(NAMESPACES[BLUE], NAMESPACES[GREEN])
    assert (made["spec"]["hostnames"], str(made["spec"]["rules"])) == (["preview.example"], wanted)
    assert made["spec"]["parentRefs"] == MANY["spec"]["parentRefs"]


def test_its_users_are_counted_per_target() -> None:
    """Named as Traefik's Gateway provider does (httproute.go, loadService)."""
    inner = on(BLUE, group="traefik.io", kind="TraefikService", name="inner")
    found = counted_targets(traffic(read(rule(on(BLUE, name="web.v2"), inner, on(BLUE, weight=0)))), PLACES)
    assert found == {f"{NAMESPACES[s]}-web-v2-http-80@kubernetesgateway": s for s in Side}


# ReferenceGrants

WEB, INNER = Target("Service", "web", 80), Target("TraefikService", "inner")
FROM = {"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "edge"}
TO = {"group": "", "kind": "Service"}


def grant(*, of: tuple[dict[str, Any], ...] = (FROM,), to: tuple[dict[str, Any], ...] = (TO,)) -> dict[str, Any]:
    return {"spec": {"from": list(of), "to": list(to)}}


def test_a_grant_lets_routes_of_a_namespace_name_what_it_says() -> None:
    assert granted([grant()], NAME, WEB)
    assert granted([grant(to=({**TO, "name": "api"},)), grant(to=({**TO, "name": "web"},))], NAME, WEB)
    assert granted([grant(of=({**FROM, "namespace": "other"}, FROM))], NAME, WEB)
    assert granted([grant(to=({"group": "traefik.io", "kind": "TraefikService"},))], NAME, INNER)


@pytest.mark.parametrize(
    "given",
    [
        [],
        [grant(of=({**FROM, "namespace": "other"},))],
        [grant(of=({**FROM, "kind": "GRPCRoute"},))],
        [grant(of=({**FROM, "group": "traefik.io"},))],
        [grant(to=({**TO, "name": "api"},))],
        [grant(to=({"group": "", "kind": "Secret"},))],
        [grant(to=({"group": "traefik.io", "kind": "Service"},))],
        [grant(of=({**FROM, "namespace": "other"},)), grant(to=({**TO, "name": "api"},))],
    ],
)
def test_any_other_grant_does_not(given: list[dict[str, Any]]) -> None:
    assert not granted(given, NAME, WEB)


def test_a_grant_for_services_is_none_for_a_traefik_service() -> None:
    assert not granted([grant()], NAME, INNER)
