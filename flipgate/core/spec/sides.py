"""Where the two sides of an application live."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field, ValidationError, model_validator

from flipgate.core.spec.fields import FileModel, Namespace
from flipgate.core.values.errors import BadInput
from flipgate.core.values.place import Place, Places
from flipgate.core.values.sides import Side


class SideSpec(FileModel):
    """Where one side lives."""

    namespace: Namespace = Field(description="The namespace that holds this side, and nothing of the other.")


class Sides(FileModel):
    """The two sides. Which one is live is not written here: the routes say it."""

    blue: SideSpec = Field(description="The side called blue.")
    green: SideSpec = Field(description="The side called green.")

    @model_validator(mode="after")
    def _two_namespaces(self) -> Sides:
        if self.blue.namespace == self.green.namespace:
            raise ValueError(f'both sides are namespace "{self.blue.namespace}"; each side needs one of its own')
        return self

    def place_of(self, side: Side) -> Place:
        """Where this side lives."""
        return Place(side, (self.blue if side is Side.BLUE else self.green).namespace)

    @property
    def places(self) -> Places:
        """Where both sides live."""
        return {side: self.place_of(side) for side in Side}


def places_at(namespaces: Mapping[Side, str]) -> Places:
    """Where the sides of an application live that has no file yet. Raises BadInput for the name of no namespace, and
    for one that is both sides'."""
    try:
        sides = Sides.model_validate({side.value: {"namespace": name} for side, name in namespaces.items()})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        fact = first["msg"].removeprefix("Value error, ")
        obj = f"namespaces {' and '.join(namespaces.values())}"
        raise BadInput(fact, obj=obj, untouched="the cluster") from None
    return sides.places
