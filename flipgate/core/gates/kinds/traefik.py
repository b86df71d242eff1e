"""A gate on what users get from the new side, by Traefik's own counters: read from each replica at each look, without
Prometheus.

flipgate's own probes are counted there as well, so they are taken off again; that is exact only while none of them is
under way.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import Field

from flipgate.core.gates.kinds.kind import GateKind, Measure, Reader, Rule, Windowed
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample, Limit
from flipgate.core.gates.traefik_counters import Count, Counters, Reading, error_ratio, increase
from flipgate.core.spec.metrics import Metrics
from flipgate.core.spec.traffic import TrafficSpec


class TraefikLimit(Rule):
    """What users may get from the new side, as Traefik itself counts it; needs `traffic.traefik.metricsPort`."""

    max_error_ratio: float = Field(
        ge=0,
        le=1,
        description="The largest share of users' requests that may end with 5xx, 0 to 1, counted since the flip and at "
        "most over windowSeconds. flipgate's own requests are not in it; no traffic is unknown.",
    )


class TraefikKeys(Windowed):
    """The keys of a gate on Traefik's counters."""

    traefik: TraefikLimit | None = Field(
        default=None, description="Users' requests as each Traefik replica's own /metrics counts them: no Prometheus."
    )


class Traefik(GateKind[TraefikKeys]):
    word = "traefik"
    keys = TraefikKeys
    whom = "Traefik's own counters"
    between_looks = True
    drawn = True

    def unfit(self, gate: TraefikKeys, point: GatePoint) -> str:
        if point is GatePoint.BAKE:
            return ""
        if point.before_users:
            return "no users are on the dark side, so Traefik counts none there"
        return "it counts what comes in between two looks of the bake, and here there is one look; ask with promql"

    def lacks(self, gate: TraefikKeys, metrics: Metrics, traffic: TrafficSpec) -> str:
        if traffic.address:
            return (
                "counts at Traefik's pods, while spec.traffic.address is asked: "
                "which pod flipgate's own requests are counted by is not known"
            )
        return "" if traffic.traefik.metrics_port is not None else "needs spec.traffic.traefik.metricsPort"

    def asked(self, gate: TraefikKeys) -> str:
        return "share of users' requests that ended with 5xx"

    def of(self, gate: TraefikKeys) -> str:
        return ""

    def limit(self, gate: TraefikKeys) -> Limit:
        return Limit(gate.traefik.max_error_ratio if gate.traefik else 0.0)

    def measure(self, gate: TraefikKeys, reader: Reader) -> Measure:
        return _UsersErrors(self.limit(gate).value, gate.window, reader)


@dataclass
class _Replica:
    """Where one replica's counters stood at the last reading, and flipgate's own requests among them."""

    reading: Reading
    own: Count


@dataclass
class _UsersErrors:
    """The share of users' requests that ended with 5xx, since the first reading and at most over so many seconds."""

    limit: float
    window: int
    reader: Reader
    counters: Counters | None = None
    last: dict[str, _Replica] = field(default_factory=dict)
    counted: list[tuple[float, Count]] = field(default_factory=list)
    missed: float = 0.0
    """flipgate's own requests that should have been counted under these names, and were not."""

    def __call__(self, at: float) -> GateSample:
        counters = self.counters = self.counters or self.reader.counters()
        probes = self.reader.probes
        own, before, sure = dict(probes.heard), probes.sent, probes.quiet
        found = self.reader.counted(counters.names)
        if not sure or probes.sent != before:
            return GateSample(at, None, "read while flipgate's own probes went on", of=counters.of)
        for name, reading in found.items():
            if isinstance(reading, Reading):
                self._add(at, name, _Replica(reading, own.get(name, Count())))
        unread = {name: reading for name, reading in found.items() if isinstance(reading, str)}
        return self._judged(at, counters, unread, len(found))

    def _judged(self, at: float, counters: Counters, unread: dict[str, str], replicas: int) -> GateSample:
        self.counted = [(when, count) for when, count in self.counted if when > at - self.window]
        if self.missed:
            names = ", ".join(sorted(counters.names))
            why = f"not even flipgate's own requests are counted under {names or 'no name'}"
            return GateSample(at, None, why, of=counters.of)
        counts = [count for _, count in self.counted]
        return error_ratio(at, counts, limit=self.limit, of=counters.of, unread=unread, replicas=replicas)

    def _add(self, at: float, name: str, now: _Replica) -> None:
        """A replica's first reading is what it is counted from: which side answered before that is not known."""
        last = self.last.get(name)
        self.last[name] = now
        if last:
            mine = now.own.minus(last.own)
            grown = increase(last.reading, now.reading)
            users = grown.minus(mine)
            self.missed = 0.0 if grown.requests else self.missed + mine.requests
            self.counted.append((at, users._replace(unsure=mine.unsure)))
