"""Kinds of route: registered in one place, and asked for all that differs between them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import flipgate
from flipgate.core.traffic.kinds import KINDS

ROOT = Path(flipgate.__file__).parent
HOME = ROOT / "core" / "traffic" / "kinds"
WORDS = {word for kind in KINDS.values() for word in (kind.word, kind.plural, kind.group)}


def named_in(path: Path) -> list[str]:
    """Each string of a file's code that is a kind's word, plural or group, with its line."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return [f"{path.name}:{n.lineno} {n.value}" for n in nodes if isinstance(n, ast.Constant) and n.value in WORDS]


def test_no_code_but_a_kinds_own_names_it() -> None:
    elsewhere = [path for path in sorted(ROOT.rglob("*.py")) if HOME not in path.parents]
    assert [found for path in elsewhere for found in named_in(path)] == []
    assert named_in(HOME / "ingress_route.py"), "the search finds what is there"


@pytest.mark.parametrize("word", KINDS)
def test_a_kinds_preview_begins_with_itself(word: str) -> None:
    kind = KINDS[word]
    assert kind.word == kind.previews[0] == word
    assert set(kind.previews) <= set(KINDS)
