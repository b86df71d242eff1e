"""What grows with the number of services, counted in requests: looks do not, for many are listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from flipgate.core.record.record import need_release
from flipgate.core.spec.application import load_application
from flipgate.core.values.sides import Side
from flipgate.steps.looking import look as looking
from flipgate.steps.looking.look import MOST_READ, look, look_at_side
from flipgate.steps.moving.move import move
from flipgate.steps.moving.stamp import stamp_unless_taken
from flipgate.steps.releasing.bring_up import bring_up, open_release, wait_ready
from flipgate.steps.releasing.note_dark import note_dark
from flipgate.steps.watching.status import collect
from tests.api.played import played
from tests.api.shop import Shop
from tests.api.wire import Counted, Through, serving

MANY = 30
"""Services beside the shop's own two."""


@pytest.fixture
def crowd(shop: Shop) -> Shop:
    """The shop with many services more, on both sides."""
    names = [f"part-{n}" for n in range(MANY)]
    lines = "".join(f"    - {{name: {name}, role: serving, replicas: 1}}\n" for name in names)
    shop.text = f"{shop.text}{lines}"
    shop.application = load_application(shop.text, "shop.yaml")
    shop.patch(f"{shop.config_maps}/application-{shop.name}", ("add", "/data/application.yaml", shop.text))
    for side in Side:
        for name in names:
            shop.add_deployment(side, name, 0)
    shop.adopted()
    return shop


@pytest.fixture
def counted(crowd: Shop, tmp_path: Path) -> Iterator[Counted]:
    through = Through(crowd.kubeconfig)
    with serving(through, tmp_path) as cluster:
        yield Counted(through, crowd.world("ben", cluster))


def test_many_workloads_are_one_request_a_side(counted: Counted) -> None:
    assert MANY > MOST_READ
    state = look_at_side(counted.world, Side.BLUE)
    (asked,) = counted.sent()
    assert "/deployments?limit=" in asked
    assert (len(state.workloads), state.missing) == (MANY + 2, ())
    assert state.workloads["web"].replicas == 2


def test_a_namespace_shared_with_many_others_is_not_listed(counted: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "OTHERS", 0)
    monkeypatch.setattr(looking, "MANY_OTHERS", MANY)
    assert len(look_at_side(counted.world, Side.BLUE).workloads) == MANY + 2
    assert len(counted.sent()) == 1 + MANY + 2


def test_a_list_that_hangs_where_reads_by_name_do_not_holds_nobody_up(
    crowd: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "LIST_SECONDS", 0.2)
    ended = Event()

    def hang(method: str, path: str) -> None:
        if "?limit=" in path:
            ended.wait(30)

    with serving(Through(crowd.kubeconfig, before=hang), tmp_path) as cluster:
        try:
            assert len(look_at_side(crowd.world("ben", cluster), Side.BLUE).workloads) == MANY + 2
        finally:
            ended.set()


def test_one_that_is_not_there_is_missing_all_the_same(counted: Counted, crowd: Shop) -> None:
    crowd.cluster.delete(f"{crowd.deployments(Side.GREEN)}/part-7")
    assert look_at_side(counted.world, Side.GREEN).missing == ("part-7",)


def test_a_look_and_status_do_not_grow(counted: Counted) -> None:
    look(counted.world)
    counted.sent()
    look(counted.world)
    assert len(counted.sent()) <= 4
    collect(counted.world)
    assert len(counted.sent()) <= 12


def test_status_of_a_few_lists_them_too(shop: Shop, tmp_path: Path) -> None:
    through = Through(shop.kubeconfig)
    shop.adopted()
    with serving(through, tmp_path) as cluster:
        world = shop.world("ben", cluster)
        look(world)
        through.passed.clear()
        collect(world)
    assert len(through.passed) <= 12, through.passed


def test_a_deploy_writes_each_workload_twice_and_a_flip_right_after_it_none(counted: Counted, crowd: Shop) -> None:
    """Its image and count, and a stamp at the end; a flip rests on that one."""
    world = counted.world
    images = {service.name: f"shop/{service.name}:2" for service in world.application.spec.services}
    with crowd.playing_ready():
        release = open_release(world, images, "ci")
        with world.acting() as acting:
            bring_up(acting, release)
            wait_ready(acting, release, timeout_seconds=20.0)
            note_dark(acting, release, [])
    sent = counted.sent()
    stamped_first = MANY + 2
    assert len([line for line in sent if line.startswith("PATCH")]) <= 2 * (MANY + 2) + stamped_first + 1
    assert len(sent) - stamped_first <= 2 * (MANY + 2) + 50
    assert [line for line in sent if line.startswith("POST") and line.endswith("-green/events")] == []
    with world.acting() as acting:
        before = look(world)
        stamp_unless_taken(acting, before.sides[Side.GREEN], need_release(world.store.read()).taken_in)
        move(acting, Side.GREEN)
    sent = counted.sent()
    moved = next(number for number, line in enumerate(sent) if line.startswith("PATCH") and "/ingressroutes/" in line)
    assert moved <= 30, sent[:moved]


def test_a_quiet_reconcile_looks_once_at_each_thing(shop: Shop, tmp_path: Path) -> None:
    """The record, one list a side, the routes, what scales the live side, and its note of success: read, and written.
    Of many applications that is read for all of them at once."""
    through = Through(shop.kubeconfig)
    shop.adopted()
    with serving(through, tmp_path) as cluster:
        world = shop.world("ben", cluster)
        with played(world):
            from flows import reconcile

            for _ in range(2):
                through.passed.clear()
                reconcile.reconcile_one(shop.name, "default")
    assert len(through.passed) <= 7, through.passed
