"""YAML text to plain data, refusing what YAML lets pass silently, and remembering on which line each value stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from flipgate.core.values.errors import BadInput
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.yaml_text import TooMuch, is_plain, need_few, need_size

Location = tuple[str | int, ...]
_NULL, _MERGE = "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""As YAML has them; `str.splitlines` has more."""


class Scalar(NamedTuple):
    """A key or a value that is written without quotes."""

    location: Location
    node: yaml.ScalarNode
    is_key: bool
    rest_of_line: str
    """What follows the place where it begins."""

    @property
    def text(self) -> str:
        """As it is written."""
        return str(self.node.value)

    @property
    def empty(self) -> bool:
        """Whether nothing is written there."""
        return not self.text and self.node.tag == _NULL


@dataclass(frozen=True)
class Document:
    """One YAML document: its data as JSON text (the only values a schema can speak of), and its lines."""

    json_text: str
    _root: yaml.Node
    _text: str

    def line_of(self, location: Location) -> int:
        """The line, from 1, of the key or list entry at this place, or of the nearest thing around it that exists."""
        return self._walk(location)[1]

    def existing(self, location: Location) -> Location:
        """The front part of a location that the document really has."""
        return location[: self._walk(location)[0]]

    def plain(self) -> Iterator[Scalar]:
        """Every key and value without quotes, in the file's order; what an alias stands for, where it is written."""
        lines = _LINE_BREAK.split(self._text)
        for location, node, is_key in _scalars(self._root, (), set()):
            if not node.style:
                mark = node.start_mark
                yield Scalar(location, node, is_key, lines[mark.line][mark.column :])

    def written(self, location: Location) -> str:
        """The value at this place as it is written, where it is a scalar without quotes; else empty."""
        node: yaml.Node | None = self._root
        for step in location:
            node, _ = (node and _child(node, step)) or (None, 0)
        return str(node.value) if isinstance(node, yaml.ScalarNode) and not node.style else ""

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
        need_size(text)
        root, data = (_read_quickly(text) if is_plain(text) else None) or _read(_Loader(text))
        json_text = json.dumps(data, default=str)
    except yaml.MarkedYAMLError as error:
        raise _bad(source, _marked(error)) from None
    except TooMuch as error:
        raise _bad(source, str(error)) from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise _bad(source, f"not readable as YAML: {str(error).splitlines()[0]}") from None
    if root is None or data is None:
        raise _bad(source, "the file is empty")
    if not isinstance(root, yaml.MappingNode):
        raise _bad(source, "not a mapping: an application begins with `apiVersion: flipgate.dev/v1`")
    return Document(json_text, root, text)


def _read(loader: yaml.SafeLoader | yaml.CSafeLoader) -> tuple[yaml.Node | None, Any]:
    root = _only_node(loader)
    need_few(root)
    return root, loader.construct_document(root) if root is not None else None


def _only_node(loader: yaml.SafeLoader | yaml.CSafeLoader) -> yaml.Node | None:
    """The one document that has anything in it: templates leave a `---` behind, and before."""
    only: yaml.Node | None = None
    while loader.check_node():
        node = loader.get_node()
        if node is None or (node.tag == _NULL and not node.value):
            continue
        if only is not None:
            context = "expected a single document in the stream"
            raise yaml.MarkedYAMLError(context, None, "but found another document", node.start_mark)
        only = node
    return only


def _read_quickly(text: str) -> tuple[yaml.Node | None, Any] | None:
    """By the parser in C, several times as fast. None where it is not there, or finds anything wrong: the one in Python
    says better what and where."""
    if not yaml.__with_libyaml__:
        return None
    try:
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


def _scalars(node: yaml.Node, location: Location, seen: set[int]) -> Iterator[tuple[Location, yaml.ScalarNode, bool]]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield location, node, False
    elif isinstance(node, yaml.SequenceNode):
        for index, entry in enumerate(node.value):
            yield from _scalars(entry, (*location, index), seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*location, str(key.value))
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                yield below, key, True
            yield from _scalars(value, below, seen)


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
