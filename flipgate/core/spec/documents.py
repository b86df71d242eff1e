"""YAML text to plain data, refusing what YAML lets pass silently, and remembering on which line each value stands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from flipgate.core.values.errors import BadInput

Location = Sequence[str | int]
DEEPEST = 100
"""Levels of nesting up to which the parser in C is trusted: it has no limit, and would end the process."""


@dataclass(frozen=True)
class Document:
    """One YAML document: its data as JSON text (the only values a schema can speak of), and its lines."""

    json_text: str
    _root: yaml.Node

    def line_of(self, location: Location) -> int:
        """The line, from 1, of the key or list entry at this place, or of the nearest thing around it that exists."""
        return self._walk(location)[1]

    def existing(self, location: Location) -> tuple[str | int, ...]:
        """The front part of a location that the document really has."""
        return tuple(location[: self._walk(location)[0]])

    def _walk(self, location: Location) -> tuple[int, int]:
        node, line = self._root, self._root.start_mark.line + 1
        for depth, step in enumerate(location):
            found = _child(node, step)
            if found is None:
                return depth, line
            node, line = found
        return len(location), line


def read_document(text: str, source: str) -> Document:
    """Reads exactly one YAML mapping.

    Raises BadInput, with the line where there is one: not YAML, a key written twice, several documents, no
    mapping.
    """
    try:
        root, data = _read_quickly(text) or _read(_Loader(text))
        json_text = json.dumps(data, default=str)
    except yaml.MarkedYAMLError as error:
        raise _bad(source, _marked(error)) from None
    except RecursionError:
        raise _bad(source, "nested too deeply to be an application") from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise _bad(source, f"not readable as YAML: {str(error).splitlines()[0]}") from None
    if root is None or data is None:
        raise _bad(source, "the file is empty")
    if not isinstance(root, yaml.MappingNode):
        raise _bad(source, "not a mapping: an application begins with `apiVersion: flipgate.dev/v1`")
    return Document(json_text, root)


def _read(loader: yaml.SafeLoader | yaml.CSafeLoader) -> tuple[yaml.Node | None, Any]:
    root = loader.get_single_node()
    return root, loader.construct_document(root) if root is not None else None


def _read_quickly(text: str) -> tuple[yaml.Node | None, Any] | None:
    """By the parser in C, several times as fast. None where it is not there, or finds anything wrong: the one in Python
    says better what and where, and has a limit to how deep it goes."""
    if not yaml.__with_libyaml__:
        return None
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
                return None
        read = _read(yaml.CSafeLoader(text))
    except (yaml.YAMLError, ValueError):
        return None
    return read if _keys_once(read[0]) else None


def _keys_once(node: yaml.Node | None) -> bool:
    if isinstance(node, yaml.SequenceNode):
        return all(map(_keys_once, node.value))
    if not isinstance(node, yaml.MappingNode):
        return True
    return not _written_twice(node) and all(_keys_once(value) for _, value in node.value)


def _written_twice(node: yaml.MappingNode) -> tuple[yaml.ScalarNode, int] | None:
    """The first key that was there before, and the line, from 1, where it was."""
    first: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value in first:
            return key, first[key.value]
        first[key.value] = key.start_mark.line + 1
    return None


class _Loader(yaml.SafeLoader):
    """The safe loader, which refuses a key that is written twice (YAML's own rule, which PyYAML does not keep)."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        if twice := _written_twice(node):
            key, line = twice
            problem = f'key "{key.value}" is written twice, first on line {line}'
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        return node


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        entry = node.value[step]
        return entry, entry.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == step:
                return value, key.start_mark.line + 1
    return None


def _marked(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    what = "; ".join(part for part in (error.problem, error.context) if part)
    return f"{where}{what}"


def _bad(source: str, fact: str) -> BadInput:
    return BadInput(fact, obj=source, untouched="the cluster")
