"""The API server with all it has to serve, begun while other tests run.

`start` runs in a thread, so what a Cluster is connected with is imported here, before: what warns while it is imported
there is an error by the filters of whatever test runs meanwhile.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import kubernetes.config  # noqa: F401
import yaml

from flipgate.adapters.cluster import Cluster
from flipgate.core.values.errors import FlipgateError
from lab.control import labs
from lab.machine.errors import LabError
from lab.plane import build
from tests.conftest import API_LAB

MANIFESTS = Path(__file__).parent / "manifests"


def start() -> None:
    """Quietly, so not where it has to be built first: that takes minutes, and the first api test says how far it is."""
    with suppress(LabError, FlipgateError):
        if build.built(labs.PROGRAMS["api"]):
            serve_routes(Cluster.connect(labs.up(API_LAB, tier="api").kubeconfig))


def serve_routes(cluster: Cluster) -> None:
    """Makes it serve all kinds of routes, and ReferenceGrants, and waits until it does.

    For two seconds more it holds back whoever creates the first of them (apiextensions' customresource_handler.go: so
    that other API servers learn of the kind): the earlier, the better.
    """
    crds = [yaml.safe_load(path.read_text()) for path in sorted(MANIFESTS.glob("*.yaml"))]
    for crd in crds:
        cluster.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}", crd)
    for crd in crds:
        spec = crd["spec"]
        version = f"{spec['group']}/{spec['versions'][0]['name']}"
        _wait_until_served(cluster, f"/apis/{version}/{spec['names']['plural']}")


def _wait_until_served(cluster: Cluster, path: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            cluster.get(path, limit="1")
            return
        except FlipgateError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
