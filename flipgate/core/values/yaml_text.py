"""YAML that somebody else wrote, bounded before any of it is made into values: its bytes, how deep it is nested, and
how many values it stands for, what aliases stand for counted each time.

A few lines of aliases of aliases stand for millions of values ("a billion laughs"), and merge keys (`<<`) are unfolded
while they are read (https://en.wikipedia.org/wiki/Billion_laughs_attack): PyYAML has no limit to either.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import yaml

FILE_BYTES: Final = 1_048_576
"""Of a file that people write: no ConfigMap holds more."""
RENDERED_BYTES: Final = 16 * FILE_BYTES
"""Of what a program renders of such files."""
MOST_VALUES: Final = 200_000
MOST_RENDERED: Final = 2_000_000
DEEPEST: Final = 100
"""Levels of nesting up to which the parser in C is trusted: it has no limit, and would end the process."""


class TooMuch(yaml.YAMLError):
    """More than is read of anybody."""


def need_size(text: str, most: int = FILE_BYTES) -> None:
    """Raises TooMuch for a text of more bytes."""
    if len(text) > most or len(text.encode(errors="replace")) > most:
        raise TooMuch(f"has more bytes than are read; the most is {most:,}")


def is_plain(text: str) -> bool:
    """Whether it is YAML without any alias. Raises TooMuch for what is nested too deep for the parser in C."""
    try:
        return sum(isinstance(event, yaml.AliasEvent) for event in _events(text)) == 0  # all of it: how deep it goes
    except yaml.MarkedYAMLError:
        return False


def need_shallow(text: str) -> None:
    """Raises TooMuch for what is nested too deep for the parser in C; what is no YAML is said by who reads it."""
    is_plain(text)


def _events(text: str) -> Iterator[Any]:
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise TooMuch(f"is nested too deeply: more than {DEEPEST} levels")
        yield event


def need_few(root: yaml.Node | None, most: int = MOST_VALUES) -> None:
    """Raises TooMuch for a document that stands for more values, or that has an alias within what it stands for."""
    if root is not None and _count(root, {}) > most:
        raise TooMuch(f"stands for more than {most:,} values (aliases)")


def _count(node: yaml.Node, known: dict[int, int | None]) -> int:
    """The values that a node stands for; each is counted once, however often it is named."""
    found = known.get(id(node), 0)
    if found is None:
        raise TooMuch("has an alias within what it stands for")
    if not found:
        known[id(node)] = None
        found = known[id(node)] = 1 + sum(_count(each, known) for each in _below(node))
    return found


def _below(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
