"""The kinds of routes that the API server has to serve."""

from __future__ import annotations

import time
from pathlib import Path

import yaml

from flipgate.adapters.cluster import Cluster
from flipgate.core.errors import FlipgateError

MANIFESTS = Path(__file__).parent / "manifests"


def serve_routes(cluster: Cluster) -> None:
    """Makes it serve both, and waits until it does.

    For two seconds more it holds back whoever creates the first of them (apiextensions' customresource_handler.go: so
    that other API servers learn of the kind): the earlier, the better.
    """
    crds = [yaml.safe_load(path.read_text()) for path in sorted(MANIFESTS.glob("*.yaml"))]
    for crd in crds:
        cluster.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}", crd)
    for crd in crds:
        _wait_until_served(cluster, f"/apis/traefik.io/v1alpha1/{crd['spec']['names']['plural']}")


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
