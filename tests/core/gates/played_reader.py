"""What gates read, as a test says it: numbers by their queries, and alerts. What nobody said is no data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flipgate.core.gates.alertmanager import Alert
from flipgate.core.gates.command_check import Ended, NotStarted
from flipgate.core.gates.kinds import Gate
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.prometheus import NO_DATA, Series
from flipgate.core.gates.sample import GateSample, Point
from flipgate.core.gates.traefik_counters import Counters
from flipgate.core.record.record import Record
from flipgate.core.spec.probe import SecretKey
from flipgate.core.values.answer import Answer
from flipgate.core.values.sides import Side
from tests.core.builders import NOW

Said = float | str | None
"""A number, or why there is none."""


@dataclass
class PlayedReader:
    """Green is the new side, and was given the users a minute ago."""

    numbers: Callable[[str, datetime | None], Said] = lambda *_: None
    firing: Callable[[Mapping[str, str]], tuple[Alert, ...] | str] = lambda _: ()
    matrix: Callable[[str], tuple[Series, ...] | str] = lambda _: ()
    lived: Side | None = Side.BLUE
    ran: bool = True
    counted: Counters = field(
        default_factory=lambda: Counters(frozenset({"shop-green-web-80@kubernetescrd"}), "target")
    )
    lines: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)
    side: Side = Side.GREEN
    flip: datetime = NOW - timedelta(seconds=60)
    point: GatePoint = GatePoint.BAKE
    dark_since: datetime | None = None
    asked: list[str] = field(default_factory=list)
    records: Mapping[str, Record] = field(default_factory=dict)
    released: Mapping[str, str] = field(default_factory=dict)
    ended: Ended | NotStarted = field(default_factory=lambda: NotStarted("nobody runs it"))
    answer: Answer | str = "cannot be reached"

    @property
    def since(self) -> datetime:
        return self.flip

    def now(self) -> datetime:
        return NOW

    def namespace(self, side: Side) -> str:
        return f"shop-{side}"

    def ran_on(self, side: Side) -> bool:
        return self.ran

    def live_through(self, start: datetime, end: datetime) -> Side | None:
        return self.lived

    def in_flight(self, side: Side) -> str:
        return f"busy {side}"

    def counters(self) -> Counters:
        return self.counted

    def number(self, promql: str, when: datetime | None = None) -> tuple[float | None, str]:
        self.asked.append(promql)
        said = self.numbers(promql, when)
        return (None, said or NO_DATA) if said is None or isinstance(said, str) else (said, "")

    def line(self, promql: str, start: datetime, end: datetime) -> tuple[tuple[Point, ...] | None, str]:
        found = self.lines.get(promql)
        return (found, "") if found else (None, NO_DATA)

    def alerts(self, labels: Mapping[str, str]) -> tuple[tuple[Alert, ...] | None, str]:
        found = self.firing(labels)
        return (None, found) if isinstance(found, str) else (found, "")

    def series(self, promql: str, start: datetime, end: datetime, step: int) -> tuple[tuple[Series, ...] | None, str]:
        self.asked.append(promql)
        found = self.matrix(promql)
        return (None, found) if isinstance(found, str) else (found, "")

    def images(self) -> Mapping[str, str]:
        return self.released

    def record_of(self, application: str) -> Record:
        return self.records[application]

    def run(self, command: Sequence[str], timeout_seconds: float) -> Ended | NotStarted:
        self.asked.append(" ".join(command))
        return self.ended

    def fetch(self, url: str, authorization: SecretKey | None) -> Answer | str:
        self.asked.append(url)
        return self.answer


def gate_of(**keys: Any) -> Gate:
    """By the file's own words."""
    return Gate.model_validate({"name": "g", **keys})


def looked(gate: Gate, reader: PlayedReader) -> GateSample:
    """One look."""
    sample: GateSample = gate.kind.measure(gate, reader)(0)
    return sample
