"""What runs on a side."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from flipgate.core.spec.service import Role
from flipgate.core.values.base import Model
from flipgate.core.values.stored import Address, Name, Text


class Contract(Model):
    """A contract migration that was done: the data can no longer be read by the code that came before it."""

    reason: Text
    by: Name
    at: datetime


class Ran(Model):
    """What a service is that a side runs: needed when the file names it no longer."""

    role: Role
    kind: Name = Field(default="", exclude_if=lambda kind: not kind)
    """Of workload, where its role does not say it."""
    config_map: Name = Field(default="", exclude_if=lambda name: not name)
    """Of a mixed one: the ConfigMap that tells its pods whether to consume."""
    key: Name = Field(default="", exclude_if=lambda key: not key)


class Occupant(Model):
    """What runs on a side, as far as flipgate put or adopted it there. Without images, nothing ever did (`init`).

    Once users have left it, `images`, `replicas` and `configuration` (the hash of the ConfigMaps it reads, empty where
    nobody noted it) are what it carried while it was live. `up_seconds` is how long it took to get Ready and checked
    the last time. `contracted` closes the way back to it.
    """

    release: Name | None = None
    images: dict[Name, Address] = {}
    roles: dict[Name, Ran] = Field(default={}, exclude_if=lambda roles: not roles)
    """What each of `images` is, where somebody noted it."""
    replicas: dict[Name, int] = {}
    since: datetime
    configuration: Name = ""
    up_seconds: float | None = None
    contracted: Contract | None = None
