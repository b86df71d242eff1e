"""What one look of the bake measures for each declared gate. What cannot be measured is a sample that says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from flipgate.adapters import alerts, logs, metrics
from flipgate.adapters.addresses import address
from flipgate.core.gates.declared import (
    NO_OLD_SIDE,
    OLD_WINDOW_SECONDS,
    Container,
    GateSample,
    count_lines,
    cut_reason,
    read_containers,
    restarts_since,
    window_of,
)
from flipgate.core.record.release import Release
from flipgate.core.spec.gates import Gate, GateKind, filled
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, in_flight
from flipgate.steps.acting.world import World
from flipgate.steps.watching.measure_traefik import Probes, UsersErrors

POD_LIST_SECONDS = 3.0
NOT_DECLARED = "not declared"
IN_FLIGHT = "in flight"
"""The name of the one question that is no gate's: a gate's name has no space."""
Measure = Callable[[float], GateSample]
"""Asks once; the argument is the look's own time, which the sample carries."""


def measures(world: World, release: Release, probes: Probes | None = None) -> dict[str, Measure]:
    """How each declared gate is asked, by its name, and what is in flight. None of them raises. `probes` are flipgate's
    own requests, which a traefik gate does not count."""
    flip = release.flipped_at or world.now()
    kinds: dict[GateKind, Callable[[World, Release, Gate, datetime], Measure]] = {
        GateKind.PROMQL: Promql,
        GateKind.ALERTS: Alerts,
        GateKind.LOGS: LogLines,
        GateKind.RESTARTS: Restarts,
        GateKind.TRAEFIK: lambda world, release, gate, _: UsersErrors(world, release, gate, probes or Probes()),
    }
    gates = world.application.spec.gates
    asked = {gate.name: _quiet(kinds[gate.kind](world, release, gate, flip)) for gate in gates}
    if world.application.spec.metrics.in_flight:
        asked[IN_FLIGHT] = _quiet(InFlight(world, release.side.other))
    return asked


def _quiet(measure: Measure) -> Measure:
    def quiet(at: float) -> GateSample:
        try:
            return measure(at)
        except FlipgateError as error:
            return GateSample(at, None, cut_reason(error.fact))
        except Exception as error:  # any at all: users' safety does not hang on a gate's own fault
            return GateSample(at, None, f"cannot be measured: {type(error).__name__}")

    return quiet


@dataclass
class Promql:
    """One number of Prometheus, and the old side's, which is asked for until it is known."""

    world: World
    release: Release
    gate: Gate
    flip: datetime
    old: float | None = None
    old_why: str = ""

    def __call__(self, at: float) -> GateSample:
        since = (self.world.now() - self.flip).total_seconds()
        value, why = self._ask(self.release.side, window_of(self.gate, since))
        if self.gate.relative_to and self.old is None and self.old_why != NO_OLD_SIDE:
            self._ask_old()
        return GateSample(at, value, why, old=self.old, old_why=self.old_why)

    def _ask_old(self) -> None:
        other = self.release.side.other
        if not self.world.store.read().ran_on(other):
            self.old_why = NO_OLD_SIDE
            return
        self.old, self.old_why = self._ask(other, OLD_WINDOW_SECONDS, self.flip.timestamp())

    def _ask(self, side: Side, window: int, when: float | None = None) -> tuple[float | None, str]:
        url = self.world.application.spec.metrics.prometheus or ""
        promql = filled(self.gate.promql or "", self.world.application.namespace_of(side), window)
        return metrics.ask_number(url, promql, when)


def still_in_flight(world: World, side: Side) -> Evidence:
    """What a side is still busy with, asked once. Never raises, and takes three seconds at most."""
    promql = world.application.spec.metrics.in_flight
    if promql is None:
        return in_flight(side, None, None, NOT_DECLARED)
    return in_flight(side, promql, *_busy(world, side))


def _busy(world: World, side: Side) -> tuple[float | None, str]:
    spec = world.application.spec.metrics
    return metrics.ask_number(spec.prometheus or "", filled(spec.in_flight or "", world.application.namespace_of(side)))


@dataclass
class InFlight:
    """What the old side is still busy with: for people, at each look."""

    world: World
    side: Side

    def __call__(self, at: float) -> GateSample:
        return GateSample(at, *_busy(self.world, self.side))


@dataclass
class Alerts:
    """How many alerts began to fire since the flip."""

    world: World
    release: Release
    gate: Gate
    flip: datetime

    def __call__(self, at: float) -> GateSample:
        namespace = self.world.application.namespace_of(self.release.side)
        labels = {label: filled(value, namespace) for label, value in (self.gate.alerts or {}).items()}
        url = self.world.application.spec.metrics.alertmanager or ""
        found, why = alerts.ask_alerts(url, labels, self.flip)
        if found is None:
            return GateSample(at, None, why)
        new, older = found
        beside = [*dict.fromkeys(new)] + ([f"before the flip: {', '.join(dict.fromkeys(older))}"] if older else [])
        return GateSample(at, len(new), beside=cut_reason(", ".join(beside)))


@dataclass
class LogLines:
    """How many matching lines the side's pods wrote since the flip. Each look reads on from the last one."""

    world: World
    release: Release
    gate: Gate
    flip: datetime
    read_until: dict[tuple[str, str], datetime] = field(default_factory=dict)
    count: int = 0
    cut: bool = False

    def __call__(self, at: float) -> GateSample:
        namespace = self.world.application.namespace_of(self.release.side)
        pods = self.world.cluster.items(address("Pod", namespace), timeout=POD_LIST_SECONDS)
        if not pods:
            return GateSample(at, None, "no pods")
        names = [
            (pod["metadata"]["name"], container["name"]) for pod in pods for container in pod["spec"]["containers"]
        ]
        faults = [fault for fault in self.world.each(self._read, names) if fault]
        if faults:
            return GateSample(at, None, faults[0])
        return GateSample(at, self.count, at_least=self.cut)

    def _read(self, which: tuple[str, str]) -> str:
        """Why this container's log could not be read; the next look reads from the same line again."""
        since = self.read_until.get(which, self.flip)
        namespace = self.world.application.namespace_of(self.release.side)
        try:
            lines, cut = logs.read_lines(self.world.cluster, namespace, *which, since)
        except FlipgateError as error:
            return cut_reason(error.fact)
        count, self.read_until[which] = count_lines(lines, self.gate.logs.pattern if self.gate.logs else "", since)
        self.count += count
        self.cut = self.cut or cut
        return ""


@dataclass
class Restarts:
    """How often the side's containers were started anew since the flip."""

    world: World
    release: Release
    gate: Gate
    flip: datetime
    first: dict[tuple[str, str], Container] = field(default_factory=dict)
    last: dict[tuple[str, str], Container] = field(default_factory=dict)

    def __call__(self, at: float) -> GateSample:
        namespace = self.world.application.namespace_of(self.release.side)
        pods = self.world.cluster.items(address("Pod", namespace), timeout=POD_LIST_SECONDS)
        for container in (container for pod in pods for container in read_containers(pod)):
            self.first.setdefault(container.key, container)
            self.last[container.key] = container
        if not self.last:
            return GateSample(at, None, "no pods")
        return GateSample(at, restarts_since(self.first, self.last, self.flip))
