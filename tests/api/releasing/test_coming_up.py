"""How far the pods of a release are, while they are waited for: told when it changes, and to whoever watches."""

from __future__ import annotations

from pathlib import Path

from flipgate.cli._runs import Pods
from flipgate.core.record.phases import Phase
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
    assert pods.news(None) == ""
    assert pods.news(release) == "1 of 2 pods Ready (web 1/2)"
    shop.play_ready(GREEN)
    assert pods.news(release) == "", "not more often than every few seconds"
    clock[0] += 10
    assert [pods.news(release), pods.news(release)] == ["2 of 2 pods Ready", ""]
    clock[0] += 10
    assert pods.news(release) == "", "nothing new"
    advanced(world, release, Phase.DARK)
    clock[0] += 10
    assert pods.news(world.store.read().release) == "", "it is up"
