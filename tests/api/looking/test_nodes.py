"""Whether the nodes have room for what a release brings up: advice, read from a real API server's nodes and pods."""

from __future__ import annotations

from pathlib import Path

from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look
from flipgate.steps.looking.nodes import read_room_on_nodes
from tests.api.nodes import put_node, put_pod
from tests.api.shop import GREEN, Shop
from tests.api.users import user


def room(world: World) -> Evidence:
    (found,) = read_room_on_nodes(world, look(world), None)
    return found


def test_what_is_bound_counts_what_has_ended_does_not_and_what_fits_nowhere_is_said(shop: Shop, world: World) -> None:
    wants = {"name": "web", "image": "shop/web:1", "resources": {"requests": {"cpu": "1"}}}
    spec = {"nodeSelector": {"shop": shop.name}, "containers": [wants]}
    shop.scaled(GREEN, "web", 0, template={"spec": spec})
    node = put_node(shop, "a")
    put_node(shop, "b", taint="dedicated")
    put_node(shop, "c", unschedulable=True)
    put_pod(shop, node, "ended", "2", phase="Succeeded")
    found = room(world)
    assert (found.verdict, found.answer) == (Verdict.INFO, "2 pods fit")
    assert found.asked == "still to come on green: web 2"

    put_pod(shop, node, "bound", "500m")
    found = room(world)
    assert found.verdict is Verdict.INFO, "an autoscaler may add a node: it stops nothing"
    assert found.answer.startswith("web: 1 of 2 pods fit on no node (of ")
    for lack in (
        " with taint dedicated:NoSchedule",
        " cordoned",
        "1 short of cpu (a pod requests 1, at most 0.5 left)",
    ):
        assert lack in found.answer


def test_without_the_right_it_is_not_known_and_the_right_is_named(shop: Shop, world: World, tmp_path: Path) -> None:
    view = look(world)
    (found,) = read_room_on_nodes(shop.world(cluster=user(shop, tmp_path)), view, None)
    assert (found.verdict, found.answer) == (
        Verdict.INFO,
        "not known: no permission to list nodes of the whole cluster (kubectl auth can-i list nodes)",
    )
