"""Turns a model's validation errors into sentences about the file: line, path, what is wrong, what was meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flipgate.core.spec.documents import Document, Location
from flipgate.core.spec.fields import LOOKS_LIKE
from flipgate.core.values.nearest import hint

_CREDENTIALS = re.compile(r"://[^/@\s]+@")
_LONGEST_VALUE = 60


def explain_errors(
    error: ValidationError | None, document: Document, schema: dict[str, Any], doubts: Mapping[Location, str]
) -> str:
    """All problems, in the file's order: one as a clause, several as a list of lines. Where there is a doubt what was
    written, no more is said of that place.

    `schema` is the model's JSON Schema; it is where the known keys are looked up.
    """
    by_place: dict[Location, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False) if error else ():
        by_place.setdefault(_place(details, document), []).append(details)
    _drop_echoes(by_place)
    facts = {place: _facts(place, same, document, schema) for place, same in by_place.items()} | dict(doubts)
    placed = sorted((document.line_of(place), _path(place), fact) for place, fact in facts.items())
    lines = [f"line {line}, {path}: {fact}" for line, path, fact in placed]
    if len(lines) == 1:
        return lines[0]
    return "\n  ".join([f"{len(lines)} problems:", *lines])


def _place(details: ErrorDetails, document: Document) -> Location:
    """Where in the file: pydantic adds the tried type's name where several types are allowed, which no file has."""
    location = details["loc"]
    return location if details["type"] == "missing" else document.existing(location)


def _drop_echoes(by_place: dict[Location, list[ErrorDetails]]) -> None:
    """A list whose entries are wrong is not too short as well; pydantic counts only the entries that it could read."""
    for place, same_place in list(by_place.items()):
        deeper = any(len(other) > len(place) and other[: len(place)] == place for other in by_place)
        if deeper and all(details["type"] == "too_short" for details in same_place):
            del by_place[place]


def _path(place: Sequence[str | int]) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".") or "the document"


def _facts(place: Location, same_place: list[ErrorDetails], document: Document, schema: dict[str, Any]) -> str:
    """Where several types are allowed, a value of one of them is told about that one only. A number where text is
    wanted is told as it has to be written."""
    telling = [details for details in same_place if not details["type"].endswith("_type")]
    facts = ", or ".join(dict.fromkeys(_fact(details, schema) for details in telling or same_place))
    written = document.written(place) if same_place[0]["type"] == "string_type" and not telling else ""
    return f'{facts}; write "{written}"' if written else facts


def _fact(details: ErrorDetails, schema: dict[str, Any]) -> str:
    kind, location = details["type"], details["loc"]
    if kind == "extra_forbidden":
        return f'unknown key "{location[-1]}"; {hint(str(location[-1]), _known_keys(schema, location[:-1]))}'
    if kind == "missing":
        return "is required, and missing"
    if kind == "too_short":
        return "needs at least one entry"
    message = details["msg"].removeprefix("Value error, ")
    if kind == "value_error":
        return message
    if kind == "string_pattern_mismatch" and (words := LOOKS_LIKE.get(details["ctx"]["pattern"])):
        return f"has to be {words}, not {_short(details['input'])}"
    return f"{message[0].lower()}{message[1:]}, not {_short(details['input'])}"


def _short(value: Any) -> str:
    text = _CREDENTIALS.sub("://***@", repr(value))
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _known_keys(schema: dict[str, Any], location: Sequence[str | int]) -> list[str]:
    node = schema
    for step in location:
        node = _resolve(node["items"] if isinstance(step, int) else _below(node, step), schema)
    return list(node["properties"])


def takes_anything(schema: dict[str, Any], location: Location) -> bool:
    """Whether the schema lets any JSON value stand at this place."""
    return _at(schema, location) == {}


def takes_numbers(schema: dict[str, Any], location: Location) -> bool:
    """Whether the schema lets numbers stand at this place, and no text."""
    node = _at(schema, location) or {}
    types = {choice.get("type") for choice in node.get("anyOf", [node])} - {"null"}
    return bool(types) and types <= {"integer", "number"}


def _at(schema: dict[str, Any], location: Location) -> dict[str, Any] | None:
    """What the schema says of a place; {} where any JSON value may stand there or above it, None where nothing may."""
    node: Any = schema
    for step in location:
        node = _resolve(node, schema)
        node = node.get("items") if isinstance(step, int) else _below(node, step)
        if not isinstance(node, dict):
            return None
        if not (node := _resolve(node, schema)):
            return {}
    return node if location else None


def _below(node: dict[str, Any], key: str) -> Any:
    return node.get("properties", {}).get(key) or node.get("additionalProperties")


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The model that a node stands for; one that may be left out is written as a choice between it and null."""
    choices = [node, *node.get("anyOf", ())]
    reference: str = next((choice["$ref"] for choice in choices if "$ref" in choice), "")
    resolved: dict[str, Any] = schema["$defs"][reference.rpartition("/")[2]] if reference else node
    return resolved
