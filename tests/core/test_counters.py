"""Which side answered, read from what Traefik counts."""

from __future__ import annotations

import pytest

from flipgate.core.counters import counted_as, counted_targets, read_counters, sides_moved
from flipgate.core.traffic import Target
from tests.core.builders import BLUE, GREEN, NAMESPACES, service, traefik_service, traffic, weighted

PAGE = """\
# TYPE traefik_service_requests_total counter
traefik_service_requests_total{code="200",method="GET",protocol="http",service="shop-blue-web-80@kubernetescrd"} 41
traefik_service_requests_total{code="404",method="GET",protocol="http",service="shop-blue-web-80@kubernetescrd"} 1
traefik_service_requests_total{code="200",method="GET",service="shop-green-web-80@kubernetescrd"} 1.2e+06
traefik_service_request_duration_seconds_count{code="200",service="shop-blue-web-80@kubernetescrd"} 7
traefik_entrypoint_requests_total{code="200",entrypoint="web",method="GET",protocol="http"} 99
"""
B, G = "shop-blue-web-80@kubernetescrd", "shop-green-web-80@kubernetescrd"
TARGETS = {B: BLUE, G: GREEN}


def test_a_page_of_metrics_is_summed_by_target() -> None:
    assert read_counters(PAGE) == {B: 42.0, G: 1.2e6}
    assert read_counters("<html>") == {}


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (Target("Service", "web", 80), "shop-blue-web-80@kubernetescrd"),
        (Target("Service", "my.web", "http_x"), "shop-blue-my-web-http-x@kubernetescrd"),
    ],
)
def test_a_target_is_named_as_traefik_names_it(target: Target, name: str) -> None:
    assert counted_as("shop-blue", target) == name


def test_what_users_hear_from_is_counted_on_either_side_and_mirrors_are_not() -> None:
    blue = NAMESPACES[BLUE]
    found = counted_targets(
        traffic(traefik_service(weighted(service(blue), service(blue, name="old", weight=0)))), NAMESPACES
    )
    assert found == {counted_as(NAMESPACES[side], Target("Service", "web", 80)): side for side in (BLUE, GREEN)}
    mirror = weighted(mirroring={**service(blue), "mirrors": [service(blue, name="shadow", percent=10)]})
    assert set(counted_targets(traffic(traefik_service(mirror)), NAMESPACES)) == set(found)


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ({B: 1, G: 5}, {B: 1, G: 6}, {GREEN}),
        ({B: 1}, {B: 1, G: 1}, {GREEN}),
        ({B: 9}, {B: 2}, {BLUE}),
        ({B: 9}, {}, set()),
        ({B: 1, G: 5}, {B: 2, G: 6}, {BLUE, GREEN}),
        ({"other": 1}, {"other": 2}, set()),
    ],
    ids=["one", "first of all", "began anew", "let go", "both", "a stranger"],
)
def test_a_counter_that_moved_names_its_side(
    before: dict[str, float], after: dict[str, float], moved: set[str]
) -> None:
    assert sides_moved(before, after, TARGETS) == moved
