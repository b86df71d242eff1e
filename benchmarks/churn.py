"""Pods of both sides that come and go while users are moved, so that Traefik has more to hear of than the route."""

from __future__ import annotations

import itertools
import threading
import time
from types import TracebackType
from typing import Any, Self

from benchmarks.figures import MeasureError
from benchmarks.stage import Stage
from flipgate.adapters.addresses import address
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from lab.app.behaviour import DRAIN_ANNOTATION

WORKLOAD, SERVICE = "api-all", "api-service"
"""Whose endpoints change: the one that the route names, and what stands behind it."""
LABEL = "benchmark"
NAME = f"{WORKLOAD}-churn"
"""As a ReplicaSet of the workload's own is named, and with its image: pods of nobody who is declared behind a Service
are refused."""
TICK_SECONDS = 0.7
GONE_SECONDS = 60.0
DRAIN_SECONDS = 5.0
"""How long a pod that goes still serves, as by a `preStop` of that length: Traefik may send users to it for as long as
its throttle lasts (2 s)."""
COUNTS = (2, 0, 1, 3, 0)
"""Pods wanted beside the service's own, one tick after the other; the other side is half a turn ahead."""


class Churn:
    """A ReplicaSet of its own on each side whose pods the measured Service selects too, scaled up and down in a thread.

    The service's own pods stay: they hold the WebSockets, and are what flipgate counts.
    """

    def __init__(self, stage: Stage, drain_seconds: float = DRAIN_SECONDS) -> None:
        self._drain_seconds = drain_seconds
        world = stage.world()
        self._cluster = stage.writer(world)
        self._namespaces = [world.application.place_of(side).namespace for side in Side]
        self._over = threading.Event()
        self._failed: FlipgateError | None = None
        self._thread = threading.Thread(target=self._turn, name="churn", daemon=True)
        self._seen: dict[str, set[str]] = {}
        self.changes = 0

    def __enter__(self) -> Self:
        for namespace in self._namespaces:
            self._create(namespace)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Takes them away. Raises MeasureError when scaling had failed on the way, or pods of them do not go."""
        self._over.set()
        self._thread.join()
        for namespace in self._namespaces:
            self._cluster.delete(f"{_replica_sets(namespace)}/{NAME}")
        self._wait_until_gone()
        if self._failed and error is None:
            raise MeasureError(f"pods did not come and go all the time: {self._failed}")

    def _create(self, namespace: str) -> None:
        model = self._cluster.get(address("Deployment", namespace, WORKLOAD))["spec"]["template"]
        labels = {**model["metadata"]["labels"], LABEL: NAME}
        notes = {DRAIN_ANNOTATION: f"{self._drain_seconds:g}"}
        spec: dict[str, Any] = {
            "replicas": 0,
            "selector": {"matchLabels": {LABEL: NAME}},
            "template": {"metadata": {"labels": labels, "annotations": notes}, "spec": model["spec"]},
        }
        meta = {"name": NAME, "namespace": namespace}
        body = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta, "spec": spec}
        self._cluster.create(_replica_sets(namespace), body)

    def _turn(self) -> None:
        try:
            for turn in itertools.count():
                for number, namespace in enumerate(self._namespaces):
                    wanted = COUNTS[(turn + number * 2) % len(COUNTS)]
                    self._cluster.merge(f"{_replica_sets(namespace)}/{NAME}", {"spec": {"replicas": wanted}})
                    self._count(namespace)
                if self._over.wait(TICK_SECONDS):
                    return
        except FlipgateError as error:
            self._failed = error

    def _count(self, namespace: str) -> None:
        """Notes a change of the Service's endpoints since the last look; several within a tick are one."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"
        slices = self._cluster.items(path, labelSelector=f"kubernetes.io/service-name={SERVICE}")
        found = {str(end) for each in slices for end in each.get("endpoints") or ()}
        self.changes += found != self._seen.setdefault(namespace, found)
        self._seen[namespace] = found

    def _wait_until_gone(self) -> None:
        deadline = time.monotonic() + GONE_SECONDS
        selector = f"{LABEL}={NAME}"
        while any(
            self._cluster.items(f"/api/v1/namespaces/{n}/pods", labelSelector=selector) for n in self._namespaces
        ):
            if time.monotonic() > deadline:
                raise MeasureError(f"pods of {NAME} are not gone after {GONE_SECONDS:g} s")
            time.sleep(0.2)


def _replica_sets(namespace: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/replicasets"
