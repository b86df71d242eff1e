"""A whole release on a copy of the live database, in played flows: users write all along, and none of it is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.planned import lines_of
from flipgate.steps.looking.look import look
from flipgate.steps.releasing.planned import plan_of
from tests.api.copying import declare_clone, pointed, rows, writing
from tests.api.front import fronted
from tests.api.migrating import Orders
from tests.api.pipeline import ACTOR
from tests.api.played import played
from tests.api.shop import BLUE, GREEN, Shop
from tests.api.steps import approved, status
from tests.api.targets import put_endpoints, put_service
from tests.api.wire import serving
from tests.core.builders import declaring

pytestmark = pytest.mark.xdist_group("postgres")


@pytest.mark.usefixtures("prefect")
def test_it_is_brought_up_on_the_copy_and_moved_on_the_live_one(shop: Shop, orders: Orders, tmp_path: Path) -> None:
    declare_clone(shop, orders)
    shop.adopted(ACTOR)
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    with serving(fronted(shop), tmp_path) as cluster, shop.playing_ready(), writing(orders, orders.name) as users:
        world = shop.world(ACTOR, cluster)
        world.application = declaring(world.application, policy={"bake_seconds": 1, "bake_interval_seconds": 1})
        with played(world) as flows:
            release = flows.deploy_dark(shop.name, {"web": "shop/web:2"})
            (clone,) = world.store.read().clones
            assert pointed(shop, GREEN) == clone.name
            assert re.search(f"Copy +orders: {clone.name} for release {release} on green", status(shop, shop.name))
            view = look(world)
            assert view.record
            assert view.record.release
            lines = lines_of(plan_of(world, view, view.record.release, QuestionKind.FLIP), "migrations")
            assert lines == (
                f"before users move: orders is expanded, pods are started anew on it, and its copy {clone.name} goes",
            )
            approved(world)
            assert "is live on green" in str(flows.flip_traffic(shop.name, release))
    assert (shop.where(), pointed(shop, GREEN), pointed(shop, BLUE)) == (("green",), orders.name, orders.name)
    assert (rows(orders, orders.name), orders.version) == (users.done, "13")
    assert [each.step for each in world.store.read().journal if each.step in ("DropClone", "MoveRoutes")] == [
        "DropClone",
        "MoveRoutes",
    ]
