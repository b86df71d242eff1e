"""What runs on a side."""

from __future__ import annotations

from datetime import datetime

from flipgate.core.values.base import Model
from flipgate.core.values.stored import Address, Name, Text


class Contract(Model):
    """A contract migration that was done: the data can no longer be read by the code that came before it."""

    reason: Text
    by: Name
    at: datetime


class Occupant(Model):
    """What runs on a side, as far as flipgate put or adopted it there. Without images, nothing ever did (`init`).

    Once users have left it, `images`, `replicas` and `configuration` (the hash of the ConfigMaps it reads, empty where
    nobody noted it) are what it carried while it was live. `up_seconds` is how long it took to get Ready and checked
    the last time. `contracted` closes the way back to it.
    """

    release: Name | None = None
    images: dict[Name, Address] = {}
    replicas: dict[Name, int] = {}
    since: datetime
    configuration: Name = ""
    up_seconds: float | None = None
    contracted: Contract | None = None
