"""Turns a model's validation errors into sentences about the file: line, path, what is wrong, what was meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flipgate.core.spec.documents import Document
from flipgate.core.values.nearest import hint

_LONGEST_VALUE = 60


def explain_errors(error: ValidationError, document: Document, schema: dict[str, Any]) -> str:
    """All problems, in the file's order: one as a clause, several as a list of lines.

    `schema` is the model's JSON Schema; it is where the known keys are looked up.
    """
    by_place: dict[tuple[str | int, ...], list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        by_place.setdefault(_place(details, document), []).append(details)
    _drop_echoes(by_place)
    placed = sorted((document.line_of(place), _path(place), _facts(same, schema)) for place, same in by_place.items())
    lines = [f"line {line}, {path}: {facts}" for line, path, facts in placed]
    if len(lines) == 1:
        return lines[0]
    return "\n  ".join([f"{len(lines)} problems:", *lines])


def _place(details: ErrorDetails, document: Document) -> tuple[str | int, ...]:
    """Where in the file: pydantic adds the tried type's name where several types are allowed, which no file has."""
    location = details["loc"]
    return location if details["type"] == "missing" else document.existing(location)


def _drop_echoes(by_place: dict[tuple[str | int, ...], list[ErrorDetails]]) -> None:
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


def _facts(same_place: list[ErrorDetails], schema: dict[str, Any]) -> str:
    """Where several types are allowed, a value of one of them is told about that one only."""
    telling = [details for details in same_place if not details["type"].endswith("_type")]
    facts = dict.fromkeys(_fact(details, schema) for details in telling or same_place)
    return ", or ".join(facts)


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
    return f"{message[0].lower()}{message[1:]}, not {_short(details['input'])}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _known_keys(schema: dict[str, Any], location: Sequence[str | int]) -> list[str]:
    node = schema
    for step in location:
        node = _resolve(node["items"] if isinstance(step, int) else node["properties"][step], schema)
    return list(node["properties"])


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The model that a node stands for; one that may be left out is written as a choice between it and null."""
    choices = [node, *node.get("anyOf", ())]
    reference: str = next((choice["$ref"] for choice in choices if "$ref" in choice), "")
    resolved: dict[str, Any] = schema["$defs"][reference.rpartition("/")[2]] if reference else node
    return resolved
