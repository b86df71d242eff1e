"""A program that does something to a database, or says how it stands."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import Field

from flipgate.core.gates.job_check import MIGRATION
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
