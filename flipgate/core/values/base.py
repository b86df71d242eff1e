"""The one base of everything that is stored or read as data: frozen, strict about keys, camelCase outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationInfo
from pydantic.alias_generators import to_camel

__all__ = ["NEW", "Model", "but", "is_new"]
NEW = "new"
"""The context in which a file is validated that no cluster keeps yet."""
T = TypeVar("T", bound="Model")


class Model(BaseModel):
    """A plain value. Changing one means making another, with `but`. None has an attribute `keys`: `dict(value)` calls
    it, and Prefect does that with all that a task is given.

    What validates it is made when it is first needed: a person waits while a command starts, and no command needs all.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, defer_build=True
    )


def is_new(info: ValidationInfo) -> bool:
    """Whether what is validated is new, and not kept somewhere already: it may be held to more."""
    return bool(info.context == NEW)


if TYPE_CHECKING:
    from dataclasses import replace as but  # a type checker holds names and types of its arguments against the fields
else:

    def but(model: T, /, **changes: Any) -> T:
        """The same value with some fields changed.

        Raises TypeError for a name that is no field, pydantic's ValidationError for a value of the wrong type: here,
        and not when somebody reads the durable record back (`model_copy(update=...)` checks neither).
        """
        if unknown := changes.keys() - type(model).model_fields.keys():
            raise TypeError(f"{type(model).__name__} has no field {', '.join(sorted(unknown))}")
        return type(model).model_validate({**model.__dict__, **changes}, strict=True, by_name=True)
