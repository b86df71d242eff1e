"""Where the API server has the objects that flipgate reads and writes: the one place that builds these addresses.

Routes have theirs in `routes.py`: it is found out which API serves them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from flipgate.core.workloads.kinds import KINDS
from flipgate.core.workloads.scaled_objects import KEDA
from flipgate.core.workloads.view import Stamped

HOMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ConfigMap": "/api/v1",
        "Event": "/api/v1",
        "LimitRange": "/api/v1",
        "Pod": "/api/v1",
        "ResourceQuota": "/api/v1",
        "Secret": "/api/v1",
        "Service": "/api/v1",
        "ServiceAccount": "/api/v1",
        **{kind: f"/apis/{row.api}" for kind, row in KINDS.items()},
        "DaemonSet": "/apis/apps/v1",
        "Job": "/apis/batch/v1",
        "HorizontalPodAutoscaler": "/apis/autoscaling/v2",
        "ScaledObject": f"/apis/{KEDA}/v1alpha1",
        "ScaledJob": f"/apis/{KEDA}/v1alpha1",
        "EndpointSlice": "/apis/discovery.k8s.io/v1",
        "Lease": "/apis/coordination.k8s.io/v1",
    }
)
"""The API of each kind."""


def address(kind: str, namespace: str, name: str = "") -> str:
    """One object of a namespace, or without a name all of its kind. Raises KeyError for a kind of no use here."""
    every = f"{HOMES[kind]}/namespaces/{namespace}/{kind.lower()}s"
    return f"{every}/{name}" if name else every


def address_of(each: Stamped) -> str:
    """One object of a side."""
    return address(each.kind, each.namespace, each.name)


def served_address(version: str, kind: str, namespace: str, name: str) -> str:
    """One object of a kind of somebody else's, at the version (`GROUP/VERSION`) that this server serves."""
    return f"/apis/{version}/namespaces/{namespace}/{kind.lower()}s/{name}"


def namespace_address(name: str) -> str:
    """A namespace itself."""
    return f"/api/v1/namespaces/{name}"
