"""Messages: what waits in the record until people have it (the outbox), and what asks in the chat."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from flipgate.core.values.base import Model
from flipgate.core.values.sides import Side
from flipgate.core.values.stored import Address, Name, Sentence, Text


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
    question: Name = Field(default="", exclude_if=lambda question: not question)
    """The id of the question that it asks."""
    at: datetime
    noted: bool = False
    """Its Kubernetes Events were written."""


class InChat(Model):
    """A message in the chat that asks by buttons (core/record/in_chat.py)."""

    question: Name
    channel: Name
    message: Name
    """Its number in the channel."""
    text: Sentence
    said: Sentence = ""
    """What it says became of its question; empty while it has its buttons."""
