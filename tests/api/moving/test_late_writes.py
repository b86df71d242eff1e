"""Writes that arrive minutes after they were sent: after their client gave up, after a retry, after others acted.

None of them may shrink or re-image the side that users are on, stop what works there, or lead users elsewhere.
docs/decisions/0011-late-writes.md is the table of all that flipgate writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.values.errors import FlipgateError, Refused, TemporaryError
from flipgate.core.values.stamps import STAMP
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look, look_at_side, need_dark
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.move import move, move_back
from flipgate.steps.moving.rest import rest
from flipgate.steps.moving.stamp import stamp
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.settle import settle
from tests.api.authority import unleased
from tests.api.late import behind, routes, stamps_of, workloads_of
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, opened, under_lease
from tests.api.steps import SCALE_DOWN, Install, approved, refusing
from tests.api.wire import Holding


@pytest.fixture
def network(shop: Shop) -> Holding:
    return Holding(shop.kubeconfig)


@pytest.fixture
def worker(shop: Shop, network: Holding, tmp_path: Path) -> Iterator[World]:
    """The pipelines' worker, behind that network."""
    with behind(shop, network, tmp_path) as world:
        yield world


def test_a_scale_down_that_arrives_after_a_rollback_shrinks_nothing(
    shop: Shop, network: Holding, worker: World
) -> None:
    """The first scale-down after `adopt`: its worker's stamps are held, its second try's writes are held, too."""
    approved(shop.gone_live(), SCALE_DOWN)
    with worker.acting() as acting:
        network.holds = stamps_of(BLUE)
        with pytest.raises(TemporaryError):
            settle(acting)
        stamped = len(network.held)
        network.holds = lambda method, path, body: (
            workloads_of(BLUE)(method, path, body) and not (stamps_of(BLUE)(method, path, body))
        )
        with pytest.raises(TemporaryError):
            settle(acting)
        assert len(network.held) > stamped > 0, "both were on their way"
        roll_back(shop.world("ben"), "orders fail", by="ben")
        network.release()
        with suppress(FlipgateError):
            settle(acting)
    assert (shop.where(), shop.counts(BLUE)) == (("blue",), COUNTS)


@pytest.mark.parametrize(
    ("kind", "replaced"),
    [("ingressroutes", False), ("httproutes", False), ("ingressroutes", True)],
    ids=["IngressRoute", "HTTPRoute", "replaced annotations"],
)
def test_a_rollback_that_arrives_after_the_old_side_went_to_rest_moves_nobody(
    install: Install, tmp_path: Path, kind: str, replaced: bool
) -> None:
    """It reached nothing but its readings, and gave up: nobody knows of it."""
    shop = install(http=["live"] if kind == "httproutes" else [])
    live, network = shop.gone_live(), Holding(shop.kubeconfig, holds=lambda *_: True)
    with behind(shop, network, tmp_path) as worker:
        with pytest.raises(TemporaryError):
            roll_back(worker, "orders fail", by="ben")
        network.held[:] = [each for each in network.held if f"/{kind}/" in each[1]]
        assert network.held
        approved(live, SCALE_DOWN)
        manifest = shop.route()
        under_lease(live, settle)
        assert STAMP in shop.route()["metadata"]["annotations"]
        if replaced:
            manifest["metadata"]["resourceVersion"] = shop.route()["metadata"]["resourceVersion"]
            shop.cluster.replace(shop.route_path(), manifest)
        assert set(network.release()) == {422}
    assert (shop.where(), shop.counts(BLUE)) == (("green",), dict.fromkeys(COUNTS, 0))


def test_a_rollback_that_arrives_while_the_next_release_is_brought_up_moves_nobody(
    shop: Shop, network: Holding, worker: World
) -> None:
    world = shop.adopted()
    under_lease(world, move, GREEN)
    network.holds = routes
    with pytest.raises(TemporaryError):
        under_lease(worker, move_back, BLUE)
    with world.acting() as acting:
        move_back(acting, BLUE)
        move(acting, GREEN)
        release = opened(world)
        bring_up(acting, release)
    assert 422 in network.release()
    assert shop.where() == ("green",)


