"""What becomes of a release while a part is away, slow or talks rubbish: rows of docs/reliability.md, each a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flipgate.core.record.phases import Phase
from tests.faults.front import Fault

AWAY, SILENT, SLOW, RUBBISH = Fault.AWAY, Fault.SILENT, Fault.SLOW, Fault.RUBBISH
EACH = (AWAY, SLOW, RUBBISH)
UNLIKE = (AWAY, RUBBISH)
"""Where what is slow shows nothing that another row does not show: it is only later there."""

API, PREFECT, PROMETHEUS, ALERTMANAGER = "API server", "Prefect's server", "Prometheus", "Alertmanager"
TRAEFIK, METRICS, SLACK = "a Traefik replica", "a Traefik replica's metrics", "Slack"

LOOKS, PROVES, WATCHES, RESTS = "looks before the move", "proves the move", "watches", "rests the old side"
BRINGS_UP, ASKS = "brings up", "asks; away as somebody says yes"
MOVES, HANDS_OVER = "moves users", "hands the workers over"
GOES_BACK, WATCHES_AND_BACK, ALL = "rolls back", "watches, then rolls back", "releases and rolls back"


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


FLIPS, AGAIN = "`flipgate flip APP` once it is back", "the same again, as it says"
RECONCILES = "nothing: `reconcile` goes on"
ANOTHER = "`flipgate approve APP`, away or not, and `reconcile`, or a run of flip-traffic"
NOTHING, SETTLES = "nothing: users go back by themselves", "`flipgate scale-down APP` once it is back"
BACK = "`flipgate rollback APP`, away or not"
SHORTLY = "new side for a moment, then old side"
UNTIL = "new side until it is back, then old side"

DARK, LIVE, SETTLED, ROLLED_BACK = (Phase.DARK,), (Phase.LIVE,), (Phase.SETTLED,), (Phase.ROLLED_BACK,)

ROWS = (
    Row(API, BRINGS_UP, UNLIKE, "old side", "", RECONCILES, DARK),
    Row(API, MOVES, EACH, "either side, all of them", "", RECONCILES, (Phase.DARK, Phase.LIVE)),
    Row(API, PROVES, UNLIKE, "new side, or old side again", "", RECONCILES, (Phase.LIVE, Phase.ROLLED_BACK)),
    Row(API, HANDS_OVER, UNLIKE, "new side", "", RECONCILES, LIVE),
    Row(API, WATCHES, EACH, "new side", "", RECONCILES, LIVE),
    Row(API, RESTS, UNLIKE, "new side", "", RECONCILES, SETTLED),
    Row(API, GOES_BACK, EACH, UNTIL, "", AGAIN, ROLLED_BACK),
    Row(API, GOES_BACK, (SILENT,), UNTIL, "", AGAIN, ROLLED_BACK, 30.0),
    Row(PREFECT, BRINGS_UP, (AWAY,), "old side", "", RECONCILES, DARK),
    Row(PREFECT, ASKS, (RUBBISH,), "old side until the yes", "", ANOTHER, LIVE),
    Row(PREFECT, WATCHES, (SLOW, RUBBISH), "new side", "", RECONCILES, LIVE),
    Row(PREFECT, WATCHES_AND_BACK, (AWAY,), "new side until the way back", "", BACK, ROLLED_BACK),
    Row(PROMETHEUS, WATCHES, EACH, "new side", "BakeUnknown", FLIPS, LIVE),
    Row(ALERTMANAGER, WATCHES, EACH, "new side", "BakeUnknown", FLIPS, LIVE),
    Row(TRAEFIK, LOOKS, (*EACH, SILENT), "old side", "CannotSee", FLIPS, LIVE),
    Row(TRAEFIK, PROVES, (*UNLIKE, SILENT), SHORTLY, "TrafficNotProven", NOTHING, ROLLED_BACK),
    Row(TRAEFIK, WATCHES_AND_BACK, (*UNLIKE, SILENT), "new side until the way back", "BakeUnknown", BACK, ROLLED_BACK),
    Row(TRAEFIK, RESTS, (*UNLIKE, SILENT), "new side", "TrafficNotProven", SETTLES, SETTLED),
    Row(METRICS, WATCHES, EACH, "new side", "BakeUnknown", FLIPS, LIVE),
    Row(SLACK, ALL, EACH, "the same", "not told yet", "nothing: told later", ROLLED_BACK),
)


def cases() -> Iterator[Case]:
    """Each row with each of its faults, those that take long first."""
    every = [Case(row, fault) for row in ROWS for fault in row.faults]
    yield from sorted(every, key=lambda case: -case.row.seconds)
