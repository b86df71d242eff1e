"""Changes single values of a YAML text and leaves every other byte as it is: comments, order, quoting, line ends."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import yaml

from flipgate.core.values.errors import BadInput
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.yaml_text import MOST_RENDERED, RENDERED_BYTES, TooMuch, need_few, need_shallow, need_size

NULL: Final = "tag:yaml.org,2002:null"
NUMBER: Final = re.compile(r"[-+]?(\.[0-9_]+|[0-9_]+(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|0[box][0-9a-fA-F_]+")
"""What Kubernetes' tools take for a number, and PyYAML for a word: 12e4567, 0812, 0o17 (go-yaml, resolve.go)."""
MARKED: Final = ("&", "!")
"""How a value begins that others may refer to, or that is not what it looks like."""


class Loader(yaml.SafeLoader):
    """Reads `=` as the word that it is to Kubernetes' tools: PyYAML has a type for it, and no value of that type."""


class QuickLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same in C, where PyYAML was built with that."""


for each in (Loader, QuickLoader):
    each.add_constructor("tag:yaml.org,2002:value", lambda _, node: node.value)


@dataclass(frozen=True)
class Splice:
    """What stands between these two places of a text is written anew."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Part:
    """One document of a YAML text: where its values stand, and what they are."""

    root: yaml.Node
    data: Any


def read_parts(text: str, source: str) -> tuple[Part, ...]:
    """Reads all documents of a text; empty ones are left out. Raises BadInput, with `source`, for what is not YAML, or
    more than is read of anybody."""
    try:
        need_size(text)
        need_shallow(text)
        nodes = list(yaml.compose_all(text, Loader=Loader))
        for node in nodes:
            need_few(node)
        data = list(yaml.load_all(text, Loader=Loader))
    except TooMuch as error:
        raise BadInput(str(error), obj=source, untouched="the repository") from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadInput(f"not readable as YAML: {str(error).splitlines()[0]}", obj=source) from None
    return tuple(Part(node, each) for node, each in zip(nodes, data, strict=True) if node is not None and each)


def own(data: Any) -> Any:
    """Returns a copy in which nothing is the same thing twice, as what aliases stand for is: `read_parts` has seen that
    it has an end."""
    if isinstance(data, dict):
        return {key: own(each) for key, each in data.items()}
    return [own(each) for each in data] if isinstance(data, list) else data


def read_values(text: str, source: str) -> tuple[Any, ...]:
    """Reads the values of all documents, and not where they stand: of a large text that is much quicker. Raises
    BadInput as `read_parts`."""
    try:
        need_size(text, RENDERED_BYTES)
        need_shallow(text)
        for node in yaml.compose_all(text, Loader=QuickLoader):
            need_few(node, MOST_RENDERED)
        return tuple(yaml.load_all(text, Loader=QuickLoader))
    except TooMuch as error:
        raise BadInput(str(error), obj=source, untouched="the repository") from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadInput(f"not readable as YAML: {str(error).splitlines()[0]}", obj=source) from None


def spliced(text: str, splices: Iterable[Splice]) -> str:
    """Returns the text with all of these made; they do not overlap. What an alias has read twice is changed once."""
    for each in sorted(set(splices), key=lambda splice: splice.start, reverse=True):
        text = text[: each.start] + each.text + text[each.end :]
    return text


def child(node: yaml.Node, step: str | int) -> yaml.Node | None:
    """Returns what a mapping has under a key, or a sequence at an index; None where there is none."""
    if isinstance(node, yaml.SequenceNode):
        index = int(step)
        return node.value[index] if index < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None


