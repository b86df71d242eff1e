"""Reconcile asks gates last: a program of one application's holds up no other application."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest

from flipgate.core.values.errors import Interrupted, TemporaryError
from flipgate.core.way_back.unwatched import INTERVAL

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

THEN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def world(name: str, turn: int, said: list[str]) -> Any:
    now = THEN + turn * INTERVAL
    named = SimpleNamespace(name=name)
    return SimpleNamespace(application=named, now=lambda: now, say=said.append, looking_anew=nullcontext)


@pytest.mark.usefixtures("prefect")
def test_all_applications_are_reconciled_before_any_gate_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import reconcile

    order, said = list[str](), list[str]()

    def one(name: str, _cluster: str, held: list[Any], _known: object) -> str:
        order.append(name)
        if name != "third":
            held.append(world(name, 0, said))
        return "done"

    monkeypatch.setattr(reconcile, "applications", lambda _: dict.fromkeys(["first", "second", "third"]))
    monkeypatch.setattr(reconcile, "reconcile_one", one)
    monkeypatch.setattr(reconcile, "ask_held", lambda world, _: order.append(f"gates of {world.application.name}"))
    reconcile.reconcile.fn()
    assert (sorted(order[:3]), sorted(order[3:])) == (
        ["first", "second", "third"],
        ["gates of first", "gates of second"],
    )


def test_another_is_the_first_each_time_and_none_is_begun_with_once_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flows import reconcile

    asked, said, passed = list[str](), list[str](), [0.0]

    def slow(world: Any, _cluster: str) -> None:
        asked.append(world.application.name)
        passed[0] += reconcile.GATES_SECONDS
        raise TemporaryError("the API server is away", obj=world.application.name)

    monkeypatch.setattr(reconcile, "ask_held", slow)
    monkeypatch.setattr(reconcile.time, "monotonic", lambda: passed[0])
    for turn in range(3):
        faults = reconcile.ask_all_held([world(name, turn, said) for name in ("a", "b", "c")], "default")
        assert len(faults) == 1, "one that fails is said, and stops no other"
    assert sorted(asked) == ["a", "b", "c"]
    assert len(said) == 6


@pytest.mark.usefixtures("prefect")
def test_one_that_waits_for_a_lease_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import reconcile

    names, done, others = [f"shop-{n}" for n in range(20)], list[str](), Event()

    def one(name: str, _cluster: str, *_: object) -> str:
        if name == "shop-0":
            assert others.wait(10), "the others wait for it"
            raise TemporaryError("another actor holds the Lease", obj=name)
        done.append(name)
        if len(done) == len(names) - 1:
            others.set()
        return "nothing to recover"

    monkeypatch.setattr(reconcile, "applications", lambda _: dict.fromkeys(names))
    monkeypatch.setattr(reconcile, "reconcile_one", one)
    with pytest.raises(Interrupted, match="19 of 20 applications were reconciled; shop-0: another actor"):
        reconcile.reconcile.fn()
    assert sorted(done) == sorted(names[1:])
