"""A gate on what the old side is still busy with: before its pods go, nothing may be in flight there any more."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from flipgate.core.gates.kinds.kind import GateKind, Keys, Measure, Reader, Rule, left_out
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample, Limit, Point
from flipgate.core.spec.metrics import Metrics
from flipgate.core.spec.traffic import TrafficSpec


class InFlightLimit(Rule):
    """How much of it is good."""

    max: int = Field(ge=0, description="The largest number that the old side may still be busy with.")


class InFlightKeys(Keys):
    """The keys of a gate on what is in flight."""

    in_flight: InFlightLimit | None = Field(
        default=None,
        exclude_if=left_out,
        description="What the old side is still busy with, by the query metrics.inFlight.",
    )


class InFlight(GateKind[InFlightKeys]):
    word = "inFlight"
    keys = InFlightKeys
    whom = "Prometheus"
    of_the_other = True

    def unfit(self, gate: InFlightKeys, point: GatePoint) -> str:
        if point in (GatePoint.SOAK, GatePoint.SCALE_DOWN):
            return ""
        if point.before_users:
            return "the old side has the users until they are moved"
        return "right after the flip requests on the old side end by themselves, and nobody is to be sent back for them"

    def lacks(self, gate: InFlightKeys, metrics: Metrics, traffic: TrafficSpec) -> str:
        return "" if metrics.in_flight else "needs spec.metrics.inFlight"

    def asked(self, gate: InFlightKeys) -> str:
        return "requests and connections in flight on the old side (metrics.inFlight)"

    def of(self, gate: InFlightKeys) -> str:
        return "old"

    def limit(self, gate: InFlightKeys) -> Limit:
        return Limit(gate.in_flight.max if gate.in_flight else 0)

    def measure(self, gate: InFlightKeys, reader: Reader) -> Measure:
        query = reader.in_flight(reader.side.other)
        return lambda at: GateSample(at, *reader.number(query))

    def numbers(
        self, gate: InFlightKeys, reader: Reader, start: datetime, end: datetime
    ) -> tuple[tuple[Point, ...] | None, str]:
        return reader.line(reader.in_flight(reader.side.other), start, end)