def put(text: str, mapping: yaml.Node, key: str, value: str, source: str) -> Splice:
    """Returns the splice that gives a mapping this value under this key: a string, quoted as the one before was.

    Raises BadInput where nothing can be written there without touching more: an alias, an empty mapping, a text block.
    """
    if not isinstance(mapping, yaml.MappingNode) or not mapping.value:
        raise _cannot(source, mapping, "is no mapping with keys")
    found = child(mapping, key)
    if found is None:
        return _added(text, mapping, key, value, source)
    if text[found.start_mark.index : found.start_mark.index + 1] in MARKED:
        raise _cannot(source, found, f"{key} has an anchor or a tag")
    return Splice(found.start_mark.index, found.end_mark.index, _like(found, value, source))


def drop(text: str, mapping: yaml.MappingNode, key: str, source: str) -> Splice:
    """Returns the splice that takes a key out of a mapping that has others, with what stands on its line."""
    keys = [each.value for each, _ in mapping.value]
    at = keys.index(key)
    if len(keys) < 2:
        raise _cannot(source, mapping, f"has nothing but {key}")
    name, value = mapping.value[at]
    if at == 0:
        return Splice(name.start_mark.index, mapping.value[1][0].start_mark.index, "")
    if mapping.flow_style:
        return Splice(mapping.value[at - 1][1].end_mark.index, value.end_mark.index, "")
    return Splice(line_start(text, name.start_mark.index), line_end(text, value.end_mark.index), "")


def rename(mapping: yaml.MappingNode, key: str, to: str) -> Splice:
    """Returns the splice that calls a key otherwise."""
    name = next(each for each, _ in mapping.value if each.value == key)
    return Splice(name.start_mark.index, name.end_mark.index, to)


def quoted(value: str) -> str:
    """Returns a string as YAML takes it for one, whatever is in it. Images and names need no escapes."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def line_end(text: str, index: int) -> int:
    """Where the next line begins: right after the line break that follows; the text's end where none does."""
    at = text.find("\n", index)
    return len(text) if at < 0 else at + 1


def line_start(text: str, index: int) -> int:
    """Where the line that this place is in begins."""
    return text.rfind("\n", 0, index) + 1


def line_break(text: str) -> str:
    """How the text's lines end."""
    return "\r\n" if "\r\n" in text else "\n"


def new_line(text: str, after: int, lines: Iterable[str]) -> Splice:
    """Returns the splice that writes whole lines after the one in which this place is, comments on that one kept."""
    end, at = line_break(text), line_end(text, after)
    before = "" if text[:at].endswith("\n") else end
    return Splice(at, at, before + "".join(f"{each}{end}" for each in lines))


def _added(text: str, mapping: yaml.MappingNode, key: str, value: str, source: str) -> Splice:
    first, (_, last) = mapping.value[0][0], mapping.value[-1]
    if mapping.flow_style:
        return Splice(last.end_mark.index, last.end_mark.index, f", {key}: {quoted(value)}")
    if not isinstance(last, yaml.ScalarNode) or last.style in ("|", ">") or not (last.value or last.style):
        # What its end is, is hard to say; what comes before the first key is not.
        indent = " " * first.start_mark.column
        at = first.start_mark.index
        return Splice(at, at, f"{key}: {quoted(value)}{line_break(text)}{indent}")
    return new_line(text, last.end_mark.index, [f"{' ' * first.start_mark.column}{key}: {quoted(value)}"])


def _like(node: yaml.Node, value: str, source: str) -> str:
    """Returns the value written as the one that it replaces; quoted where it would not be a string without."""
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
        raise _cannot(source, node, "is no plain value")
    if node.tag == NULL and not node.value:
        return f" {quoted(value)}"
    if node.style == "'":
        return "'" + value.replace("'", "''") + "'"
    if node.style == '"':
        return quoted(value)
    try:
        same = yaml.safe_load(value) == value and not NUMBER.fullmatch(value)
    except yaml.YAMLError:
        same = False
    return value if same else quoted(value)


def _cannot(source: str, node: yaml.Node, fact: str) -> BadInput:
    line = node.start_mark.line + 1
    return BadInput(f"line {line}: {fact}, so it is not changed by flipgate", obj=source, untouched="the repository")
