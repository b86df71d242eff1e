"""Looks at the shop as `flipgate status` shows them, as data and as text."""

from __future__ import annotations

from typing import Any

from flipgate.cli._status_data import as_data
from flipgate.cli._status_text import one
from flipgate.core.record.record import Record
from flipgate.core.values.sides import Side
from flipgate.core.way_back.facts import Facts
from flipgate.core.way_back.next_step import next_step
from tests.core.builders import BLUE, GREEN, LIVE, ROUTES, at, record, release, shop, side


def facts(remembered: Record | None = None, *, routes: Side = BLUE, **more: Any) -> Facts:
    usual: dict[str, Any] = {
        "application": shop(),
        "now": at(30),
        "traffic": ROUTES[routes],
        "sides": {each: side(each) for each in Side},
        "record": remembered,
        "managed": remembered is not None,
    }
    return Facts(**{**usual, **more})


def data(seen: Facts) -> dict[str, Any]:
    return as_data(seen, next_step(seen), "flipgate", "here")


def text(seen: Facts, *, wide: bool = False) -> str:
    return "\n".join(one(data(seen), at(30), wide=wide))


def live(**more: Any) -> Record:
    return record(active=GREEN, release=release(*LIVE, **more))
