"""Intents of what is done to databases: a value for each journaled step, as those in `intents.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Self

from flipgate.core.record.intent import Intent
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side

EXPAND_DATABASE: Final = "ExpandDatabase"
CONTRACT_DATABASE: Final = "ContractDatabase"
REVERT_DATABASE: Final = "RevertDatabase"
MAKE_CLONE: Final = "MakeClone"
LEAVE_CLONES: Final = "LeaveClones"
DROP_CLONE: Final = "DropClone"

OF_DATABASES: Final = frozenset({EXPAND_DATABASE, CONTRACT_DATABASE, REVERT_DATABASE, MAKE_CLONE, DROP_CLONE})
"""Steps that run a program of a database's."""


@dataclass(frozen=True)
class _Migration(Intent):
    """A migration of a database, by a task that runs about this side. `before` is the version that it had."""

    side: Side
    database: str
    before: str

    def written(self) -> dict[str, Any]:
        return {"side": str(self.side), "database": self.database, "before": self.before}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["side"]), str(stored["database"]), str(stored.get("before", "")))


@dataclass(frozen=True)
class ExpandDatabase(_Migration):
    """A database gets what a release needs, and loses nothing."""

    step: ClassVar[str] = EXPAND_DATABASE


@dataclass(frozen=True)
class ContractDatabase(_Migration):
    """A database loses what only the code before needed."""

    step: ClassVar[str] = CONTRACT_DATABASE


@dataclass(frozen=True)
class RevertDatabase(_Migration):
    """A database loses what an expansion gave it."""

    step: ClassVar[str] = REVERT_DATABASE


@dataclass(frozen=True)
class _Clone(Intent):
    """A copy of a database, for a release on this side."""

    side: Side
    database: str
    name: str

    def written(self) -> dict[str, Any]:
        return {"side": str(self.side), "database": self.database, "name": self.name}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["side"]), str(stored["database"]), str(stored["name"]))


@dataclass(frozen=True)
class MakeClone(_Clone):
    """A copy is made, and the side is to come up on it."""

    step: ClassVar[str] = MAKE_CLONE


@dataclass(frozen=True)
class DropClone(_Clone):
    """A copy goes: nobody is to work on it any more."""

    step: ClassVar[str] = DROP_CLONE


@dataclass(frozen=True)
class LeaveClones(Intent):
    """A side's pods are started anew for the live databases."""

    step: ClassVar[str] = LEAVE_CLONES
    side: Side
    release: str

    def written(self) -> dict[str, Any]:
        return {"side": str(self.side), "release": self.release}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        return cls(Side(stored["side"]), str(stored["release"]))
