"""The code itself, for the tests that hold a rule against all of it: each file is read and parsed once in a process."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("flipgate", "flows", "tasks", "blocks")
IN_ONE_PROCESS = pytest.mark.xdist_group("source")
"""For a module of such tests, so that no other process parses the same again."""


@cache
def files(*folders: str) -> tuple[Path, ...]:
    """The Python files in these folders of the checkout, in the product's where none is named."""
    return tuple(path for folder in folders or PRODUCT for path in sorted((ROOT / folder).rglob("*.py")))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def text(path: Path) -> str:
    return path.read_text()


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(text(path))))


def strings(path: Path) -> Iterator[tuple[ast.Constant, str]]:
    """Each string of a file's code, docstrings apart."""
    told = {id(node.value) for node in nodes(path) if isinstance(node, ast.Expr)}
    for node in nodes(path):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node, node.value


def called(node: ast.AST) -> str:
    """The last name of `a.b.name`, or of `name`; nothing of anything else."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def matching(pattern: str, paths: Iterable[Path]) -> list[str]:
    """Those of the files whose text has a match."""
    return [shown(path) for path in paths if re.search(pattern, text(path))]
