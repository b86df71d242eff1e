"""The keys of a database that each side has for itself: how what users wrote goes with them when they are moved."""

from __future__ import annotations

from pydantic import Field, model_validator

from flipgate.core.gates.clone import DatabaseName
from flipgate.core.gates.database_program import Looking, Program
from flipgate.core.spec.fields import FileModel
from flipgate.core.values.sides import Side


class PerSide(FileModel):
    """A database of each side's own. Right before users are moved the one that they leave takes no writes any more, the
    rest of what it has is carried over, and nothing moves unless nothing lags."""

    blue: DatabaseName = Field(description="Blue's database.")
    green: DatabaseName = Field(description="Green's database.")
    stop: Program = Field(
        description="Has the database FLIPGATE_DATABASE refuse every write from now on, also by who is connected. "
        "Carrying over has to be able to write to it all the same."
    )
    carry: Program = Field(
        description="Carries what FLIPGATE_FROM has, and FLIPGATE_DATABASE lacks, over to FLIPGATE_DATABASE. Run again "
        "it does what is missing."
    )
    lag: Looking = Field(
        description="Prints on its last line how much of FLIPGATE_FROM is missing in FLIPGATE_DATABASE, as a number: "
        "users are moved at 0. It changes nothing."
    )
    allow: Program = Field(description="Lets the database FLIPGATE_DATABASE be written to again.")

    @model_validator(mode="after")
    def _are_two(self) -> PerSide:
        if self.blue == self.green:
            raise ValueError(f'perSide has "{self.blue}" for both sides: then they share it, and perSide is left out')
        return self

    def of(self, side: Side) -> str:
        """The database of this side."""
        return self.blue if side is Side.BLUE else self.green
