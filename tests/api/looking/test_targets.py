"""Before a move, forward: what the routes will name is there, has the port, and somebody Ready to answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.looking.targets import need_targets
from flipgate.steps.moving.move import move_back
from lab.control.records import Lab
from tests.api.authority import unleased
from tests.api.shop import BLUE, GREEN, Shop
from tests.api.targets import put_endpoints, put_service
from tests.api.wire import Answer, Through, serving


def check(world: World) -> None:
    need_targets(world, look_at_traffic(world), GREEN)


def refusal(world: World) -> tuple[str, str, str]:
    """Reason, object and fact."""
    with pytest.raises(Refused) as refused:
        check(world)
    assert refused.value.untouched == "all routes"
    return refused.value.reason, refused.value.obj, refused.value.fact


def test_a_side_gets_users_once_service_port_and_a_ready_endpoint_are_there(shop: Shop, world: World) -> None:
    web = f"Service {shop.name}-green/web"
    assert refusal(world) == ("ServiceMissing", web, "does not exist, and a route would send users to it")
    put_service(shop, {"name": "admin", "port": 8080})
    assert refusal(world) == ("ServicePortMissing", web, "has no port 80 (it has: admin 8080)")
    put_service(shop, {"name": "admin", "port": 8080}, {"name": "http", "port": 80})
    nobody = "has nobody to answer users: {} endpoints Ready on port http 80"
    put_endpoints(shop, True, service="search")
    assert refusal(world) == ("NoReadyEndpoints", web, nobody.format("0 of 0"))
    put_endpoints(shop, False, False)
    assert refusal(world) == ("NoReadyEndpoints", web, nobody.format("0 of 2"))
    put_endpoints(shop, True, True, port="admin")
    assert refusal(world)[0] == "NoReadyEndpoints"
    put_endpoints(shop, True, False)
    check(world)


def test_going_back_asks_for_no_endpoints(shop: Shop, world: World) -> None:
    shop.point("live", shop.namespace(GREEN))
    unleased(world, move_back, BLUE)  # which has no Service at all
    assert shop.where() == ("blue",)


def test_every_route_is_looked_at_and_behind_a_traefik_service_of_the_side_too(cluster: Cluster, lab: Lab) -> None:
    shop = Shop.install(cluster, lab.kubeconfig, routes=("front", "split"), weighted=["split"])
    inner = {"name": "web", "kind": "TraefikService", "namespace": shop.namespace(BLUE)}
    beside = {"name": "search", "namespace": shop.namespace(BLUE), "port": "http", "weight": 0}
    shop.patch(shop.route_path("split"), ("replace", "/spec/weighted/services", [inner, beside]))
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    world = shop.world()
    assert refusal(world)[:2] == ("ServiceMissing", f"TraefikService {shop.name}-green/web")

    services = f"/apis/traefik.io/v1alpha1/namespaces/{shop.namespace(GREEN)}/traefikservices"
    home = {"name": "api", "port": 80}
    shop.cluster.create(
        services, {"apiVersion": "traefik.io/v1alpha1", "kind": "TraefikService"} | named("web", weighted=[home])
    )
    assert refusal(world)[:2] == ("ServiceMissing", f"Service {shop.name}-green/search")
    put_service(shop, {"name": "http", "port": 80}, name="search")
    assert refusal(world)[:2] == ("NoReadyEndpoints", f"Service {shop.name}-green/search"), "at weight 0, too"
    put_endpoints(shop, True, service="search")
    assert refusal(world)[:2] == ("ServiceMissing", f"Service {shop.name}-green/api")
    put_service(shop, {"name": "http", "port": 80}, name="api")
    put_endpoints(shop, True, service="api")
    check(world)

    elsewhere = {**home, "namespace": shop.namespace(BLUE)}
    shop.patch(f"{services}/web", ("replace", "/spec/weighted/services", [elsewhere]))
    assert refusal(world)[0] == "LeadsElsewhere"


def named(name: str, *, weighted: list[dict[str, Any]]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"weighted": {"services": weighted}}}


def no_list(method: str, path: str) -> Answer | None:
    return (403, b'{"message": "services is forbidden: cannot list"}') if "/services?limit=" in path else None


@pytest.mark.parametrize("forbidden", [False, True], ids=["listed", "read by name"])
def test_many_services_are_two_requests_and_each_is_looked_at(shop: Shop, tmp_path: Path, forbidden: bool) -> None:
    names = ["web", *(f"part-{number}" for number in range(8))]
    entries = [{"name": name, "namespace": shop.namespace(BLUE), "port": 80} for name in names]
    rules = [{"kind": "Rule", "match": f"PathPrefix(`/{each['name']}`)", "services": [each]} for each in entries]
    shop.patch(shop.route_path(), ("replace", "/spec/routes", rules))
    for name in names[:-1]:
        put_service(shop, {"name": "http", "port": 80}, name=name)
        put_endpoints(shop, True, service=name)
    through = Through(shop.kubeconfig, no_list if forbidden else lambda *_: None)
    with serving(through, tmp_path) as cluster:
        world = shop.world("ana", cluster)
        assert refusal(world)[:2] == ("ServiceMissing", f"Service {shop.name}-green/part-7")
        put_service(shop, {"name": "http", "port": 80}, name="part-7")
        assert refusal(world)[:2] == ("NoReadyEndpoints", f"Service {shop.name}-green/part-7")
        put_endpoints(shop, True, service="part-7")
        through.passed.clear()
        check(world)
    asked = [line for line in through.passed if f"{shop.name}-green" in line]
    assert len(asked) == (18 if forbidden else 2), asked
