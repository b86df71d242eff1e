"""How far the pods of a release are, while they are waited for: told when it changes, and to whoever watches."""

from __future__ import annotations

from pathlib import Path

from flipgate.cli._runs import Pods
from flipgate.core.record.database_intents import ExpandDatabase
from flipgate.core.record.phases import Phase
from flipgate.core.values.base import but
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.bring_up import bring_up, wait_ready
from tests.api.desk import Desk
from tests.api.shop import GREEN, Shop, advanced, opened, under_lease

Told = list[tuple[str, dict[str, tuple[int, int]]]]


def test_each_change_is_told_once_with_the_counts_of_each_service(shop: Shop, world: World) -> None:
    release = opened(world)
    under_lease(world, bring_up, release)
    shop.play_ready(GREEN, "web", ready=1)
    told: Told = []

    def coming(line: str, counts: object) -> None:
        told.append((line.partition(" after")[0], dict(counts)))  # type: ignore[call-overload]
        shop.play_ready(GREEN)

    under_lease(world, wait_ready, release, timeout_seconds=20, coming=coming)
    assert told == [("1 of 2 pods Ready", {"web": (1, 2)}), ("2 of 2 pods Ready", {"web": (2, 2)})]


def test_status_and_who_waits_for_the_run_are_told_how_far_it_is(shop: Shop, world: World, tmp_path: Path) -> None:
    release = opened(world)
    under_lease(world, bring_up, release)
    shop.play_ready(GREEN, "web", ready=1)
    desk = Desk(shop, tmp_path)
    assert "  Coming up   1 of 2 pods Ready (web 1/2)\n" in desk.run("status", shop.name).stdout
    assert desk.data("status", shop.name)["comingUp"] == {
        "text": "1 of 2 pods Ready (web 1/2)",
        "services": [{"name": "web", "ready": 1, "wanted": 2}],
    }

    clock = [0.0]
    world.monotonic = lambda: clock[0]
    pods = Pods(world)
    record = world.store.read()
    assert pods.news(but(record, release=None)) == ""
    assert pods.news(record) == "1 of 2 pods Ready (web 1/2)"
    shop.play_ready(GREEN)
    assert pods.news(record) == "", "not more often than every few seconds"
    clock[0] += 10
    assert [pods.news(record), pods.news(record)] == ["2 of 2 pods Ready", ""]
    clock[0] += 10
    assert pods.news(record) == "", "nothing new"
    advanced(world, release, Phase.DARK)
    clock[0] += 10
    assert pods.news(world.store.read()) == "", "it is up"


def test_pods_of_the_release_before_are_not_told_as_those_of_one_that_is_looked_at_first(
    shop: Shop, world: World, tmp_path: Path
) -> None:
    opened(world)
    said = "before its pods: preflight, hooks, databases"
    assert Pods(world).news(world.store.read()) == said
    assert f"  Coming up   {said}\n" in Desk(shop, tmp_path).run("status", shop.name).stdout
    with world.acting() as acting, journal(acting, ExpandDatabase(GREEN, "orders", "12")):
        assert Pods(world).news(world.store.read()) == (
            "before its pods: ExpandDatabase (side green, database orders, before 12)"
        )
