"""Each step that is journaled has a row that says what is done about it when it was interrupted."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from flipgate.core.record.record import BRING_UP, HAND_OVER, MOVE_ROUTES, REST_SIDE
from flipgate.core.traffic.preview import PREVIEW_ROUTE
from flipgate.core.way_back.live_side import RESTORE_LIVE_SIDE
from flipgate.steps.going_back.recover import RECOVERIES

STEPS = {
    "BRING_UP": BRING_UP,
    "HAND_OVER": HAND_OVER,
    "MOVE_ROUTES": MOVE_ROUTES,
    "PREVIEW_ROUTE": PREVIEW_ROUTE,
    "REST_SIDE": REST_SIDE,
    "RESTORE_LIVE_SIDE": RESTORE_LIVE_SIDE,
}
VERBS = Path(__file__).parents[2] / "flipgate" / "steps"


def test_every_step_that_is_journaled_has_a_recovery() -> None:
    assert {STEPS[each] for each in _journaled()} == set(RECOVERIES)


def _journaled() -> Iterator[str]:
    for file in VERBS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "journal":
                yield ast.unparse(node.args[1])
