"""Where a side lives, and what a service's objects are called there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from flipgate.core.values.frozen import dataclass
from flipgate.core.values.sides import Side


class Named(Protocol):
    """A service of the application's file, by the names that it declares."""

    @property
    def name(self) -> str: ...
    @property
    def service(self) -> str | None: ...


@dataclass(frozen=True)
class Place:
    """A namespace of the side's own, where each object has the name that the file declares.

    `application.place_of(side)` is the only way to one. Two sides that share one will be told apart here, by
    labels and by names that say the side (docs/decisions/0012-route-kinds.md says what that needs beside it).
    """

    side: Side
    namespace: str

    def __str__(self) -> str:
        return f"{self.side} ({self.namespace})"

    def workload_of(self, service: Named) -> str:
        """What the service's Deployment or CronJob is called here."""
        return service.name

    def service_of(self, service: Named) -> str:
        """What its Kubernetes Service is called here: as the workload, unless the file says otherwise."""
        return service.service or service.name


Places = Mapping[Side, Place]
"""Both sides'."""


def side_at(places: Places, namespace: str) -> Side | None:
    """The side that this namespace holds; None for a namespace that is neither's."""
    return next((side for side, place in places.items() if place.namespace == namespace), None)


def proxied(scheme: str, name: str, port: int | str) -> str:
    """Whom the API server's proxy is to ask: `[https:]NAME:PORT`. Rights on a proxy name it so, too
    (https://kubernetes.io/docs/tasks/access-application-cluster/access-cluster-services)."""
    return f"{name}:{port}" if scheme == "http" else f"{scheme}:{name}:{port}"
