"""A gate on restarts: how often the new side's containers were started anew since the flip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import Field

from flipgate.core.gates.kinds.kind import GateKind, Keys, Measure, Reader
from flipgate.core.gates.points import GatePoint
from flipgate.core.gates.sample import GateSample, Limit


class RestartsKeys(Keys):
    """The keys of a gate on restarts."""

    restarts: int | None = Field(
        default=None, ge=0, description="The largest number of container restarts on the new side since the flip."
    )


class Restarts(GateKind[RestartsKeys]):
    word = "restarts"
    keys = RestartsKeys
    whom = "Kubernetes"

    def asked(self, gate: RestartsKeys) -> str:
        return "container restarts"

    def of(self, gate: RestartsKeys) -> str:
        return "pods"

    def limit(self, gate: RestartsKeys) -> Limit:
        return Limit(gate.restarts or 0)

    def measure(self, gate: RestartsKeys, reader: Reader) -> Measure:
        return _Count(reader) if reader.point is GatePoint.BAKE else _at_once(reader)


class Container(NamedTuple):
    """One container as its pod's status shows it. `ended` is when its last run but this one ended."""

    pod: str
    name: str
    restarts: int
    created: datetime
    ended: datetime | None

    @property
    def key(self) -> tuple[str, str]:
        return self.pod, self.name


def read_containers(pod: Mapping[str, Any]) -> list[Container]:
    """The containers of a pod from its status; none while it has none."""
    metadata = pod["metadata"]
    created = datetime.fromisoformat(metadata["creationTimestamp"])
    found = []
    for status in pod.get("status", {}).get("containerStatuses") or []:
        ended = ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt")
        when = datetime.fromisoformat(ended) if ended else None
        found.append(Container(metadata["uid"], status["name"], int(status.get("restartCount", 0)), created, when))
    return found


def restarts_since(
    first: Mapping[tuple[str, str], Container], last: Mapping[tuple[str, str], Container], flip: datetime
) -> int:
    """Restarts since the flip, by how each container was first seen and how it was seen last (a pod that is gone, too).

    The first look comes a little after the flip: a pod made since counts whole, and a run that ended since counts one.
    """
    second = flip.replace(microsecond=0)  # as finely as Kubernetes tells times
    total = 0
    for key, seen in first.items():
        before = seen.restarts
        if seen.created >= second:
            before = 0
        elif seen.ended and seen.ended >= second and before:
            before -= 1
        total += max(0, last[key].restarts - before)
    return total


def restarts_at_most(containers: Iterable[Container], since: datetime) -> int:
    """Restarts since then, seen once: of a container that is older, only the end of its last run but this one is known.
    Where that was since then, or is not known, all of its restarts count: rather too many than too few."""
    second = since.replace(microsecond=0)  # as finely as Kubernetes tells times
    return sum(
        each.restarts for each in containers if each.created >= second or each.ended is None or each.ended >= second
    )


def _at_once(reader: Reader) -> Measure:
    def measure(at: float) -> GateSample:
        containers = [container for pod in reader.pods() for container in read_containers(pod)]
        if not containers:
            return GateSample(at, None, "no pods")
        return GateSample(at, restarts_at_most(containers, reader.since))

    return measure


@dataclass
class _Count:
    """How often the side's containers were started anew since the flip."""

    reader: Reader
    first: dict[tuple[str, str], Container] = field(default_factory=dict)
    last: dict[tuple[str, str], Container] = field(default_factory=dict)

    def __call__(self, at: float) -> GateSample:
        for container in (container for pod in self.reader.pods() for container in read_containers(pod)):
            self.first.setdefault(container.key, container)
            self.last[container.key] = container
        if not self.last:
            return GateSample(at, None, "no pods")
        return GateSample(at, restarts_since(self.first, self.last, self.reader.flip))
