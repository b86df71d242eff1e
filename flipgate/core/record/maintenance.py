"""The maintenance flag that flipgate has set: noted before that, so that whoever comes after a crash knows of it,
whatever the file says by then."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, Field

from flipgate.core.spec.maintenance import MaintenanceSpec
from flipgate.core.values.base import Model
from flipgate.core.values.stored import Name


class Maintenance(Model):
    """A flag that may be on."""

    namespace: Name
    config_map: Name
    key: Name
    during: Name
    otherwise: Name
    at: AwareDatetime
    at_most_seconds: int
    left_on: bool = Field(default=False, exclude_if=lambda told: not told)
    """It could not be taken off, and people were told."""

    def is_of(self, spec: MaintenanceSpec) -> bool:
        """Whether it is the very key that the file declares."""
        return (self.namespace, self.config_map, self.key) == (spec.namespace, spec.config_map, spec.key)

    def __str__(self) -> str:
        return f"key {self.key} of ConfigMap {self.namespace}/{self.config_map}"


def noted(spec: MaintenanceSpec, now: datetime) -> Maintenance:
    """What is remembered of a flag that is about to be set."""
    return Maintenance(
        namespace=spec.namespace,
        config_map=spec.config_map,
        key=spec.key,
        during=spec.during,
        otherwise=spec.otherwise,
        at=now,
        at_most_seconds=spec.at_most_seconds,
    )
