"""What users get from the new side, by Traefik's own counters: read from each replica at each look, without Prometheus.

flipgate's own probes are counted there as well, so they are taken off again; that is exact only while none of them is
under way.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from flipgate.adapters.traefik import COUNTERS_SECONDS
from flipgate.core.gates.bake import Reply
from flipgate.core.gates.declared import GateSample, cut_reason
from flipgate.core.gates.traefik_counters import (
    Count,
    Counters,
    Reading,
    counters_of,
    error_ratio,
    increase,
    rule_counter,
    target_counter,
)
from flipgate.core.record.release import Release
from flipgate.core.spec.gates import Gate
from flipgate.core.traffic.traffic import SERVICE
from flipgate.core.values.foreign import fault
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.looking.targets import services_of


@dataclass
class Probes:
    """flipgate's own requests by the replica that they went through: one thread sends them, others read how many."""

    sent: int = 0
    done: int = 0
    heard: dict[str, Count] = field(default_factory=lambda: defaultdict(Count))

    @property
    def quiet(self) -> bool:
        """Whether none is under way."""
        return self.sent == self.done

    def answered(self, replica: str, reply: Reply | None, side: Side) -> None:
        """One that is not answered, or does not name the side, may have been counted as the side's or not."""
        sure = reply is not None and reply.shown == side
        count = Count(1, float(reply.status >= 500)) if reply and sure else Count(unsure=1)
        self.heard[replica] = self.heard[replica].plus(count)
        self.done += 1


@dataclass
class Replica:
    """Where one replica's counters stood at the last reading, and flipgate's own requests among them."""

    reading: Reading
    own: Count


@dataclass
class UsersErrors:
    """The share of users' requests that ended with 5xx, since the first reading and at most over the gate's window."""

    world: World
    release: Release
    gate: Gate
    probes: Probes
    counters: Counters | None = None
    last: dict[str, Replica] = field(default_factory=dict)
    counted: list[tuple[float, Count]] = field(default_factory=list)
    missed: float = 0.0
    """flipgate's own requests that should have been counted under these names, and were not."""

    def __call__(self, at: float) -> GateSample:
        counters = self.counters = self.counters or _counters(self.world, self.release.side)
        own, before, sure = dict(self.probes.heard), self.probes.sent, self.probes.quiet
        replicas = self.world.proxy.replicas(timeout=COUNTERS_SECONDS)
        found = dict(
            zip(replicas, self.world.each(lambda name: _read(self.world, name, counters), replicas), strict=True)
        )
        if not sure or self.probes.sent != before:
            return GateSample(at, None, "read while flipgate's own probes went on", of=counters.of)
        for name, reading in found.items():
            if isinstance(reading, Reading):
                self._add(at, name, Replica(reading, own.get(name, Count())))
        unread = {name: reading for name, reading in found.items() if isinstance(reading, str)}
        return self._judged(at, counters.of, unread, len(replicas))

    def _judged(self, at: float, of: str, unread: dict[str, str], replicas: int) -> GateSample:
        self.counted = [(when, count) for when, count in self.counted if when > at - self.gate.window]
        if self.missed:
            names = ", ".join(sorted(self.counters.names)) if self.counters else "no name"
            return GateSample(at, None, f"not even flipgate's own requests are counted under {names}", of=of)
        counts = [count for _, count in self.counted]
        limit = self.gate.traefik.max_error_ratio if self.gate.traefik else 0.0
        return error_ratio(at, counts, limit=limit, of=of, unread=unread, replicas=replicas)

    def _add(self, at: float, name: str, now: Replica) -> None:
        """A replica's first reading is what it is counted from: which side answered before that is not known."""
        last = self.last.get(name)
        self.last[name] = now
        if last:
            mine = now.own.minus(last.own)
            grown = increase(last.reading, now.reading)
            users = grown.minus(mine)
            self.missed = 0.0 if grown.requests else self.missed + mine.requests
            self.counted.append((at, users._replace(unsure=mine.unsure)))


def _read(world: World, replica: str, counters: Counters) -> Reading | str:
    """The reason where it cannot be read."""
    try:
        reading = world.proxy.counters(replica, counters.names)
    except Exception as error:  # any at all: the other replicas' numbers still count
        return cut_reason(fault(error))
    return "counts no service's requests: is metrics.prometheus.addServicesLabels on?" if reading.blank else reading


def _counters(world: World, side: Side) -> Counters:
    """What Traefik counts the side's users under, by the routes as they are now."""
    namespace, rules, targets = world.application.namespace_of(side), [], []
    for state in look_at_traffic(world).leading:
        for entry in state.entries:
            if entry.rule and entry.target.kind == SERVICE:
                rules.append(rule_counter(state.route, entry.rule))
            elif entry.target.answers:
                targets.append(entry.target)
    return counters_of(rules, [target_counter(namespace, each) for each in services_of(world, targets, side)])
