"""Traefik's own /metrics, of one replica, by the API server's pod proxy: the requests it has counted."""

from __future__ import annotations

from collections.abc import Collection

from flipgate.adapters.cluster import Cluster
from flipgate.core.gates.traefik_counters import REQUESTS, STARTED, Reading
from flipgate.core.values.errors import TemporaryError

TIMEOUT_SECONDS = 3.0
MOST_BYTES = 32 * 1_048_576
"""Of one replica's metrics: a busy Traefik has tens of thousands of lines."""


def read_counters(
    cluster: Cluster,
    namespace: str,
    pod: str,
    port: int,
    services: Collection[str],
    *,
    timeout: float = TIMEOUT_SECONDS,
) -> Reading:
    """What one replica has counted of these services' requests so far. No such counter is no request.

    Raises TemporaryError when it does not answer, or with something else than metrics.
    """
    answer = cluster.through_pod(namespace, pod, port, "/metrics", host="localhost", timeout=timeout, most=MOST_BYTES)
    if answer.status != 200:
        raise TemporaryError(f"HTTP {answer.status} from /metrics at port {port}", obj=pod)
    if answer.unread:
        raise TemporaryError(f"/metrics at port {port} cannot be read: {answer.unread}", obj=pod)
    lines = [line for line in answer.body.decode(errors="replace").splitlines() if line.startswith((REQUESTS, STARTED))]
    try:
        return _read(lines, services)
    except Exception as error:  # any at all: it is another's parser, on a body that may be anybody's
        raise TemporaryError(f"/metrics at port {port} is not in Prometheus' text format", obj=pod) from error


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
