"""Authority is a type: who only looks has no way to write, and who acts has one for as long as the block lasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster, Reader
from flipgate.adapters.lease import Lease
from flipgate.core.record import record as records
from flipgate.core.record.intents import Move
from flipgate.core.values import stamps
from flipgate.core.values.errors import LostLease
from flipgate.steps.acting.acting import SEAL, Acting, Authority
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.looking.look import look, look_at_side, look_at_traffic, need_dark
from flipgate.steps.moving.move import close_routes, move, move_back
from flipgate.steps.moving.rest import rest
from flipgate.steps.moving.stamp import stamp
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, last_entry, under_lease

WRITES = {"create", "replace", "apply", "patch", "merge", "delete"}


def public(thing: object) -> dict[str, Any]:
    return {name: getattr(thing, name) for name in dir(thing) if not name.startswith("_")}


def test_a_world_shows_nothing_that_writes_an_object_but_the_record_s_store(world: World) -> None:
    assert set(dir(Cluster)) >= WRITES
    assert not WRITES & set(dir(Reader))
    shown = public(world)
    assert type(shown["cluster"]) is Reader
    for name, value in shown.items():
        assert not isinstance(value, Cluster | Authority | Lease), name
        if name != "store" and not isinstance(value, str):
            assert not WRITES & set(dir(value)), name
    for name, value in [*public(world.store).items(), *public(world.proxy).items()]:
        assert not isinstance(value, Cluster), name


def test_an_acting_cannot_be_made_by_hand(shop: Shop, world: World) -> None:
    record, lease = world.store.read(), Lease(shop.cluster, shop.own, shop.name, "ana", utc_now)
    with pytest.raises(TypeError, match="take the Lease first"):
        Acting(object(), world, shop.cluster, record, lease)
    with pytest.raises(TypeError, match="take the Lease first"):
        Authority(None, world, shop.cluster, 7, record)
    assert Authority(SEAL, world, shop.cluster, 7, record).epoch == 7, "the seal is what is missing"


def noted(acting: Acting) -> None:
    with journal(acting, Move(GREEN)):
        pytest.fail("it began")


def put_to_rest(acting: Acting) -> None:
    view = look(acting.world)
    rest(acting, view, need_dark(acting.world, view))


@pytest.mark.parametrize(
    "deed",
    [
        lambda acting: move(acting, GREEN),
        lambda acting: stamp(acting, look_at_side(acting.world, GREEN)),
        lambda acting: close_routes(acting, look_at_traffic(acting.world)),
        lambda acting: acting.world.store.update(lambda r: records.begin(r, "BringUp", "ana", utc_now(), {})[0]),
        noted,
        put_to_rest,
    ],
    ids=["move", "stamp", "routes", "record", "journal", "rest"],
)
def test_one_that_is_over_writes_nothing(shop: Shop, deed: Callable[[Acting], object]) -> None:
    """Nobody has acted since: the Lease that was given back is all that refuses it."""
    world = shop.adopted()
    shop.scale(GREEN, "web", 1)
    with world.acting() as kept:
        pass
    before = (shop.record_text(), shop.route(), shop.deployment(GREEN, "web")["metadata"]["resourceVersion"])
    with pytest.raises(LostLease, match="its Lease given back"):
        deed(kept)
    after = (shop.record_text(), shop.route(), shop.deployment(GREEN, "web")["metadata"]["resourceVersion"])
    assert after == before


def test_a_rollback_without_a_record_writes_nothing_more_when_it_is_through(shop: Shop, world: World) -> None:
    under_lease(world, move, GREEN)
    with world.acting_without_lease(stamps.UNRECORDED) as kept:
        kept.confirm_lease()
        move_back(kept, BLUE)
    assert shop.where() == ("blue",)
    with pytest.raises(LostLease):
        stamp(kept, look_at_side(world, GREEN))


def test_all_that_an_acting_writes_bears_its_epoch(shop: Shop, world: World) -> None:
    with world.acting() as acting:
        assert acting.epoch == acting.record.epoch == world.store.read().epoch
        stamp(acting, look_at_side(world, GREEN))
        move(acting, GREEN)
        stamped = [each.stamp for each in look_at_side(world, GREEN).stamped]
        stamped += [route.stamp for route in look_at_traffic(world).routes]
        assert {stamps.epoch_of(each) for each in stamped} == {acting.epoch}
    assert len(stamped) == len(COUNTS) + 1
    assert last_entry(world).step == "MoveRoutes"
