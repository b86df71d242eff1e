"""The maintenance flag in played flows: on from right before users are moved until they stay, and off where nobody is
moved."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest

from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.steps.acting.world import World
from flipgate.steps.moving.maintenance import set_maintenance
from flipgate.steps.releasing import flip as flipping
from tests.api.front import fronted
from tests.api.moving.test_maintenance import FLAGS, flag, flagged
from tests.api.pipeline import ACTOR
from tests.api.played import played
from tests.api.shop import Shop, under_lease
from tests.api.steps import approved
from tests.api.targets import put_endpoints, put_service
from tests.api.wire import Answer, Handler, Script, serving
from tests.core.builders import declaring

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds


@pytest.fixture
def dark(shop: Shop) -> World:
    return flagged(shop)


def writes(shop: Shop, seen: list[tuple[str, str, tuple[str, ...]]]) -> Script:
    """The shop behind its Traefik; of each write of the flag its value, the release's phase, and where users are."""
    through = fronted(shop)

    def script(request: Handler) -> Answer | None:
        if request.command == "PATCH" and request.path.partition("?")[0].endswith(f"configmaps/{FLAGS}"):
            value = json.loads(request.body)["data"]["moving"]
            seen.append((value, str(shop.world().store.read().phase), shop.where()))
        return through(request)

    return script


@pytest.mark.usefixtures("prefect")
def test_a_flip_has_it_on_from_before_users_move_until_the_bake_has_passed(
    shop: Shop, dark: World, tmp_path: Path
) -> None:
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    release = dark.store.read().release
    assert release
    seen: list[tuple[str, str, tuple[str, ...]]] = []
    with serving(writes(shop, seen), tmp_path) as cluster, shop.playing_ready():
        world = shop.world(ACTOR, cluster)
        policy = {"bake_seconds": 1, "bake_interval_seconds": 1}
        world.application = declaring(world.application, policy=policy)
        approved(world)
        with played(world) as flows:
            assert "is live on green" in str(flows.flip_traffic(shop.name, release.name))
    assert seen == [("yes", "dark", ("blue",)), ("no", "live", ("green",))]


@pytest.mark.usefixtures("prefect")
def test_a_flip_that_is_refused_after_it_was_set_takes_it_off_and_so_does_reconcile_for_one_that_died(
    shop: Shop, dark: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    release = dark.store.read().release
    assert release
    seen: list[tuple[str, str, tuple[str, ...]]] = []

    def refused(*_: object, **__: object) -> None:
        raise Refused("was changed", obj="IngressRoute edge/live", reason=Why.ROUTE_CHANGED)

    with serving(writes(shop, seen), tmp_path) as cluster, shop.playing_ready():
        world = shop.world(ACTOR, cluster)
        approved(world)
        monkeypatch.setattr(flipping, "move", refused)
        with played(world) as flows, suppress(Refused):
            flows.flip_traffic(shop.name, release.name)
        assert seen == [("yes", "dark", ("blue",)), ("no", "dark", ("blue",))]
        under_lease(world, set_maintenance)
        with played(world) as flows:
            flows.reconcile(world, "default")
    assert (flag(shop), [value for value, _, _ in seen]) == ("no", ["yes", "no", "yes", "no"])
