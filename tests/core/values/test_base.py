"""Another value made of one: names and types are held against the fields there and then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from flipgate.core.record.phases import Phase
from flipgate.core.spec.application import Application
from flipgate.core.values.base import Model, but
from tests.core.builders import record, release


def test_what_is_changed_is_changed_and_nothing_else() -> None:
    before = record(epoch=3)
    after = but(before, epoch=4, release=release(Phase.DARK))
    assert (after.epoch, after.release, before.epoch) == (4, release(Phase.DARK), 3)
    assert but(after, epoch=3, release=None) == before


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="Record has no field epohc, relase"):
        but(record(), epohc=1, relase=None)


@pytest.mark.parametrize(
    "wrong", [{"epoch": "4"}, {"release": {"id": "x"}}, {"journal": [1]}, {"active": "blue"}, {"holder": None}]
)
def test_a_value_of_the_wrong_type_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        but(record(), **wrong)


def below(model: type[Model]) -> Iterator[type[Model]]:
    for each in model.__subclasses__():
        yield each
        yield from below(each)


def test_none_has_an_attribute_keys() -> None:
    """Prefect walks what a task is given, and makes a `dict` of each model: Python then calls what is named `keys`."""
    models = set(below(Model))
    assert Application in models
    assert [each.__name__ for each in models if hasattr(each, "keys") or "keys" in each.model_fields] == []
