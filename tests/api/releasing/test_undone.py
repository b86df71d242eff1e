"""A flip that moved nobody: what it writes afterwards, and in which order."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Record, need_release
from flipgate.core.values.errors import FlipgateError, LostLease, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.outbox import advance
from flipgate.steps.releasing import flip
from tests.api.shop import GREEN, Shop

CHANGED = Refused("was changed by somebody else", reason=Why.ROUTE_CHANGED, obj="IngressRoute live")
Seen = list[tuple[str, Phase]]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What was done once the move had failed, and how the release stood then."""
    found: Seen = []

    def let_go(acting: Acting, side: Side) -> tuple[str, ...]:
        found.append((f"{side} may write", acting.world.store.read().phase))
        return ()

    def stamped(acting: Acting, side: Side, *, over_unrecorded: bool) -> tuple[str, ...]:
        assert not over_unrecorded, "a rollback that could not be recorded may be counting on it"
        found.append((f"{side} stamped", acting.world.store.read().phase))
        return ()

    monkeypatch.setattr(flip, "let_go", let_go)
    monkeypatch.setattr(flip, "take_patiently", stamped)
    return found


def moving(shop: Shop, monkeypatch: pytest.MonkeyPatch, fault: FlipgateError) -> Record:
    """The record after a move that ended so."""
    dark = shop.gone_live(until=Phase.DARK)
    release = need_release(dark.store.read())

    def move(acting: Acting, to: Side, **_: Any) -> NoReturn:
        advance(acting.world, release.name, Phase.FLIPPING, Reason.APPROVED)
        raise fault

    def also(record: Record, entry: int) -> Record:
        return record

    monkeypatch.setattr(flip, "move", move)
    with dark.acting() as acting, pytest.raises(type(fault)):
        flip._sent(acting, release, also)
    return dark.store.read()


def test_it_is_dark_and_users_may_write_before_its_side_is_stamped_which_may_take_long(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    assert moving(shop, monkeypatch, CHANGED).phase is Phase.DARK
    assert seen == [("blue may write", Phase.DARK), (f"{GREEN} stamped", Phase.DARK)]


def test_who_has_lost_the_lease_writes_nothing_more(shop: Shop, monkeypatch: pytest.MonkeyPatch, seen: Seen) -> None:
    assert moving(shop, monkeypatch, LostLease("reconcile has taken over", obj="Lease")).phase is Phase.FLIPPING
    assert seen == []
