"""Killed at each entry of the journal, by SIGKILL, under load: reconcile brings the application to a named phase."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from flipgate.adapters.addresses import address_of
from flipgate.adapters.cluster import Cluster
from flipgate.core.record.intents import REST_SIDE
from flipgate.core.record.phases import Phase
from flipgate.core.record.pipelines import DEPLOY_DARK, FLIP_TRAFFIC, RECONCILE, ROLL_BACK, SCALE_DOWN
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look_at_side
from lab.control.pipelines import Pipelines
from tests import dying
from tests.faults.shops import Cases, Shop, Shops
from tests.faults.walk import BETWEEN, WALK, Crash
from tests.lab import runbook
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1200)]

UNSEEN = "venue-football-ncaa"
"""A serving service that the load does not ask for."""
ABORT = "abort"


class Case(NamedTuple):
    crash: Crash
    edge: str

    @property
    def number(self) -> int:
        return dying.EDGES.index(self.edge)


CASES = [Case(crash, edge) for crash in WALK for edge in dying.EDGES] + [Case(crash, dying.DONE) for crash in BETWEEN]


@pytest.fixture(scope="module")
def walked(request: pytest.FixtureRequest, shops: Shops, prefect_server: Pipelines) -> Iterator[Cases]:
    prefect = PrefectApi(prefect_server)
    with shops.at_once(request, lambda shop, case: walk(shop, case, prefect)) as cases:
        yield cases


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.crash.id}-{case.edge}")
def test_killed_at(walked: Cases, case: Case) -> None:
    walked.need(case)


def walk(shop: Shop, case: Case, prefect: PrefectApi) -> None:
    """Dies there; then reconcile's own run, and those that it starts, bring it to its phase."""
    crash, n = case.crash, case.number
    shop.again({"soakSeconds": 0} if crash.pipeline == SCALE_DOWN else None)
    PREPARED[crash.pipeline](shop, crash)
    if crash.pipeline in (ABORT, ROLL_BACK):
        words = ["rollback", shop.application, "--reason", "orders fail"]
        shop.typed(*words, env=dying.at(crash.step, case.edge), code=-signal.SIGKILL)
    elif crash.flow:
        run = prefect.taken_up(crash.pipeline, parameters(shop, crash.pipeline), dying.at(crash.step, case.edge))
        prefect.wait(run, "CRASHED")
    else:
        shop.die_at(VERBS[crash.pipeline], crash.step, case.edge, *builds(shop, crash))
    left = shop.record()
    assert left.phase is crash.left[n]
    if crash in WALK:
        assert left.open_entry
        assert left.open_entry.step == crash.step

    if crash.flow:
        shop.reconcile(prefect)
    else:
        shop.goes_on()
    reached = shop.wait_for(crash.reconciled[n])
    if reached is Phase.DARK:
        if crash.flow:
            wait_until("a person is asked", lambda: shop.record().question)
        assert shop.record().approval is None, "it is spent by the move it allowed, even by one that was undone"
    shop.need_agreement()
    shop.need_none_lost()


def parameters(shop: Shop, pipeline: str) -> dict[str, object]:
    """Of the flow run that dies."""
    release = shop.record().release
    if pipeline == DEPLOY_DARK:
        return {"application": shop.application, "images": shop.build()}
    assert release
    return {"application": shop.application, "release": release.name}


def builds(shop: Shop, crash: Crash) -> list[str]:
    """What a deploy is given."""
    images = shop.build() if crash.pipeline == DEPLOY_DARK else {}
    return [f"{name}={image}" for name, image in images.items()]


VERBS = {DEPLOY_DARK: "deploy", FLIP_TRAFFIC: "flip", SCALE_DOWN: "scale-down", RECONCILE: "reconcile"}


def goes_live(shop: Shop, _: Crash) -> None:
    runbook.go_live(shop.world(), shop.build())


def short_by_flipgate(shop: Shop, crash: Crash) -> None:
    """The side that is live was at rest before, and a late write of flipgate's empties one of its services."""
    runbook.deploy_dark(shop.world(), shop.build())
    roll_back(shop.world(), "not tonight", by="tests")
    goes_live(shop, crash)
    record = shop.record()
    assert [entry for entry in record.journal if entry.step == REST_SIDE]
    workload = look_at_side(shop.world(), record.active).workloads[UNSEEN]
    Cluster.connect(shop.lab.kubeconfig).patch(address_of(workload), [workload.asking(0)])


PREPARED: dict[str, Callable[[Shop, Crash], object]] = {
    DEPLOY_DARK: lambda shop, _: None,
    FLIP_TRAFFIC: lambda shop, _: runbook.dark_and_approved(shop.world(), shop.build()),
    SCALE_DOWN: goes_live,
    ABORT: lambda shop, _: runbook.deploy_dark(shop.world(), shop.build()),
    RECONCILE: short_by_flipgate,
    ROLL_BACK: goes_live,
}
"""What was before the crash, by pipeline."""
