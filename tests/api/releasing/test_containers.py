"""Pods of several containers: all of one build get its image, and `check` asks where nothing tells which is which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.questions import pose
from flipgate.steps.releasing.setup import check_application
from tests.api.shop import GREEN, Shop, advanced, opened, under_lease

PODS = {
    "containers": [
        {"name": "proxy", "image": "shop/proxy:3"},
        {"name": "web", "image": "shop/web:1"},
        {"name": "jobs", "image": "shop/web:1", "command": ["jobs"]},
    ],
    "initContainers": [{"name": "migrate", "image": "shop/web:1", "command": ["migrate"]}],
}


@pytest.fixture
def crowded(shop: Shop) -> Shop:
    """The shop, whose `web` has a sidecar that stands first, and two more containers of its own build."""
    for side in Side:
        shop.cluster.merge(f"{shop.deployments(side)}/web", {"spec": {"template": {"spec": PODS}}})
    return shop


def declaring(shop: Shop, keys: str) -> Shop:
    text = shop.text.replace("replicas: 2, container: web}", f"replicas: 2{keys}}}")
    return replace(shop, application=load_application(text, "shop.yaml"), text=text)


def images(shop: Shop) -> dict[str, str]:
    spec: dict[str, Any] = shop.deployment(GREEN, "web")["spec"]["template"]["spec"]
    return {each["name"]: each["image"] for each in [*spec["containers"], *spec["initContainers"]]}


def up(world: World) -> None:
    """A release brought up, and dark."""
    release = opened(world)
    under_lease(world, bring_up, release)
    advanced(world, release, Phase.DARK)


RELEASED = {"proxy": "shop/proxy:3", "web": "shop/web:2", "jobs": "shop/web:2", "migrate": "shop/web:2"}


def test_all_of_the_build_are_released_with_it_and_nobody_is_asked_where_one_runs_another_image(crowded: Shop) -> None:
    world = declaring(crowded, ", image: shop/web").adopted()
    up(world)
    assert images(crowded) == RELEASED
    at = "/spec/template/spec/initContainers/0/image"
    crowded.patch(f"{crowded.deployments(GREEN)}/web", ("replace", at, "shop/web:1"))
    with pytest.raises(Refused, match="migrate of web is shop/web:1, not shop/web:2") as refused:
        pose(world, QuestionKind.FLIP, [])
    assert refused.value.reason == "SideChanged"


def test_one_of_the_same_repository_and_another_version_is_left_and_named(crowded: Shop) -> None:
    at = "/spec/template/spec/containers/2/image"
    crowded.patch(f"{crowded.deployments(GREEN)}/web", ("replace", at, "shop/web:0"))
    world, said = declaring(crowded, ", container: web").adopted(), list[str]()
    world.say = said.append
    up(world)
    assert images(crowded) == RELEASED | {"jobs": "shop/web:0"}
    told = "jobs keeps shop/web:0; `image: shop/web` for web would release it too"
    assert any(told in line for line in said), said


def test_check_asks_which_container_is_the_services(crowded: Shop) -> None:
    untold = declaring(crowded, "")
    problems = check_application(untold.cluster, untold.application, untold.own)
    assert len([each for each in problems if "web has several containers, proxy" in each]) == 2, problems


def test_a_sidecar_never_gets_the_services_image(crowded: Shop) -> None:
    world = declaring(crowded, "").adopted()
    with pytest.raises(Refused, match="the first is not of shop/web") as refused:
        opened(world)
    assert refused.value.reason == "ContainerMissing"
    assert images(crowded)["proxy"] == "shop/proxy:3"
