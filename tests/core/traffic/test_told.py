"""A move is told field by field, by the very patches that would be sent."""

from __future__ import annotations

from flipgate.core.traffic.moves import RoutePatch, plan_move
from flipgate.core.traffic.told import fields_moved
from flipgate.core.traffic.traffic import RouteName
from tests.core.builders import BLUE, GREEN, LEGACY, PLACES, on, route, route_object, service, to_side, traffic


def moved(*rules: list[dict[str, object]]) -> list[str]:
    return fields_moved(plan_move(traffic(route(route_object(*rules))), PLACES, GREEN))


def test_each_field_that_changes_is_a_line_and_what_stays_is_none() -> None:
    assert moved([on(BLUE), LEGACY, on(GREEN)], [on(BLUE)]) == [
        "IngressRoute edge/live: spec.routes[0].services[0].namespace shop-blue -> shop-green",
        "IngressRoute edge/live: spec.routes[1].services[0].namespace shop-blue -> shop-green",
    ]
    assert fields_moved(plan_move(traffic(to_side(GREEN)), PLACES, GREEN)) == []


def test_a_field_that_does_not_exist_yet_is_added() -> None:
    obj = route_object([service()])
    obj["metadata"]["namespace"] = "shop-blue"
    state = route(obj, namespace="shop-blue")
    assert fields_moved(plan_move(traffic(state), PLACES, GREEN)) == [
        "IngressRoute shop-blue/live: spec.routes[0].services[0].namespace added (shop-green)"
    ]


def test_a_key_with_a_slash_is_written_as_it_is() -> None:
    operation = {"op": "add", "path": "/metadata/annotations/a.b~1c", "value": "x"}
    patch = RoutePatch(RouteName("IngressRoute", "edge", "live"), "traefik.io/v1alpha1", (operation,))
    assert fields_moved([patch]) == ["IngressRoute edge/live: metadata.annotations.a.b/c added (x)"]
