"""The keys of a database that a release is tried against a copy of, before users come to it."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from flipgate.core.gates.database_program import Program
from flipgate.core.spec.fields import FileModel, ObjectName, SwitchKey

LONGEST_DATABASE: Final = 63
"""Characters of a database's name that PostgreSQL keeps (NAMEDATALEN - 1); MySQL has 64."""
DatabaseName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=LONGEST_DATABASE)]


class Clone(FileModel):
    """A copy of the live database, made anew for each release: the dark side works on it until a person has approved
    the flip, then on the live one like everybody."""

    live: DatabaseName = Field(description="The live database's name; a copy is called that and the release.")
    create: Program = Field(
        description="Makes the database FLIPGATE_DATABASE, with what the live one has. Where it is there already "
        "nothing has to be done."
    )
    drop: Program = Field(
        description="Takes the database FLIPGATE_DATABASE away, whoever is connected to it. Where it is not there "
        "nothing has to be done."
    )
    config_map: ObjectName = Field(
        description="The ConfigMap, in both namespaces, by which pods know which database they work on; its other keys "
        "are left alone."
    )
    key: SwitchKey = Field(
        default="database", description="The key that flipgate sets to the name of the database; it exists."
    )
    services: tuple[ObjectName, ...] = Field(
        default=(),
        description="The services whose pods read it, which are started anew when it changes; all when left out.",
    )

    def name_for(self, release: str) -> str:
        """What a release's copy is called: the live one's name is cut where the whole would be too long."""
        suffix = f"_{release.replace('-', '_')}"
        return f"{self.live[: LONGEST_DATABASE - len(suffix)]}{suffix}"
