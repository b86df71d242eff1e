"""API addresses are built in adapters alone: the next API version, or a cluster behind another path, is found there."""

from __future__ import annotations

import ast

import pytest

from flipgate.adapters.addresses import HOMES, address, namespace_address
from tests.core import source

pytestmark = source.IN_ONE_PROCESS


def test_nothing_outside_adapters_builds_an_api_address() -> None:
    outside = [path for path in source.files() if "adapters" not in path.parts]
    literals = [
        (source.shown(path), node.value)
        for path in outside
        for node in source.nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert len(outside) > 100
    assert [each for each in literals if f"{each[1]}/".startswith(("/api/", "/apis/"))] == []


@pytest.mark.parametrize("kind", HOMES)
def test_each_kind_has_its_plural(kind: str) -> None:
    assert address(kind, "n").endswith(f"/namespaces/n/{kind.lower()}s")
    assert address(kind, "n", "x") == f"{address(kind, 'n')}/x"


def test_a_namespace_stands_by_itself() -> None:
    assert namespace_address("n") == "/api/v1/namespaces/n"
