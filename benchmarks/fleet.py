"""Many small applications on one API server, and the real reconcile flow over all of them."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from unittest.mock import patch

from benchmarks.crowd import Crowd
from flipgate.adapters.addresses import namespace_address
from flipgate.adapters.cluster import Cluster
from flipgate.core.values.errors import Conflict
from flipgate.steps.acting.world import DEFAULT_NAMESPACE
from lab.control.records import Lab
from lab.machine.progress import Progress

SERVICES = 2
AT_ONCE = 8
BLOCK = "bench"
ALONE = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
"""For a Prefect server without a way out."""
COUNTED = re.compile(r"^apiserver_request_total\{(.*)\} (\S+)$", re.MULTILINE)
ASKED_OF = ("deployments", "configmaps", "ingressroutes", "horizontalpodautoscalers", "leases", "events")
"""What a reconcile asks for; the server's own controllers ask for other things, too."""


@dataclass(frozen=True)
class Turn:
    """One turn of reconcile in which nothing was to be done."""

    applications: int
    seconds: float
    requests: float
    """For each application."""


def reconciled(lab: Lab, cluster: Cluster, count: int, tell: Progress) -> Turn:
    """Sets so many applications up and reconciles them twice; returns the second turn, which finds all as it was."""
    tell(f"{count} applications: setting up")
    _set_up(lab, cluster, count)
    from prefect.testing.utilities import prefect_test_harness

    with patch.dict(os.environ, ALONE), prefect_test_harness():
        from blocks.cluster import FlipgateCluster
        from flows.reconcile import reconcile

        FlipgateCluster(kubeconfig=str(lab.kubeconfig)).save(BLOCK)
        for turn in ("first", "quiet"):
            tell(f"{count} applications: the {turn} turn")
            before, began = _asked(cluster), time.monotonic()
            reconcile(cluster=BLOCK)
            seconds, requests = time.monotonic() - began, _asked(cluster) - before
    return Turn(count, seconds, requests / count)


def _set_up(lab: Lab, cluster: Cluster, count: int) -> None:
    with suppress(Conflict):  # of a run before
        cluster.create(namespace_address("").rstrip("/"), {"metadata": {"name": DEFAULT_NAMESPACE}})
    run = os.getpid()

    def one(number: int) -> None:
        crowd = Crowd(lab, cluster, f"fleet-{run}-{number}", SERVICES, DEFAULT_NAMESPACE)
        crowd.set_up()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, range(count)))


def _asked(cluster: Cluster) -> float:
    """How many requests for such things the API server has answered so far."""
    text = cluster.text("/metrics", most=64 * 1024 * 1024).decode()
    found = (match for match in COUNTED.finditer(text) if any(f'resource="{word}"' in match[1] for word in ASKED_OF))
    return sum(float(match[2]) for match in found if 'verb="WATCH"' not in match[1])
