"""A flip right after a deploy writes on no workload before users move: the deploy has stamped the side whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flipgate.core.values.errors import TemporaryError
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.moving.stamp import stamp_unless_taken
from flipgate.steps.releasing.bring_up import bring_up, wait_ready
from flipgate.steps.releasing.note_dark import note_dark
from tests.api.late import behind, workloads_of
from tests.api.shop import GREEN, Shop, opened, under_lease
from tests.api.wire import Holding


def brought_up(world: World, shop: Shop) -> None:
    """A release that is dark, by the steps of a deploy."""
    release = opened(world)
    with shop.playing_ready(), world.acting() as acting:
        bring_up(acting, release)
        wait_ready(acting, release, timeout_seconds=20.0)
        note_dark(acting, release, [])


def stamps_on(world: World) -> list[str | None]:
    return [each.stamp for each in look_at_side(world, GREEN).stamped]


def taken(acting: Acting) -> None:
    """As a flip takes the side of the open release."""
    release = acting.world.store.read().release
    assert release is not None
    stamp_unless_taken(acting, look_at_side(acting.world, GREEN), release.taken_in)


def test_right_after_a_deploy_nothing_is_stamped(shop: Shop) -> None:
    world = shop.adopted()
    brought_up(world, shop)
    before = stamps_on(world)
    under_lease(world, taken)
    assert stamps_on(world) == before


def nobody_else(acting: Acting) -> None:
    """Takes the Lease, and does nothing."""


def writes_itself(acting: Acting) -> None:
    """As one that scales the side up first, or has a hook."""
    acting.cluster.patch(f"/api/v1/namespaces/{acting.application.place_of(GREEN).namespace}", [])
    taken(acting)


@pytest.mark.parametrize("acts", [[nobody_else, taken], [writes_itself], [taken, taken]])
def test_who_comes_after_somebody_else_or_wrote_stamps_all(shop: Shop, acts: list[Callable[[Acting], None]]) -> None:
    world = shop.adopted()
    brought_up(world, shop)
    before = stamps_on(world)
    for act in acts:
        under_lease(world, act)
    assert not {*before} & {*stamps_on(world)}


def test_a_side_that_was_called_dark_before_is_taken_anew(shop: Shop) -> None:
    """Its run was killed after the note, and is begun again."""
    world = shop.adopted()
    brought_up(world, shop)
    brought_up(world, shop)
    before = stamps_on(world)
    under_lease(world, taken)
    assert stamps_on(world) == before


def test_a_deploys_own_write_that_hung_arrives_in_vain(shop: Shop, tmp_path: Path) -> None:
    """It would give the side the count of before; a person has given it more since."""
    network = Holding(shop.kubeconfig)
    release = opened(shop.adopted())
    with behind(shop, network, tmp_path) as worker, shop.playing_ready(), worker.acting() as acting:
        bring_up(acting, release)
        shop.scale(GREEN, "web", 1)
        network.holds = workloads_of(GREEN)
        with pytest.raises(TemporaryError):
            bring_up(acting, release)
        network.holds = lambda *_: False
        shop.scale(GREEN, "web", 5)
        note_dark(acting, release, [])
    assert network.held
    assert {*network.release()} == {422}
    assert shop.counts(GREEN)["web"] == 5
