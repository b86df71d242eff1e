"""The kinds of gate that a file may declare. Adding one: a file with its GateKind here, its line in KINDS, and its keys
among Gate's bases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from pydantic import ConfigDict, model_validator

from flipgate.core.gates.kinds.alerts import Alerts, AlertsKeys
from flipgate.core.gates.kinds.application import ApplicationGate, ApplicationKeys
from flipgate.core.gates.kinds.command import CommandGate, CommandGateKeys
from flipgate.core.gates.kinds.http import Http, HttpKeys
from flipgate.core.gates.kinds.in_flight import InFlight, InFlightKeys
from flipgate.core.gates.kinds.kind import GateKind
from flipgate.core.gates.kinds.logs import Logs, LogsKeys
from flipgate.core.gates.kinds.promql import Promql, PromqlKeys
from flipgate.core.gates.kinds.ready_made import P99, P99Keys, SuccessRatio, SuccessRatioKeys
from flipgate.core.gates.kinds.restarts import Restarts, RestartsKeys
from flipgate.core.gates.kinds.traefik import Traefik, TraefikKeys
from flipgate.core.gates.kinds.verified import Verified, VerifiedKeys
from flipgate.core.gates.points import GatePoint

KINDS: Final[Mapping[str, GateKind[Any]]] = MappingProxyType(
    {
        kind.word: kind
        for kind in (
            Promql(),
            Alerts(),
            Logs(),
            Restarts(),
            Traefik(),
            SuccessRatio(),
            P99(),
            InFlight(),
            Verified(),
            CommandGate(),
            Http(),
            ApplicationGate(),
        )
    }
)
WORDS: Final = tuple(KINDS)
_FIELDS: Final = {
    word: next(name for name, field in kind.keys.model_fields.items() if field.alias == word)
    for word, kind in KINDS.items()
}
"""Words of the file are no names of Python's: `success-ratio`."""
BUILT_IN: Final = ("ready", "errors", "side")
"""The names of the bake's own verdicts: no declared gate may be called so."""


class Gate(
    PromqlKeys,
    AlertsKeys,
    LogsKeys,
    RestartsKeys,
    TraefikKeys,
    SuccessRatioKeys,
    P99Keys,
    InFlightKeys,
    VerifiedKeys,
    CommandGateKeys,
    HttpKeys,
    ApplicationKeys,
):
    """A question asked at points of a release's way: the keys of exactly one kind."""

    model_config = ConfigDict(
        json_schema_extra={
            "description": "A question asked at points of a release's way: exactly one of "
            f"{', '.join(WORDS[:-1])} and {WORDS[-1]}."
        }
    )

    @property
    def kind(self) -> GateKind[Any]:
        """What it asks, and how."""
        return KINDS[self.asks[0]]

    @property
    def asks(self) -> list[str]:
        """The words of the kinds that it has the key of: one, once it is found to make sense."""
        return [word for word, field in _FIELDS.items() if getattr(self, field) is not None]

    @model_validator(mode="after")
    def _makes_sense(self) -> Gate:
        if problems := list(_problems(self)):
            raise ValueError("; ".join(f'gate "{self.name}" {problem}' for problem in problems))
        return self


def _problems(gate: Gate) -> Iterator[str]:
    if gate.name in BUILT_IN:
        yield "has the name of a verdict that every bake has"
    if len(gate.asks) != 1:
        yield f"needs exactly one of {', '.join(WORDS)} (it has: {', '.join(gate.asks) or 'none'})"
        return
    yield from _of_other_kinds(gate)
    yield from gate.kind.problems(gate)
    if gate.or_tick and {*gate.points} & {GatePoint.BAKE, GatePoint.SOAK}:
        yield "has orTick, and nobody is asked at bake and soak"
    for point in dict.fromkeys(gate.points):
        if unfit := gate.kind.unfit(gate, point):
            yield f"cannot be asked at {point}: {unfit}"


def _of_other_kinds(gate: Gate) -> Iterator[str]:
    """Keys that a gate of this kind does not have, by the first kind that has them."""
    left = type(gate).model_fields.keys() - gate.kind.keys.model_fields.keys()
    for kind in KINDS.values():
        fields = kind.keys.model_fields
        extra = sorted(fields[key].alias or key for key in left & fields.keys() if getattr(gate, key) is not None)
        left -= fields.keys()
        if extra:
            yield f"has {', '.join(extra)}, which only a {kind.word} gate has"
