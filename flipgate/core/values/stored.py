"""The types of the texts in stored values: made valid and cut as the value is made (`core/values/text.py`)."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator

from flipgate.core.values.text import ADDRESS_BYTES, NAME_BYTES, SENTENCE_BYTES, TEXT_BYTES, fitted, valid


def _fit(longest: int, value: Any) -> Any:
    return fitted(value, longest) if isinstance(value, str) else value


def _valid_inside(value: Any) -> Any:
    if isinstance(value, str):
        return valid(value)
    if isinstance(value, dict):
        return {_valid_inside(key): _valid_inside(each) for key, each in value.items()}
    return value


def _one_line(value: Any) -> Any:
    return " ".join(valid(value).split()) if isinstance(value, str) and not value.isprintable() else value


Name = Annotated[str, BeforeValidator(partial(_fit, NAME_BYTES)), BeforeValidator(_one_line)]
Address = Annotated[str, BeforeValidator(partial(_fit, ADDRESS_BYTES))]
Sentence = Annotated[str, BeforeValidator(partial(_fit, SENTENCE_BYTES))]
Text = Annotated[str, BeforeValidator(partial(_fit, TEXT_BYTES))]
Mapped = Annotated[dict[str, Any], BeforeValidator(_valid_inside)]
"""A mapping of texts, numbers and mappings, each text made valid."""
