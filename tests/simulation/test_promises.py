"""What a promise says of one write, where no plan leads there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from flipgate.core.record.intents import HandOver
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState, JournalEntry
from tests.core.builders import BAKING, BLUE, NOW, record, release
from tests.simulation.apiserver import Address
from tests.simulation.promises import BrokenPromiseError, Opened, Promises
from tests.simulation.town import APPS, NAMESPACES

ROLLBACK, FLIP = "rollback 0", "flip-traffic 1"
MAILER = Address(APPS, NAMESPACES[BLUE], "deployments", "mailer")


def pods(count: int) -> dict[str, Any]:
    return {"metadata": {"labels": {}}, "spec": {"replicas": count, "template": {}}}


@pytest.fixture
def promises() -> Promises:
    """Users are on blue again, and the rollback hands the workers back to it; a flip had begun to take them away."""
    intent = HandOver(BLUE)
    entry = JournalEntry(
        id=9, step=intent.step, state=EntryState.BEGUN, actor=ROLLBACK, at=NOW, intent=intent.written()
    )
    town: Any = SimpleNamespace(
        routes=("live",), said=lambda _: BLUE, running=lambda *_: 0, scheduler=SimpleNamespace(now=10.0)
    )
    found = Promises(town)
    found.record = record(release=release(*BAKING, Phase.ROLLING_BACK), journal=(entry,), holder=ROLLBACK, epoch=3)
    found.entries = {
        ROLLBACK: Opened(9, intent.step, 3),
        FLIP: Opened(7, intent.step, 2, closed=5.0),
    }
    return found


def test_who_goes_back_does_not_stop_the_workers_that_users_come_back_to(promises: Promises) -> None:
    with pytest.raises(BrokenPromiseError, match=r"rollback 0 shrank mailer of blue, which is live"):
        promises.look(ROLLBACK, MAILER, pods(1), pods(0))


@pytest.mark.parametrize("who", [FLIP, f"{FLIP}, late", f"{ROLLBACK}, late"])
def test_whoever_it_was_taken_over_from_may_for_a_moment_still(promises: Promises, who: str) -> None:
    promises.look(who, MAILER, pods(1), pods(0))
