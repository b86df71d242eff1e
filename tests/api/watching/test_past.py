"""Where users were a week before, read from a real record and history."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import utc_now
from flipgate.steps.watching import reader
from tests.api.bakes import flipped
from tests.api.desk import Desk
from tests.api.shop import Shop
from tests.api.wire import Answer, Through, serving


def test_where_users_were_a_week_before_is_told_by_record_and_history_or_not_at_all(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, week, lately = Desk(shop), utc_now() - timedelta(days=7), utc_now() - timedelta(seconds=60)

    def live(when: datetime, seconds: float = 0) -> Side | None:
        there = reader.WorldReader(shop.world(), Side.GREEN, utc_now())
        return there.live_through(when - timedelta(seconds=seconds), when)

    desk.remember(active=Side.BLUE)
    assert live(week) is Side.BLUE
    desk.forget()
    desk.remember(active=Side.GREEN, release=flipped(600))
    assert (live(week), live(lately), live(lately, 3600)) == (Side.BLUE, Side.GREEN, None)
    monkeypatch.setattr(reader, "HISTORY_KEPT", 0)  # as if as many were kept as are ever kept
    assert (live(week), live(lately)) == (None, Side.GREEN)
    desk.forget()
    desk.remember(active=Side.BLUE, release=flipped(600))  # somebody moved them back, and nobody noted it
    assert live(week) is None


def test_the_history_is_read_once_in_a_bake_however_often_it_is_looked_at(shop: Shop, tmp_path: Path) -> None:
    """It may be of megabytes."""
    Desk(shop).remember(active=Side.BLUE)
    lists = list[str]()

    def note(_: str, path: str) -> Answer | None:
        lists.extend([path] if "labelSelector" in path else [])
        return None

    with serving(Through(shop.kubeconfig, before=note), tmp_path) as cluster:
        seen = reader.WorldReader(shop.world("worker", cluster), Side.GREEN, utc_now())
        assert [seen.live_through(at, at) for at in [utc_now()] * 3] == [Side.BLUE] * 3
    assert len(lists) == 1
