"""The keys of a database: the programs that migrate it, and that say how it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal, get_args

from pydantic import Field, model_validator

from flipgate.core.gates.clone import Clone
from flipgate.core.gates.database_program import WHICH, Looking, Program
from flipgate.core.gates.per_side import PerSide
from flipgate.core.spec.fields import AppName, FileModel
from flipgate.core.values.base import but
from flipgate.core.values.nearest import hint
from flipgate.core.values.sides import Side

Verb = Literal["version", "expand", "contract", "down", "backup", "create", "drop", "stop", "carry", "lag", "allow"]
VERBS: Final[tuple[Verb, ...]] = get_args(Verb)
NONE_TOLD: Final[Mapping[str, str]] = MappingProxyType({})
LONGEST_NAME: Final = 30
"""Characters of a database's name: its programs are named after it."""
MOST_DATABASES: Final = 5


class Backup(Looking):
    """What says when the newest backup was made."""

    within_hours: float = Field(
        default=24, gt=0, le=8_760, description="How old the newest backup may be before a contract, in hours."
    )


class Database(FileModel):
    """A database. Both sides share it, and it is migrated by expand and contract, unless it says otherwise."""

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

    clone: Clone | None = Field(
        default=None,
        description="Has each release come up on a copy of it.",
        exclude_if=lambda clone: clone is None,
    )
    per_side: PerSide | None = Field(
        default=None,
        description="Each side has a database of its own.",
        exclude_if=lambda per_side: per_side is None,
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Database:
        if self.clone and self.per_side:
            raise ValueError(f'database "{self.name}" has clone and perSide: a side\'s own database is a copy already')
        extra = [verb for verb in ("contract", "down", "backup") if self.per_side and getattr(self, verb)]
        if extra:
            raise ValueError(
                f'database "{self.name}" is a side\'s own and has {", ".join(extra)}: no other code is on it, so there '
                "is nothing to contract or to take back"
            )
        return self

    @property
    def programs(self) -> tuple[Program, ...]:
        """All that it declares, each by its name."""
        return tuple(found for verb in VERBS if (found := self.program(verb)))

    def program(self, verb: Verb) -> Program | None:
        """What does this, by its name; None where it is not declared."""
        declared = (getattr(keys, verb, None) for keys in (self, self.clone, self.per_side))
        found: Program | None = next((each for each in declared if each), None)
        return but(found, name=found.name or f"{self.name}-{verb}") if found else None

    def wrong_with(self, roles: Mapping[str, str]) -> Iterator[str]:
        """Yields what it says of services that are not declared, by their roles."""
        for name in self.clone.services if self.clone else ():
            if name not in roles:
                yield f'database "{self.name}" names unknown service "{name}"; {hint(name, roles)}'

    def told(self, side: Side) -> Mapping[str, str]:
        """What its programs are told beside the usual: which one is live for this side, where there are several."""
        if self.per_side:
            return {WHICH: self.per_side.of(side)}
        return {WHICH: self.clone.live} if self.clone else NONE_TOLD


def word_for(databases: Iterable[Database]) -> str:
    """Returns one word for what of these is not simply shared: a release's side comes up on what they say. Empty where
    all are."""
    names = {each.name: _names(each) for each in databases if each.clone or each.per_side}
    canonical = json.dumps(names, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16] if names else ""


def _names(database: Database) -> list[str]:
    """The names by which its pods find it: other programs change nothing of that."""
    if clone := database.clone:
        return [clone.live, clone.config_map, clone.key]
    return [database.per_side.of(side) for side in Side] if database.per_side else []
