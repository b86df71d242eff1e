"""A message that waits in the record until people have it (the outbox)."""

from __future__ import annotations

from datetime import datetime

from flipgate.core.values.base import Model
from flipgate.core.values.sides import Side
from flipgate.core.values.stored import Address, Name, Text


class Announcement(Model):
    """A message that must reach people: delivered at least once, under an id that stays."""

    id: Name
    release: Name
    """Empty for a message that is about no release."""
    side: Side
    text: Text
    reason: Name = ""
    """One UpperCamelCase word."""
    url: Address = ""
    at: datetime
    noted: bool = False
    """Its Kubernetes Events were written."""
