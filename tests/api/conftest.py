"""A real API server for every test of this tier: started once, kept warm between runs, and never faked or skipped.

What a test makes stands in namespaces of its own and stays there: nobody here would delete a namespace's contents.
`flipgate lab down --name flipgate-api` takes it all away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.steps.acting.world import World
from lab.control import labs
from lab.control.records import Lab
from lab.plane.components import ETCD_SOCKET
from tests.api.early import serve_routes
from tests.api.mould import Mould
from tests.api.shop import Shop
from tests.conftest import API_LAB


@pytest.fixture(scope="session")
def lab(tell: Callable[[str], None]) -> Lab:
    """etcd and kube-apiserver; a failure to start is a failure of the test. Kept for the next run, until it is full."""
    return labs.up(API_LAB, tier="api", progress=tell)


@pytest.fixture(scope="session")
def cluster(lab: Lab) -> Cluster:
    """That API server as its admin, with all kinds of routes served."""
    cluster = Cluster.connect(lab.kubeconfig)
    serve_routes(cluster)
    return cluster


@pytest.fixture(scope="session")
def mould(cluster: Cluster, lab: Lab) -> Iterator[Mould]:
    """What each test's shop is made of."""
    with Mould.of(Shop.install(cluster, lab.kubeconfig), lab.dir / ETCD_SOCKET) as mould:
        yield mould


@pytest.fixture
def shop(mould: Mould) -> Shop:
    """A shop of the test's own, live on blue, written down but not adopted."""
    return mould.cast()


@pytest.fixture
def shop_on_paper(cluster: Cluster, lab: Lab) -> Shop:
    """A shop's application and record alone, for what never looks at routes or sides: a third of the requests."""
    return Shop.on_paper(cluster, lab.kubeconfig)


@pytest.fixture
def world(shop: Shop) -> World:
    """The shop adopted, as actor `ana`."""
    return shop.adopted()
