"""What a route of a shop may lead to, beside its Deployments: Services and who answers behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flipgate.core.values.sides import Side
from flipgate.steps.looking.look import look, look_at_traffic
from flipgate.steps.looking.targets import need_targets
from flipgate.steps.moving.move import move, move_back
from flipgate.steps.releasing.setup import adopt, apply_application, check_application
from tests.api.authority import unleased
from tests.api.front import checked
from tests.api.shop import BLUE, GREEN, Shop, under_lease
from tests.api.users import grant, user


def put_service(shop: Shop, *ports: dict[str, Any], name: str = "web", side: Side = GREEN) -> None:
    """A Service of a side with these ports."""
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": list(ports)}}
    shop.cluster.apply(f"/api/v1/namespaces/{shop.namespace(side)}/services/{name}", body)


def put_endpoints(shop: Shop, *ready: bool, service: str = "web", port: str = "http") -> None:
    """An EndpointSlice of green as its controller would write it: one endpoint a pod, Ready or not."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{shop.namespace(GREEN)}/endpointslices/{service}-x1"
    endpoints = [{"addresses": [f"10.0.0.{n}"], "conditions": {"ready": each}} for n, each in enumerate(ready, 1)]
    meta = {"name": f"{service}-x1", "labels": {"kubernetes.io/service-name": service}}
    body = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4"}
    shop.cluster.apply(path, body | {"ports": [{"name": port, "port": 8080}], "endpoints": endpoints})


def there_and_back(shop: Shop, folder: Path) -> list[str]:
    """A user of the cluster with the rights that check asks for, and no others, applies the shop's file, adopts it, and
    moves everybody to green and back. Returns what check asked for."""
    robot = user(shop, folder)
    missing = check_application(robot, shop.application, shop.own)
    grant(shop, missing)
    assert checked(shop, folder, kubeconfig=folder / "robot.kubeconfig") == []

    apply_application(robot, shop.application, shop.text, shop.own)
    world = shop.world("robot", robot)
    adopt(world)
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)

    need_targets(world, look_at_traffic(world), GREEN)
    under_lease(world, move, GREEN)
    assert (shop.where(), look(world).active) == (("green",), GREEN)
    assert unleased(world, move_back, BLUE).left == ()
    (route,) = look_at_traffic(world).routes
    assert (shop.where(), route.way_back) == (("blue",), "")
    return missing
