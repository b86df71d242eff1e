"""The keys of a database that both sides share: the programs that migrate it, and that say how it stands."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, model_validator

from flipgate.core.gates.job_check import LOOKED_SECONDS, MIGRATION, tried_again
from flipgate.core.gates.task import Task
from flipgate.core.spec.fields import AppName, FileModel
from flipgate.core.values.base import but

Verb = Literal["version", "expand", "contract", "down", "backup"]
VERBS: Final[tuple[Verb, ...]] = ("version", "expand", "contract", "down", "backup")
LONGEST_NAME: Final = 30
"""Characters of a database's name: its programs are named after it."""
MOST_DATABASES: Final = 5


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


class Backup(Looking):
    """What says when the newest backup was made."""

    within_hours: float = Field(
        default=24, gt=0, le=8_760, description="How old the newest backup may be before a contract, in hours."
    )


class Database(FileModel):
    """A database that both sides share, migrated by expand and contract."""

    name: Annotated[AppName, Field(max_length=LONGEST_NAME)] = Field(
        description="The database's name, as shown in messages."
    )
    version: Looking = Field(
        description="Prints the version of its schema on its last line, and `dirty` behind it where a migration of it "
        "stopped half way. It changes nothing."
    )
    expand: Program = Field(
        description="Brings it what a release needs, and takes nothing from the code that is live: run before the "
        "release's first pod. Where there is nothing to do it changes nothing."
    )
    contract: Program | None = Field(
        default=None,
        description="Takes away what only the code before needed: run by `flipgate contract APP --database NAME`.",
    )
    down: Program | None = Field(
        default=None,
        description="Takes the newest expansion back: run by `flipgate revert APP --database NAME`, never by itself.",
    )
    backup: Backup | None = Field(
        default=None,
        description="Prints on its last line when the newest backup was made (ISO 8601, with its zone): asked before a "
        "contract.",
    )

    @property
    def programs(self) -> tuple[Program, ...]:
        """All that it declares, each by its name."""
        return tuple(found for verb in VERBS if (found := self.program(verb)))

    def program(self, verb: Verb) -> Program | None:
        """What does this, by its name; None where it is not declared."""
        found: Program | None = getattr(self, verb)
        return but(found, name=found.name or f"{self.name}-{verb}") if found else None
