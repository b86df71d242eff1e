"""Doing a few things at once."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.core.values.errors import BadInput
from flipgate.steps.acting.world import AT_ONCE, World

WORLD = object.__new__(World)
"""`each` needs nothing of it."""


def test_things_are_done_in_their_order_and_the_first_fault_is_raised() -> None:
    assert WORLD.each(lambda n: n * 2, range(20)) == [n * 2 for n in range(20)]
    with pytest.raises(ZeroDivisionError):
        WORLD.each(lambda n: 1 // n, [1, 0, 2])


def test_who_waits_for_a_slow_source_stands_in_nobody_else_s_way() -> None:
    answered, begun = Event(), Event()

    def slow(_: int) -> bool:
        begun.set()
        return answered.wait(20)

    gate = Thread(target=WORLD.each, args=(slow, range(AT_ONCE * 2)))
    gate.start()
    assert begun.wait(10)
    back = Thread(target=WORLD.each, args=(str, range(3)), daemon=True)
    back.start()
    back.join(10)
    held_up = back.is_alive()
    answered.set()
    gate.join(10)
    assert not held_up


def test_an_act_may_do_a_few_things_at_once_itself() -> None:
    assert WORLD.each(lambda n: sum(WORLD.each(lambda m: m + n, range(3))), range(AT_ONCE * 2))[1] == 6


@pytest.mark.parametrize("name", ["../shop", "shop/../../secrets/x", "shop\nshop", "Shop", "", "s" * 41])
def test_what_no_application_is_called_is_asked_of_nobody(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cluster, "connect", None)
    with pytest.raises(BadInput, match="is no application's name"):
        World.open(name)
