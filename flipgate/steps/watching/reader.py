"""Reads what gates measure: Prometheus, Alertmanager, the new side's pods and logs, Traefik's counters."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from flipgate.adapters import alerts, logs, metrics, sources
from flipgate.adapters.addresses import address
from flipgate.adapters.history import HISTORY_KEPT
from flipgate.adapters.sources import Source
from flipgate.adapters.traefik import COUNTERS_SECONDS
from flipgate.core.gates.alertmanager import Alert
from flipgate.core.gates.command_check import Ended, NotStarted
from flipgate.core.gates.kinds.kind import Lines
from flipgate.core.gates.past import moves, side_through
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.prometheus import Series
from flipgate.core.gates.sample import Point, cut_reason
from flipgate.core.gates.traefik_counters import (
    Counters,
    Probes,
    Reading,
    counters_of,
    rule_counter,
    target_counter,
)
from flipgate.core.record.record import Record
from flipgate.core.spec.probe import SecretKey
from flipgate.core.traffic.traffic import SERVICE
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.foreign import fault
from flipgate.core.values.placeholders import filled
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.ask import secret_value
from flipgate.steps.looking.commands import run_alone
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.looking.targets import services_of

POD_LIST_SECONDS = 3.0
POINTS = 300
"""Of one line, on one side of the flip."""


def prometheus(world: World) -> Source:
    """Prometheus' address, with what lets flipgate in there. Raises FlipgateError where that cannot be read."""
    spec = world.application.spec.metrics
    return _source(world, spec.prometheus, spec.prometheus_authorization)


def in_flight_query(world: World, side: Side) -> str:
    """The query for what a side is still busy with; empty where the file has none."""
    return filled(world.application.spec.metrics.in_flight or "", world.application.place_of(side).namespace)


def step_of(start: datetime, end: datetime) -> int:
    """How far a line's points are from each other, in seconds."""
    return max(1, math.ceil((end - start).total_seconds() / POINTS))


def _source(world: World, url: str | None, secret: SecretKey | None) -> Source:
    return Source(url or "", secret_value(world, secret) if secret else "")


@dataclass
class WorldReader:
    """`Reader` (core/gates/kinds/kind.py) of one world. No line is asked for after the deadline, in monotonic
    seconds."""

    world: World
    side: Side
    flip: datetime
    probes: Probes = field(default_factory=Probes)
    deadline: float = math.inf
    point: GatePoint = GatePoint.BAKE
    began: datetime | None = None
    """When that begins which counts, where that is not the flip."""
    dark_since: datetime | None = None
    may_go_on: Callable[[], None] = lambda: None
    """Asked while a program runs; what it raises ends the program."""

    @property
    def since(self) -> datetime:
        return self.began or self.flip

    def now(self) -> datetime:
        return self.world.now()

    def namespace(self, side: Side) -> str:
        return self.world.application.place_of(side).namespace

    def ran_on(self, side: Side) -> bool:
        return self.world.store.read().ran_on(side)

    def number(self, promql: str, when: datetime | None = None) -> tuple[float | None, str]:
        return metrics.ask_number(prometheus(self.world), promql, when.timestamp() if when else None)

    def live_through(self, start: datetime, end: datetime) -> Side | None:
        moved, whole = self._moves
        let_go = not whole and (not moved or moved[0][0] > start)
        return None if let_go else side_through(start, end, moved, self.world.store.read().active)

    @cached_property
    def _moves(self) -> tuple[list[tuple[datetime, Side]], bool]:
        """When users were moved, and whether that is since ever. Read once: the history may be of megabytes, and a bake
        looks every few seconds."""
        kept, record = self.world.store.history(), self.world.store.read()
        moved = moves({release.name: release for release in [*kept, *record.releases]}.values())
        return moved, len(kept) < HISTORY_KEPT

    def in_flight(self, side: Side) -> str:
        return in_flight_query(self.world, side)

    def series(self, promql: str, start: datetime, end: datetime, step: int) -> tuple[tuple[Series, ...] | None, str]:
        return metrics.ask_series(prometheus(self.world), promql, start, end, step)

    def line(self, promql: str, start: datetime, end: datetime) -> tuple[tuple[Point, ...] | None, str]:
        if self.world.monotonic() > self.deadline:
            return None, "Prometheus takes too long"
        try:
            return metrics.ask_range(prometheus(self.world), promql, start, end, step_of(start, end))
        except FlipgateError as error:
            return None, cut_reason(error.named_fact)

    def alerts(self, labels: Mapping[str, str]) -> tuple[tuple[Alert, ...] | None, str]:
        spec = self.world.application.spec.metrics
        return alerts.ask_alerts(_source(self.world, spec.alertmanager, spec.alertmanager_authorization), labels)

    def pods(self) -> list[dict[str, Any]]:
        return self.world.cluster.items(address("Pod", self.namespace(self.side)), timeout=POD_LIST_SECONDS)

    def logs(self, since: Mapping[tuple[str, str], datetime]) -> dict[tuple[str, str], Lines | str]:
        def read(which: tuple[str, str]) -> Lines | str:
            try:
                after = since.get(which, self.since)
                return logs.read_lines(self.world.cluster, self.namespace(self.side), *which, after)
            except FlipgateError as error:
                return cut_reason(error.fact)

        containers = [
            (pod["metadata"]["name"], container["name"])
            for pod in self.pods()
            for container in pod["spec"]["containers"]
        ]
        return dict(zip(containers, self.world.each(read, containers), strict=True))

    def counters(self) -> Counters:
        rules, targets = [], []
        for state in look_at_traffic(self.world).leading:
            for entry in state.entries:
                if entry.rule and entry.target.kind == SERVICE:
                    rules.append(rule_counter(state.route, entry.rule))
                elif entry.target.answers:
                    targets.append(entry.target)
        services, namespace = services_of(self.world, targets, self.side), self.namespace(self.side)
        return counters_of(rules, [target_counter(namespace, each) for each in services])

    def counted(self, names: Collection[str]) -> dict[str, Reading | str]:
        def read(replica: str) -> Reading | str:
            try:
                reading = self.world.proxy.counters(replica, names)
            except Exception as error:  # any at all: the other replicas' numbers still count
                return cut_reason(fault(error))
            unlabelled = "counts no service's requests: is metrics.prometheus.addServicesLabels on?"
            return unlabelled if reading.blank else reading

        replicas = self.world.proxy.replicas(timeout=COUNTERS_SECONDS)
        return dict(zip(replicas, self.world.each(read, replicas), strict=True))

    def images(self) -> Mapping[str, str]:
        release = self.world.store.read().release
        return release.images if release else {}

    def record_of(self, application: str) -> Record:
        return self.world.store.of(application).read()

    def run(self, command: Sequence[str], timeout_seconds: float) -> Ended | NotStarted:
        release = self.world.store.read().release
        about = {"SIDE": str(self.side), "NAMESPACE": self.namespace(self.side)}
        if release:
            images = json.dumps(dict(release.images), sort_keys=True)
            about |= {"RELEASE": release.name, "IMAGES": images}
        return run_alone(command, about, timeout=timeout_seconds, may_go_on=self.may_go_on)

    def fetch(self, url: str, authorization: SecretKey | None) -> Answer | str:
        return sources.fetch(_source(self.world, url, authorization))
