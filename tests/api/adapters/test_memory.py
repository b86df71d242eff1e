"""What was read a moment ago is not asked for again, until somebody writes or takes the Lease."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flipgate.adapters.memory import Memory
from flipgate.core.values.errors import NotFound
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, look_at_traffic
from tests.api.shop import BLUE, GREEN, Shop
from tests.api.wire import Through, serving


def test_an_answer_is_kept_for_its_time_and_that_there_is_nothing_is_not() -> None:
    now, asked = [0.0], list[str]()
    memory = Memory(lambda: now[0], 2.0)

    def ask() -> dict[str, str]:
        asked.append("")
        if len(asked) > 2:
            raise NotFound("is not there", obj="it")
        return {"at": f"{now[0]}"}

    assert [memory.answer("/a", {}, ask), memory.answer("/a", {}, ask)] == [{"at": "0.0"}] * 2
    now[0] = 2.0
    assert memory.answer("/a", {}, ask) == {"at": "2.0"}
    for many in (3, 4):
        with pytest.raises(NotFound):
            memory.answer("/a", {"limit": "1"}, ask)
        assert len(asked) == many
    assert memory.answer("/a", {}, ask) == {"at": "2.0"}
    with memory.paused(), pytest.raises(NotFound):
        memory.answer("/a", {}, ask)
    with pytest.raises(NotFound):
        memory.answer("/a", {}, ask)


@pytest.fixture
def through(shop: Shop) -> Through:
    shop.adopted()
    return Through(shop.kubeconfig)


@pytest.fixture
def remembering(shop: Shop, through: Through, tmp_path: Path) -> Iterator[World]:
    with serving(through, tmp_path) as cluster:
        yield replace(shop.world("ben", cluster), monotonic=lambda: 0.0).remembering(1.0)


def seen(world: World) -> tuple[Side | None, int]:
    view = look(world)
    return view.active, view.sides[BLUE].replicas["web"]


def test_who_looks_again_asks_for_nothing_until_it_writes(shop: Shop, through: Through, remembering: World) -> None:
    look(remembering)
    through.passed.clear()
    shop.scale(BLUE, "web", 7)
    assert seen(remembering) == (BLUE, 2)
    remembering.store.read()
    assert through.passed == []
    remembering.store.note_reconciled(remembering.now())
    assert seen(remembering) == (BLUE, 7)


def test_who_acts_looks_anew_each_time_and_so_does_who_looks_on(shop: Shop, remembering: World) -> None:
    look(remembering)
    with remembering.acting() as acting:
        for count, side in ((5, GREEN), (6, BLUE)):
            shop.scale(BLUE, "web", count)
            shop.point("live", shop.namespace(side))
            assert seen(acting.world) == seen(remembering) == (side, count)
            assert acting.world.store.read().epoch == remembering.store.read().epoch == acting.epoch
    shop.point("live", shop.namespace(GREEN))
    assert look_at_traffic(remembering).active is GREEN
