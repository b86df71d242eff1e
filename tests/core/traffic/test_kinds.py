"""Kinds of route: registered in one place, and asked for all that differs between them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from flipgate.core.traffic.kinds import KINDS
from tests.core import source

pytestmark = source.IN_ONE_PROCESS

HOME = source.ROOT / "flipgate/core/traffic/kinds"
WORDS = {word for kind in KINDS.values() for word in (kind.word, kind.plural, kind.group)}


def named_in(path: Path) -> list[str]:
    """Each string of a file's code that is a kind's word, plural or group, with its line."""
    constants = [node for node in source.nodes(path) if isinstance(node, ast.Constant) and node.value in WORDS]
    return [f"{path.name}:{node.lineno} {node.value!r}" for node in constants]


def test_no_code_but_a_kinds_own_names_it() -> None:
    elsewhere = [path for path in source.files("flipgate") if HOME not in path.parents]
    assert [found for path in elsewhere for found in named_in(path)] == []
    assert named_in(HOME / "ingress_route.py"), "the search finds what is there"


@pytest.mark.parametrize("word", KINDS)
def test_a_kinds_preview_begins_with_itself(word: str) -> None:
    kind = KINDS[word]
    assert kind.word == kind.previews[0] == word
    assert set(kind.previews) <= set(KINDS)
