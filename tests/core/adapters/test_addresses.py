"""API addresses are built in adapters alone: the next API version, or a cluster behind another path, is found there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.adapters.addresses import HOMES, address, namespace_address

ROOT = Path(__file__).parents[3]
OUTSIDE = [
    path
    for folder in ("flipgate", "flows", "tasks", "blocks")
    for path in (ROOT / folder).rglob("*.py")
    if "adapters" not in path.parts
]


def literals(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_nothing_outside_adapters_builds_an_api_address() -> None:
    found = {
        str(path.relative_to(ROOT)): text
        for path in OUTSIDE
        for text in literals(path)
        if text.startswith(("/api/", "/apis/")) or text in ("/api", "/apis")
    }
    assert len(OUTSIDE) > 100
    assert found == {}


@pytest.mark.parametrize("kind", HOMES)
def test_each_kind_has_its_plural(kind: str) -> None:
    assert address(kind, "n").endswith(f"/namespaces/n/{kind.lower()}s")
    assert address(kind, "n", "x") == f"{address(kind, 'n')}/x"


def test_a_namespace_stands_by_itself() -> None:
    assert namespace_address("n") == "/api/v1/namespaces/n"
