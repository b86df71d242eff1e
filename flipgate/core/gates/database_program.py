"""A program that does something to a database, or says how it stands."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import Field, model_validator

from flipgate.core.gates.job_check import LOOKED_SECONDS, MIGRATION, tried_again
from flipgate.core.gates.task import Task
from flipgate.core.spec.fields import AppName

WHICH: Final = "DATABASE"
"""What a program is told as FLIPGATE_DATABASE: which of several it is about."""
FROM: Final = "FROM"
"""What one that carries data over is told as FLIPGATE_FROM: the database that it comes from."""


class Program(Task):
    """A program that migrates a database, or says how it stands."""

    noun: ClassVar[str] = MIGRATION

    name: AppName = Field(default="", description="Its name; that of the database and what it does when left out.")

    @model_validator(mode="after")
    def _is_tried_once(self) -> Program:
        if self.job and tried_again(self.job):
            raise ValueError(
                "has restartPolicy OnFailure, by which what failed is tried again in the same pod; leave it out, or "
                "declare backoffLimit where that is meant"
            )
        return self


class Looking(Program):
    """A program that only says how a database stands."""

    kept_seconds: ClassVar[int] = LOOKED_SECONDS
