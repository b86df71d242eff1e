"""The shops that are walked through every fault, several at once: most of a fault is waiting for its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.control.pipelines import Pipelines
from lab.control.records import Lab
from tests.faults.shops import Shop, Shops
from tests.lab.conftest import lab as lab
from tests.lab.conftest import prefect_server as prefect_server
from tests.lab.prefect_api import PrefectApi

SHOPS = 4


@pytest.fixture
def prefect(prefect_server: Pipelines) -> PrefectApi:
    return PrefectApi(prefect_server)


@pytest.fixture(scope="session")
def shops(lab: Lab) -> Iterator[Shops]:
    """All of them; each case borrows one."""
    made = Shops([Shop.named(lab, f"faults-{number}") for number in range(SHOPS)])
    with pytest.MonkeyPatch.context() as patch:
        # pytest names the test that runs in the environment, and takes it out again: cases beside it, in threads,
        # read the environment meanwhile, and a key that is gone in the middle of that ends them.
        patch.setattr("_pytest.runner._update_current_test_var", lambda *_: None)
        try:
            yield made
        finally:
            made.close()
