"""The maintenance flag: a key of a team's ConfigMap that says so while users are moved."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import Field, model_validator

from flipgate.core.spec.fields import DataKey, FileModel, Namespace, ObjectName

Value = Annotated[str, Field(max_length=100, pattern=r"^[\x20-\x7E]*$")]


class MaintenanceSpec(FileModel):
    """A key that has one value from right before the move until the bake has passed, or users are back, and another one
    at all other times."""

    namespace: Namespace = Field(
        description="The ConfigMap's namespace; neither side's: what pods of a side read is part of what is released."
    )
    config_map: ObjectName = Field(description="The ConfigMap, which exists.")
    key: DataKey = Field(description="The key, which exists and has the value `otherwise`.")
    during: Value = Field(default="true", description="Its value while users are moved and watched.")
    otherwise: Value = Field(default="false", description="Its value at all other times.")
    at_most_seconds: int = Field(
        default=3_600,
        ge=60,
        description="How long it is left on at most, in seconds, where a bake waits for a person: reconcile takes it "
        "off then.",
    )

    @model_validator(mode="after")
    def _two_values(self) -> MaintenanceSpec:
        if self.during == self.otherwise:
            raise ValueError(f'maintenance has the same value "{self.during}" during and otherwise')
        return self

    def need_apart(self, sides: Collection[str]) -> None:
        """Raises ValueError where it is in the namespace of a side."""
        if self.namespace in sides:
            raise ValueError(
                f"maintenance is in {self.namespace}, a side's namespace: what pods of a side read is part of what is "
                "released; put it where both sides can read it"
            )

    def is_key_of(self, other: MaintenanceSpec) -> bool:
        """Whether both are one key of one ConfigMap."""
        return (self.namespace, self.config_map, self.key) == (other.namespace, other.config_map, other.key)

    def __str__(self) -> str:
        return f"key {self.key} of ConfigMap {self.namespace}/{self.config_map}"
