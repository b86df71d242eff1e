"""What becomes of a release while a part is away, slow or talks rubbish: rows of docs/reliability.md, each a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flipgate.core.record.phases import Phase
from tests.faults.front import Fault

AWAY, SILENT, SLOW, RUBBISH = Fault.AWAY, Fault.SILENT, Fault.SLOW, Fault.RUBBISH
EACH = (AWAY, SLOW, RUBBISH)

API, PROMETHEUS, ALERTMANAGER, TRAEFIK, SLACK = "API server", "Prometheus", "Alertmanager", "a Traefik replica", "Slack"


@dataclass(frozen=True)
class Row:
    """One part, in one phase. `says` is part of what flipgate says; `then` is what is typed, or happens by itself;
    `ends` are the phases that may follow. `seconds`: how long the part is so."""

    part: str
    when: str
    faults: tuple[Fault, ...]
    users: str
    says: str
    then: str
    ends: tuple[Phase, ...]
    seconds: float = 8.0


@dataclass(frozen=True)
class Case:
    row: Row
    fault: Fault

    @property
    def id(self) -> str:
        return f"{self.row.part}, {self.row.when}: {self.fault} {self.row.seconds:g}"


WATCHES, AGAIN = "`flipgate flip APP` once it is back", "the same again, as it says"
UNTIL = "new side until it is back, then old side"

ROWS = (
    Row(API, "rolls back", EACH, UNTIL, "", AGAIN, (Phase.ROLLED_BACK,)),
    Row(API, "rolls back", (SILENT,), UNTIL, "", AGAIN, (Phase.ROLLED_BACK,), 30.0),
    Row(PROMETHEUS, "watches", EACH, "new side", "BakeUnknown", WATCHES, (Phase.LIVE,)),
    Row(ALERTMANAGER, "watches", EACH, "new side", "BakeUnknown", WATCHES, (Phase.LIVE,)),
    Row(TRAEFIK, "looks before the move", (*EACH, SILENT), "old side", "CannotSee", WATCHES, (Phase.LIVE,)),
    Row(
        SLACK, "releases and rolls back", EACH, "the same", "not told yet", "nothing: told later", (Phase.ROLLED_BACK,)
    ),
)


def cases() -> Iterator[Case]:
    """Each row with each of its faults, those that take long first."""
    every = [Case(row, fault) for row in ROWS for fault in row.faults]
    yield from sorted(every, key=lambda case: -case.row.seconds)
