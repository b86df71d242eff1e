"""What a commit of images may change beside the declared services, and what it may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from flipgate.core.git.rendered import Rendered, also_changed, also_set
from flipgate.core.values.sides import Side
from tests.core.builders import shop

SHOP = shop()
GREEN = SHOP.place_of(Side.GREEN)
SERVICE = SHOP.spec.services[0]
OWN = f"{SERVICE.kind} {GREEN.namespace}/{GREEN.workload_of(SERVICE)}"
NEW = {service.name: f"shop/{service.name}:2" for service in SHOP.spec.services}


def runs(tag: str, **containers: str) -> dict[str, Any]:
    listed = [{"name": name, "image": f"{image}:{tag}"} for name, image in containers.items()]
    return {"spec": {"template": {"spec": {"containers": listed}}}}


def cron(tag: str, image: str) -> dict[str, Any]:
    return {"spec": {"jobTemplate": runs(tag, it=image)}}


def both(make: Callable[[str], Mapping[str, Any]], name: str) -> tuple[Rendered, Rendered]:
    """An overlay with one service and this object, before and after the commit."""
    found = []
    for tag in ("1", "2"):
        objects = {OWN: runs(tag, **{SERVICE.name: f"shop/{SERVICE.name}"}), name: make(tag)}
        found.append({name: json.loads(json.dumps({**named(name), **obj})) for name, obj in objects.items()})
    return found[0], found[1]


def named(name: str) -> dict[str, Any]:
    kind, _, where = name.partition(" ")
    namespace, _, of = where.partition("/")
    return {"kind": kind, "metadata": {"namespace": namespace, "name": of}}


IMAGE = f"shop/{SERVICE.name}"


@pytest.mark.parametrize(
    ("name", "make", "refused"),
    [
        (f"Job {GREEN.namespace}/migrate", lambda tag: runs(tag, migrate=IMAGE), False),
        (f"CronJob {GREEN.namespace}/report", lambda tag: cron(tag, IMAGE), False),
        (f"Deployment {GREEN.namespace}/extra", lambda tag: runs(tag, a=IMAGE), False),
        (f"Deployment {GREEN.namespace}/extra", lambda tag: runs(tag, a="other/image"), True),
        (f"ConfigMap {GREEN.namespace}/version", lambda tag: {"data": {"tag": tag}}, True),
        (f"Job {SHOP.place_of(Side.BLUE).namespace}/migrate", lambda tag: runs(tag, migrate=IMAGE), True),
        ("Job shared/migrate", lambda tag: runs(tag, migrate=IMAGE), False),
    ],
)
def test_what_is_not_declared_gets_the_images_that_are_released_and_nothing_else(
    name: str, make: Callable[[str], Mapping[str, Any]], refused: bool
) -> None:
    before, after = both(make, name)
    assert also_changed(SHOP, GREEN, before, after, NEW) == ((name,) if refused else ())
    if not refused:
        assert also_set(SHOP, GREEN, before, after) == {name: ((f"{IMAGE}:1", f"{IMAGE}:2"),)}
