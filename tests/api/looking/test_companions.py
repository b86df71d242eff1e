"""What a route names of a side beside its targets: no move takes it along. `check` names it, and a flip is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.values.errors import Refused
from flipgate.steps.looking.companions import companion_problems
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.looking.targets import need_targets
from flipgate.steps.moving.move import move_back
from flipgate.steps.releasing.setup import check_application
from lab.control.records import Lab
from tests.api.authority import unleased
from tests.api.front import checked, fronted
from tests.api.shop import BLUE, GREEN, Shop
from tests.api.targets import put_endpoints, put_service
from tests.api.users import grant, user
from tests.api.wire import serving

TRAEFIK = "/apis/traefik.io/v1alpha1/namespaces"


def put_middleware(shop: Shop, namespace: str, name: str, **spec: Any) -> dict[str, str]:
    """One of Traefik's middlewares; returns how a rule names it."""
    body = {"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": {"name": name}, "spec": spec}
    shop.cluster.create(f"{TRAEFIK}/{namespace}/middlewares", body)
    return {"name": name, "namespace": namespace}


def through(shop: Shop, *middlewares: dict[str, str]) -> None:
    """The live route's rule goes through these."""
    shop.patch(shop.route_path(), ("add", "/spec/routes/0/middlewares", list(middlewares)))


def refusal(shop: Shop) -> Refused:
    """Why a flip to green is refused, where green has all that the route names there."""
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    world = shop.world()
    with pytest.raises(Refused) as refused:
        need_targets(world, look_at_traffic(world), GREEN)
    assert (refused.value.reason, refused.value.untouched) == ("LeftBehind", "all routes")
    return refused.value


def test_a_middleware_of_a_side_is_named_and_a_flip_refused(shop: Shop, tmp_path: Path) -> None:
    through(shop, put_middleware(shop, shop.namespace(BLUE), "page", stripPrefix={"prefixes": ["/v1"]}))
    (problem,) = checked(shop, tmp_path)
    page = f"Middleware {shop.name}-blue/page"
    assert problem.startswith(f"{page} is named by IngressRoute {shop.own}/live, and no move takes it along")
    assert f"copy it to namespace {shop.own}" in problem
    refused = refusal(shop)
    assert refused.obj == page
    assert f"copy it to namespace {shop.own}" in refused.next_command
    assert f"flipgate flip {shop.name}" in refused.next_command

    shop.point("live", shop.namespace(GREEN))
    unleased(shop.world(), move_back, BLUE)  # which nothing of this holds up
    assert shop.where() == ("blue",)


def test_what_a_middleware_leads_to_is_found_through_chains(shop: Shop) -> None:
    page = {"status": ["500-599"], "service": {"name": "web", "namespace": shop.namespace(BLUE), "port": 80}}
    inner = put_middleware(shop, shop.own, "page", errors=page)
    address = f"http://auth.{shop.namespace(BLUE)}.svc.cluster.local:8080/verify"
    auth = put_middleware(shop, shop.own, "auth", forwardAuth={"address": address})
    outer = put_middleware(shop, shop.own, "all", chain={"middlewares": [inner, {"name": "auth"}, {"name": "all"}]})
    through(shop, {"name": outer["name"]})
    world = shop.world()
    problems = list(companion_problems(world, look_at_traffic(world)))
    assert [problem.partition(",")[0] for problem in problems] == [
        f"Service {shop.name}-blue/web is named by IngressRoute {shop.own}/live (by Middleware {shop.own}/all "
        f"and Middleware {shop.own}/page)",
        f"Service {shop.name}-blue/auth is named by IngressRoute {shop.own}/live (by Middleware {shop.own}/all "
        f"and Middleware {shop.own}/auth)",
    ]
    assert f"let Middleware {shop.own}/page name one outside of both sides" in problems[0]
    assert refusal(shop).obj == f"Service {shop.name}-blue/web"
    through(shop, auth)
    assert refusal(shop).obj == f"Service {shop.name}-blue/auth"


def test_an_http_routes_filters_and_gateways_are_looked_at_too(cluster: Cluster, lab: Lab) -> None:
    shop = Shop.install(cluster, lab.kubeconfig, http=["live"])
    page = {"status": ["500-599"], "service": {"name": "web", "namespace": shop.namespace(GREEN), "port": 80}}
    put_middleware(shop, shop.own, "page", errors=page)
    extension = {"group": "traefik.io", "kind": "Middleware", "name": "page"}
    shop.patch(
        shop.route_path(), ("add", "/spec/rules/0/filters", [{"type": "ExtensionRef", "extensionRef": extension}])
    )
    assert refusal(shop).obj == f"Service {shop.name}-green/web", "whichever side: users come to both"
    shop.patch(shop.route_path(), ("add", "/spec/parentRefs", [{"name": "web", "namespace": shop.namespace(BLUE)}]))
    assert refusal(shop).obj == f"Gateway {shop.name}-blue/web"


def test_a_middleware_that_may_not_be_read_is_said_and_refuses_no_flip(shop: Shop, tmp_path: Path) -> None:
    robot, said = user(shop, tmp_path), list[str]()
    needed = check_application(robot, shop.application, shop.own)
    grant(shop, needed)
    page = {"status": ["500-599"], "service": {"name": "web", "namespace": shop.namespace(BLUE), "port": 80}}
    through(shop, put_middleware(shop, shop.own, "page", errors=page))
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    with serving(fronted(shop, kubeconfig=tmp_path / "robot.kubeconfig"), tmp_path) as cluster:
        world = shop.world("robot", cluster)
        world.say = said.append
        need_targets(world, look_at_traffic(world), GREEN)
        assert any(f"Middleware {shop.own}/page may not be read" in line for line in said)
        (problem,) = companion_problems(world, look_at_traffic(world))
        assert problem.startswith(f"no permission to get middlewares.traefik.io in namespace {shop.own} (kubectl auth")
        grant(shop, [*needed, problem])
        (problem,) = companion_problems(world, look_at_traffic(world))
    assert problem.startswith(f"Service {shop.name}-blue/web is named by ")
