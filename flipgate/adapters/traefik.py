"""Traefik's pods, each asked by itself through the API server's pod proxy: a kubeconfig is all it needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import Reader
from flipgate.adapters.connection import READ_SECONDS
from flipgate.core.gates.traefik_counters import REQUESTS, STARTED, Reading
from flipgate.core.spec.traffic import TrafficSpec
from flipgate.core.traffic.throttle import throttle_of
from flipgate.core.traffic.traefik_arguments import arguments_of
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.core.workloads.view import pod_ready

COUNTERS_SECONDS = 3.0
MOST_BYTES = 32 * 1_048_576
"""Of one replica's metrics: a busy Traefik has tens of thousands of lines."""


class TraefikPods:
    """A `Proxy` (adapters/proxy.py): its replicas are Traefik's Ready pods."""

    def __init__(self, cluster: Reader, traffic: TrafficSpec) -> None:
        self.name = "Traefik"
        self._cluster, self._spec, self._scheme = cluster, traffic.traefik, traffic.scheme

    def replicas(self, *, timeout: float = READ_SECONDS) -> list[str]:
        """The names of Traefik's Ready pods. Raises Refused (NoTraefik) when there are none."""
        spec, alive = self._spec, self._alive(timeout)
        ready = sorted(p["metadata"]["name"] for p in alive if pod_ready(p))
        if not ready:
            others = ", ".join(sorted(p["metadata"]["name"] for p in alive))
            raise Refused(
                f"no {'Ready' if others else 'running'} pod matches {spec.selector}"
                + (f" (running, but not Ready: {others})" if others else ""),
                obj=f"Traefik in namespace {spec.namespace}",
                reason=Why.NO_TRAEFIK,
                untouched="all routes",
                next_command=f"kubectl -n {spec.namespace} get pods -l {spec.selector}",
            )
        return ready

    def throttles(self, providers: Collection[str]) -> dict[str, float]:
        """As each pod was started."""
        pods = {pod["metadata"]["name"]: arguments_of(pod) for pod in self._alive(READ_SECONDS)}
        found = {name: throttle_of(arguments, providers) for name, arguments in pods.items()}
        return {name: seconds for name, seconds in found.items() if seconds is not None}

    def _alive(self, timeout: float) -> list[dict[str, Any]]:
        """Its pods that run, and are not about to end."""
        spec = self._spec
        pods = self._cluster.items(address("Pod", spec.namespace), timeout=timeout, labelSelector=spec.selector)
        return [p for p in pods if p["status"].get("phase") == "Running" and not p["metadata"].get("deletionTimestamp")]

    def get(self, replica: str, host: str, path: str, *, headers: Mapping[str, str], timeout: float) -> Answer:
        """At the entry point that users come through."""
        spec = self._spec
        port = spec.https_port if self._scheme == "https" else spec.port
        return self._cluster.through_pod(
            spec.namespace, replica, port, path, host=host, headers=headers, scheme=self._scheme, timeout=timeout
        )

    def counters(self, replica: str, services: Collection[str], *, timeout: float = COUNTERS_SECONDS) -> Reading:
        """By its own /metrics, at `metricsPort`. No such counter is no request.

        Raises TemporaryError when it does not answer, or with something else than metrics.
        """
        namespace, port = self._spec.namespace, self._spec.metrics_port or 0
        scheme = self._spec.metrics_scheme
        answer = self._cluster.through_pod(
            namespace, replica, port, "/metrics", host="localhost", scheme=scheme, timeout=timeout, most=MOST_BYTES
        )
        if answer.status != 200:
            raise TemporaryError(f"HTTP {answer.status} from /metrics at port {port}", obj=replica)
        if answer.unread:
            raise TemporaryError(f"/metrics at port {port} cannot be read: {answer.unread}", obj=replica)
        text = answer.body.decode(errors="replace")
        lines = [line for line in text.splitlines() if line.startswith((REQUESTS, STARTED))]
        try:
            return _read(lines, services)
        except Exception as error:  # any at all: it is another's parser, on a body that may be anybody's
            raise TemporaryError(f"/metrics at port {port} is not in Prometheus' text format", obj=replica) from error

    def look_into(self, replica: str = "", *, host: str = "") -> str:
        """Its log."""
        logs = f"kubectl -n {self._spec.namespace} logs"
        return f"{logs} {replica}" if replica else f"{logs} -l {self._spec.selector} --since=1m"


def _read(lines: list[str], services: Collection[str]) -> Reading:
    """Only these lines are parsed: a busy Traefik has tens of thousands."""
    from prometheus_client.parser import text_string_to_metric_families

    samples = [sample for family in text_string_to_metric_families("\n".join(lines)) for sample in family.samples]
    if not samples:
        raise ValueError("neither requests nor a start")
    started = next((sample.value for sample in samples if sample.name == STARTED), 0.0)
    counted = [sample for sample in samples if sample.name == REQUESTS]
    ours = {
        tuple(sorted(each.labels.items())): each.value for each in counted if each.labels.get("service") in services
    }
    return Reading(ours, started, blank=not counted)
