"""Each step that is journaled has a row that says what is done about it when it was interrupted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flipgate.core.record import intents
from flipgate.steps.going_back.recover import RECOVERIES
from tests.core import source

pytestmark = source.IN_ONE_PROCESS


def test_every_step_that_is_journaled_has_a_recovery() -> None:
    assert {kind.step for kind in intents.INTENTS} == set(RECOVERIES)
    assert {getattr(intents, name) for name in _journaled()} == set(intents.INTENTS)


def _journaled() -> Iterator[str]:
    for file in source.files("flipgate/steps"):
        for node in source.nodes(file):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "journal":
                yield ast.unparse(node.args[1]).partition("(")[0].removeprefix("intents.")
