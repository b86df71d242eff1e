"""Each step that is journaled has a row that says what is done about it when it was interrupted."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from flipgate.core.record import intents
from flipgate.steps.going_back.recover import RECOVERIES

VERBS = Path(__file__).parents[3] / "flipgate" / "steps"


def test_every_step_that_is_journaled_has_a_recovery() -> None:
    assert {kind.step for kind in intents.INTENTS} == set(RECOVERIES)
    assert {getattr(intents, name) for name in _journaled()} == set(intents.INTENTS)


def _journaled() -> Iterator[str]:
    for file in VERBS.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "journal":
                yield ast.unparse(node.args[1]).partition("(")[0].removeprefix("intents.")
