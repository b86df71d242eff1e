"""Pulling a release's images to the nodes before its pods come: whether, and how fast."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from flipgate.core.spec.fields import FileModel

NOUN: Final = "pre-pull"
"""What its Jobs are called, in messages and in their label."""


class PrePull(FileModel):
    """Has nodes on which pods of a release can come pull its new images first, by a short Job for each node."""

    at_once: int = Field(default=3, ge=1, le=50, description="How many nodes pull at the same time.")
    timeout_seconds: int = Field(
        default=300, ge=1, le=3_600, description="How long all of it may take, in seconds; what is not pulled is said."
    )
    required: bool = Field(
        default=False, description="Whether a release ends where an image could not be pulled to one of the nodes."
    )
