"""The committed JSON Schema is the models' own, and helps in an editor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flipgate.core.spec.schema import render_schema
from tests.core.source import ROOT


def test_the_committed_schema_is_current() -> None:
    committed = (ROOT / "docs/application.schema.json").read_text()
    assert committed == render_schema(), "run: python -m flipgate.core.spec.schema > docs/application.schema.json"


def test_every_model_is_described_and_allows_no_other_key() -> None:
    for name, model in _models():
        assert model["additionalProperties"] is False, name
        assert model["description"], name


def test_every_key_is_described_and_durations_name_their_unit() -> None:
    for place, description in _descriptions():
        assert description, place
        assert place.endswith(("Seconds", "-seconds")) == ("in seconds" in description), place


def _models() -> Iterator[tuple[str, dict[str, Any]]]:
    schema = json.loads(render_schema())
    yield "Application", schema
    yield from ((name, model) for name, model in schema["$defs"].items() if "properties" in model)


def _descriptions() -> Iterator[tuple[str, str]]:
    """Each key's description; one that says no more than its model's own stands there only."""
    models = dict(_models())
    for name, model in models.items():
        for key, value in model["properties"].items():
            referenced = models.get(value.get("$ref", "").rpartition("/")[2], {})
            yield f"{name}.{key}", value.get("description") or referenced.get("description", "")
