"""A real API server for every test of this tier: started once, shared by all processes, and never faked or skipped.

What a test makes stands in namespaces of its own and stays there: nobody here would delete a namespace's contents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import yaml

from flipgate.adapters.cluster import Cluster
from flipgate.core.record.phases import Phase
from flipgate.steps.acting.world import World
from lab.control import labs
from lab.control.records import Lab
from tests.api.flux import serve_flux
from tests.api.shop import Shop
from tests.api.steps import Install, until_served
from tests.conftest import API_LAB

MANIFESTS = Path(labs.__file__).parent.parent / "manifests"
"""The lab's own."""


@pytest.fixture(scope="session")
def lab(tell: Callable[[str], None]) -> Lab:
    """etcd and kube-apiserver; a failure to start is a failure of the test."""
    return labs.up(API_LAB, tier="api", progress=tell)


@pytest.fixture(scope="session")
def cluster(lab: Lab) -> Cluster:
    """That API server as its admin, with all kinds of routes served."""
    cluster = Cluster.connect(lab.kubeconfig)
    _serve_routes(cluster)
    return cluster


def _serve_routes(cluster: Cluster) -> None:
    """Makes it serve all kinds of routes, ReferenceGrants and ExternalSecrets, and waits until it does."""
    files = [*sorted((Path(__file__).parent / "manifests").glob("*.yaml")), MANIFESTS / "external-secrets.yaml"]
    crds = [yaml.safe_load(path.read_text()) for path in files]
    for crd in crds:
        cluster.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}", crd)
    for crd in crds:
        spec = crd["spec"]
        version = f"{spec['group']}/{spec['versions'][0]['name']}"
        until_served(cluster, f"/apis/{version}/{spec['names']['plural']}")


@pytest.fixture
def shop(cluster: Cluster, lab: Lab) -> Shop:
    """A shop of the test's own: live on blue, written down but not adopted."""
    return Shop.install(cluster, lab.kubeconfig)


@pytest.fixture(scope="module")
def _standing(cluster: Cluster, lab: Lab) -> Shop:
    return Shop.install(cluster, lab.kubeconfig)


@pytest.fixture
def standing(_standing: Shop) -> Shop:
    """A shop that a file's tests share: none changes what of it is in the cluster; each may have another file of it."""
    return replace(_standing)


@pytest.fixture
def imagined(cluster: Cluster, lab: Lab) -> Shop:
    """A shop's file, and nothing of it in the cluster: no request at all."""
    return Shop.named(cluster, lab.kubeconfig)


@pytest.fixture
def shop_on_paper(cluster: Cluster, lab: Lab) -> Shop:
    """A shop's application and record alone, for what never looks at routes or sides: a third of the requests."""
    return Shop.on_paper(cluster, lab.kubeconfig)


@pytest.fixture
def world(shop: Shop) -> World:
    """The shop adopted, as actor `ana`."""
    return shop.adopted()


@pytest.fixture(scope="session")
def install(cluster: Cluster, lab: Lab) -> Install:
    """Makes shops of other shapes, as `Shop.install` is told to."""
    return partial(Shop.install, cluster, lab.kubeconfig)


@pytest.fixture
def two_routes(install: Install) -> Shop:
    """A shop of the test's own with a second route."""
    return install(routes=("live", "back"))


@pytest.fixture
def dark(shop: Shop) -> World:
    """The shop with a new release up on green, which nobody has approved, as actor `pipeline`."""
    return shop.gone_live("pipeline", until=Phase.DARK)


@pytest.fixture
def live(shop: Shop) -> World:
    """The shop with a new release live on green, and blue still up, as actor `pipeline`."""
    return shop.gone_live("pipeline")


@pytest.fixture(scope="session")
def flux_cluster(lab: Lab, cluster: Cluster) -> Cluster:
    """The same API server, with Flux's kinds served."""
    return serve_flux(lab)
