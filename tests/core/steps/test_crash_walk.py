"""Each entry that the code writes into the journal is one at which a process is killed on the lab."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flipgate.core.record import intents
from tests.core import source
from tests.faults.walk import (
    BY_DATABASE,
    BY_FLAG,
    BY_GIT,
    BY_HOOK,
    BY_PARITY,
    BY_PULLING,
    BY_REQUEST,
    BY_REVERT,
    BY_SEARCH,
    BY_WORD,
    WALK,
)

pytestmark = source.IN_ONE_PROCESS


def test_each_place_that_writes_an_entry_is_walked_to() -> None:
    walked = {(crash.writer, crash.step) for crash in WALK + BY_GIT}
    walked |= BY_SEARCH | BY_WORD | BY_REQUEST | BY_REVERT | BY_PARITY | BY_HOOK | BY_DATABASE | BY_PULLING | BY_FLAG
    assert walked == set(_written())


def test_no_crash_is_walked_to_twice() -> None:
    assert len({crash.id for crash in WALK + BY_GIT}) == len(WALK + BY_GIT)


def _written() -> Iterator[tuple[str, str]]:
    """Where `journal(acting, INTENT(...))` stands, and `records.begin(record, intent.step, ...)`: file and step."""
    for file in source.files("flipgate/steps"):
        name = str(file.relative_to(source.ROOT / "flipgate/steps"))
        steps = [step for node in source.nodes(file) if (step := _step(file.name, node))]
        yield from ((name, step) for step in steps)


def _step(file: str, node: ast.AST) -> str:
    if not isinstance(node, ast.Call) or file == "journal.py":
        return ""
    if source.called(node.func) == "journal":
        return _class(node.args[1])
    if ast.unparse(node.func) == "records.begin":
        return {"way_back.step": intents.MOVE_ROUTES, "intent.step": intents.HAND_OVER}[ast.unparse(node.args[1])]
    return ""


def _class(node: ast.expr) -> str:
    assert isinstance(node, ast.Call), f"which step is this? {ast.unparse(node)}"
    name = source.called(node.func)
    return str(next(each for each in intents.INTENTS if each.__name__ == name).step)
