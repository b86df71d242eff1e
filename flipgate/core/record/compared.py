"""Both sides as they stood when a person was asked, service by service, kept with the question."""

from __future__ import annotations

from pydantic import Field

from flipgate.core.values.base import Model
from flipgate.core.values.stored import Address, Name


class Half(Model):
    """One service on one side."""

    image: Address = ""
    """Empty where the side does not have it."""
    ready: int = 0
    wanted: int = 0
    cpu: Name = ""
    """What one pod requests, and its limit: `100m / 1`; a dash for what is not named."""
    memory: Name = ""
    restarts: int | None = None
    """Of the containers of its pods; None where that is not known."""


class Compared(Model):
    """One service on both sides."""

    service: Name
    old: Half = Field(default=Half())
    """On the side that users leave, or have left."""
    new: Half = Field(default=Half())