@pytest.mark.parametrize("again", [False, True], ids=["once", "tried again"])
def test_a_deploy_that_arrives_after_the_flip_changes_nothing(
    shop: Shop, network: Holding, worker: World, again: bool
) -> None:
    """Its client gave up, and another run brought the side up; users are there by now."""
    world = shop.adopted()
    with worker.acting() as acting:
        release = opened(world, tag="3")
        network.holds = workloads_of(GREEN)
        for _ in range(2 if again else 1):
            with suppress(FlipgateError):
                bring_up(acting, release)
    assert network.held
    with suppress(Refused):
        recover(world)
    with world.acting() as acting:
        bring_up(acting, release)
        shop.scale(GREEN, "web", 5)  # its autoscaler
        stamp(acting, look_at_side(world, GREEN))
        shop.play_ready(GREEN)
        move(acting, GREEN)
    before = shop.counts(GREEN), [w.images for w in look_at_side(world, GREEN).workloads.values()]
    network.release()
    assert (shop.counts(GREEN), [w.images for w in look_at_side(world, GREEN).workloads.values()]) == before


def test_a_hand_over_that_arrives_after_a_rollback_takes_no_worker_away(
    shop: Shop, network: Holding, worker: World
) -> None:
    """The flip's run sent the old side's worker to rest; users are back there, and it works."""
    live = shop.gone_live(until=Phase.BAKING)
    with shop.playing_ready():
        network.holds = workloads_of(BLUE)
        with pytest.raises(TemporaryError):
            under_lease(worker, hand_over_workers, GREEN)
        assert len(network.held) == 1
        roll_back(shop.world("ben"), "orders fail", by="ben")
        assert network.release() == [422]
    assert shop.counts(BLUE) == COUNTS
    assert live.store.read().phase is Phase.ROLLED_BACK


def test_a_way_back_that_arrives_late_takes_no_pods_away(shop: Shop, network: Holding, worker: World) -> None:
    """It scales the side up; since then an autoscaler has given it more."""
    shop.gone_live()
    shop.scale(BLUE, "web", 1)
    network.holds = lambda method, path, body: workloads_of(BLUE)(method, path, body) and b"/spec/replicas" in body
    roll_back(worker, "orders fail", by="ben", now=True)
    shop.scale(BLUE, "web", 7)
    network.release()
    assert (shop.where(), shop.counts(BLUE)["web"]) == (("blue",), 7)


def test_an_older_stamp_never_takes_a_newer_ones_place(shop: Shop, network: Holding, worker: World) -> None:
    world = shop.adopted()
    network.holds = stamps_of(BLUE)
    with pytest.raises(TemporaryError):
        unleased(worker, stamp, look_at_side(worker, BLUE), epoch=6)
    unleased(world, stamp, look_at_side(world, BLUE), epoch=7)
    newer = [each.stamp for each in look_at_side(world, BLUE).stamped]
    assert set(network.release()) == {422}
    assert [each.stamp for each in look_at_side(world, BLUE).stamped] == newer


def test_a_rest_that_begins_before_a_route_is_written_and_goes_on_after_it_rests_nothing(shop: Shop) -> None:
    """A person pastes the way back by hand, from a message."""
    world = shop.adopted()
    under_lease(world, move, GREEN)
    view = look(world)
    shop.point("live", shop.namespace(BLUE))
    with world.acting() as acting, refusing("SideChanged", "may be live again"):
        rest(acting, view, need_dark(world, view))
    assert shop.counts(BLUE) == COUNTS


def test_an_older_application_never_takes_a_newer_ones_place(shop: Shop, network: Holding, worker: World) -> None:
    text = str(shop.cluster.get(f"{shop.config_maps}/application-{shop.name}")["data"]["application.yaml"])
    network.holds = lambda method, path, body: "/configmaps/application-" in path
    with pytest.raises(TemporaryError):
        worker.store.write_application(f"{text}# older")
    shop.world().store.write_application(f"{text}# newer")
    assert network.release() == [409]
    found = shop.cluster.get(f"{shop.config_maps}/application-{shop.name}")["data"]["application.yaml"]
    assert found.endswith("# newer")


def test_an_older_story_of_a_release_never_takes_a_newer_ones_place(
    shop: Shop, network: Holding, worker: World
) -> None:
    world = shop.gone_live()
    record = world.store.read()
    assert record.release
    release = record.release
    world.store.write_history(release)
    network.holds = lambda method, path, body: "/configmaps/release-" in path
    with pytest.raises(TemporaryError):
        worker.store.write_history(release, record.journal[:1])
    world.store.write_history(release, record.journal)
    assert network.release() == [409]
    assert world.store.finished(release.name)[1] == record.journal
