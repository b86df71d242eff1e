"""Python's own `re` tries one way after the other: it is given patterns that stand in the code, and no one else's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from flipgate.core.traffic.kinds import KINDS
from tests.core.source import ROOT


def _patterns() -> Iterator[tuple[str, ast.expr]]:
    for room in ("flipgate", "flows", "tasks", "blocks"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                called = node.func if isinstance(node, ast.Call) and not _escapes(node) else None
                if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "re":
                    assert isinstance(node, ast.Call)
                    yield f"{Path(path).relative_to(ROOT)}:{node.lineno}", node.args[0]


def _escapes(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "re.escape"


def test_each_is_written_in_the_code() -> None:
    found = list(_patterns())
    assert len(found) > 30
    for where, pattern in found:
        escaped = {id(name) for call in ast.walk(pattern) if _escapes(call) for name in ast.walk(call)}
        names = [each.id for each in ast.walk(pattern) if isinstance(each, ast.Name) and id(each) not in escaped]
        assert all(name.lstrip("_").isupper() for name in names), f"{where}: not of a constant alone"
        assert isinstance(pattern, ast.Constant | ast.JoinedStr | ast.BinOp | ast.Name), where


def test_a_rule_of_megabytes_is_read_through_once() -> None:
    rule = "Host(" * 200_000
    spec = {"routes": [{"match": f"{rule}`a.example`)", "services": []}]}
    (asked,) = KINDS["IngressRoute"].asked(spec)
    assert asked.hosts == ("a.example",)
