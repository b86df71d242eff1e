"""What was found on a cluster that a first application file can be drafted from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from flipgate.core.traffic.traffic import RouteName
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.place import Place, Places
from flipgate.core.values.sides import Side

Object = Mapping[str, Any]
"""As the API server has it."""


@dataclass(frozen=True)
class SideFound:
    """What one namespace holds, each kind's objects by their names."""

    place: Place
    exists: bool = True
    workloads: Mapping[str, Mapping[str, Object]] = field(default_factory=dict)
    """By kind."""
    services: Mapping[str, Object] = field(default_factory=dict)
    scalers: tuple[Object, ...] = ()
    """HorizontalPodAutoscalers, and KEDA's ScaledObjects."""

    def pods_of(self, kind: str, name: str) -> int:
        """How many pods this workload asks for; 0 where there is none."""
        spec = self.workloads.get(kind, {}).get(name, {}).get("spec") or {}
        return int(spec.get("replicas", 1)) if spec else 0

    @property
    def pods(self) -> int:
        """How many pods its Deployments and StatefulSets ask for."""
        kinds = ("Deployment", "StatefulSet")
        return sum(self.pods_of(kind, name) for kind in kinds for name in self.workloads.get(kind, {}))

    @property
    def empty(self) -> bool:
        """Whether no workload is there."""
        return not any(self.workloads.values())


@dataclass(frozen=True)
class Leading:
    """An object that leads users to a side, or to another such object."""

    name: RouteName
    obj: Object
    sides: tuple[Side, ...] = ()
    """Empty for one that leads there by way of another alone."""


@dataclass(frozen=True)
class Seen:
    """What users' question was answered with, once the first draft could be asked by."""

    header: str = ""
    """The header whose value named a side; empty where none did."""
    fact: str = ""
    """What came instead, or why nothing did."""
    by_https: bool = False
    """Whether who asks by http is sent to https."""


@dataclass(frozen=True)
class Found:
    """All of it. `name` is what the application shall be called; empty where that is to be guessed."""

    name: str
    sides: Mapping[Side, SideFound]
    routes: tuple[Leading, ...] = ()
    """What leads to a side."""
    followers: tuple[Leading, ...] = ()
    """Routes that lead to one of these, and to no side by themselves."""
    traefiks: tuple[Object, ...] = ()
    """Pods that look like Traefik's."""
    gateways: Mapping[tuple[str, str], Object] = field(default_factory=dict)
    """By namespace and name: those that HTTPRoutes name."""
    unlooked: tuple[str, ...] = ()
    """A sentence for each thing that could not be looked for."""

    @property
    def places(self) -> Places:
        """Where both sides live."""
        return {side: found.place for side, found in self.sides.items()}

    def workloads(self, kind: str) -> Iterator[str]:
        """The names of all workloads of a kind, of either side, once each."""
        names = {name for side in self.sides.values() for name in side.workloads.get(kind, {})}
        yield from sorted(names)
