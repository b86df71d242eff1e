"""What one look saw: both sides' workloads, the record and the routes, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flipgate.core.application import Service
from flipgate.core.errors import LostLease
from flipgate.core.record import Record
from flipgate.core.sides import Side
from flipgate.core.traffic import DarkSide, Traffic

EPOCH = "flipgate.dev/epoch"
"""Annotation on each Deployment that flipgate touches: the steadier fence, status updates do not change it."""


@dataclass(frozen=True)
class Workload:
    """One Deployment of a side as it was read: `replicas` are asked for, `pods` exist, `ready` of them are Ready.

    `images` is by container name.
    """

    name: str
    namespace: str
    found: bool = False
    replicas: int = 0
    pods: int = 0
    ready: int = 0
    up_to_date: bool = False
    epoch: str | None = None
    has_annotations: bool = False
    resource_version: str = ""
    images: Mapping[str, str] = field(default_factory=dict)
    template: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where the API server has it."""
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{self.name}"

    @property
    def rolled_out(self) -> bool:
        """Every wanted pod is there, of the newest template, Ready, and no old one is left."""
        return self.found and self.up_to_date and self.ready >= self.replicas

    def image_of(self, container: str | None) -> str | None:
        """The image of the named container, or of the first."""
        return self.images.get(container) if container else next(iter(self.images.values()), None)

    def fence(self, ours: int | None = None) -> list[dict[str, Any]]:
        """The tests that refuse a write when somebody else of ours touched this Deployment since the look.

        Raises LostLease when it was stamped in a later epoch than `ours`: that actor has chosen this side.
        """
        if ours is not None and self.epoch is not None and self.epoch.isdigit() and int(self.epoch) > ours:
            raise LostLease(
                f"was stamped in epoch {self.epoch}; this run works in epoch {ours}",
                obj=f"Deployment {self.namespace}/{self.name}",
                untouched="this Deployment and those after it",
                next_command="flipgate status",
            )
        if self.epoch is not None:
            return [{"op": "test", "path": "/metadata/annotations/flipgate.dev~1epoch", "value": self.epoch}]
        return [{"op": "test", "path": "/metadata/resourceVersion", "value": self.resource_version}]

    def stamp(self, epoch: int) -> list[dict[str, Any]]:
        """The operations that write our epoch on this Deployment."""
        if not self.has_annotations:
            return [{"op": "add", "path": "/metadata/annotations", "value": {EPOCH: str(epoch)}}]
        return [{"op": "add", "path": "/metadata/annotations/flipgate.dev~1epoch", "value": str(epoch)}]


@dataclass(frozen=True)
class SideState:
    """The declared services of one side."""

    side: Side
    namespace: str
    workloads: Mapping[str, Workload]

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(sorted(name for name, workload in self.workloads.items() if not workload.found))

    @property
    def replicas(self) -> dict[str, int]:
        return {name: workload.replicas for name, workload in sorted(self.workloads.items())}

    @property
    def ready(self) -> dict[str, int]:
        return {name: workload.ready for name, workload in sorted(self.workloads.items())}


@dataclass(frozen=True)
class View:
    """Traffic, sides and record at one moment. `dark` is None whenever no side may be touched."""

    sides: Mapping[Side, SideState]
    record: Record | None
    traffic: Traffic
    dark: DarkSide | None

    @property
    def active(self) -> Side | None:
        return self.traffic.active


def read_workload(name: str, namespace: str, obj: Mapping[str, Any] | None) -> Workload:
    """Reads a Deployment object."""
    if obj is None:
        return Workload(name, namespace)
    meta, spec, status = obj["metadata"], obj["spec"], obj.get("status", {})
    wanted = spec.get("replicas", 1)
    settled = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    return Workload(
        name=name,
        namespace=namespace,
        found=True,
        replicas=wanted,
        pods=total,
        ready=status.get("readyReplicas", 0),
        up_to_date=settled and updated >= wanted and total <= wanted,
        epoch=(meta.get("annotations") or {}).get(EPOCH),
        has_annotations=bool(meta.get("annotations")),
        resource_version=meta.get("resourceVersion", ""),
        images={c["name"]: c["image"] for c in spec["template"]["spec"]["containers"]},
        template=spec["template"],
    )


def short_of(side: SideState, wanted: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Services with fewer Ready pods than wanted: name to (ready, wanted)."""
    ready = side.ready
    return {name: (ready.get(name, 0), count) for name, count in sorted(wanted.items()) if ready.get(name, 0) < count}


def enough(wanted: Mapping[str, int]) -> dict[str, int]:
    """How many of these pods have to be Ready for a side to take all users: a quarter may be missing, rounded down.

    Kubernetes itself takes as much from a live Deployment while it is rolled over (maxUnavailable, 25 %).
    """
    return {name: count - count // 4 for name, count in wanted.items()}


def not_serving(
    side: SideState, serving: Iterable[Service], *, enough: Mapping[str, int] | None = None
) -> tuple[str, ...]:
    """Serving services that do not carry what the side itself asks of them now (it may be autoscaled), as
    `name ready/wanted`: each one declared with pods has to have one at least, and be rolled out.

    With `enough`, that many Ready pods of a service will do, whatever is being started or replaced beside them.
    """
    found = []
    for service in sorted(serving, key=lambda each: each.name):
        workload = side.workloads.get(service.name) or Workload(service.name, side.namespace)
        asked = workload.replicas if enough is None else min(workload.replicas, enough.get(service.name, 1))
        wanted = max(1, asked)
        if service.replicas and workload.ready < wanted:
            found.append(f"{service.name} {workload.ready}/{wanted}")
        elif service.replicas and enough is None and not workload.rolled_out:
            found.append(f"{service.name} {workload.ready}/{wanted} and still rolling out")
    return tuple(found)
