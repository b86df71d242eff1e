"""Blocks on a real Prefect server: nobody registered them, and one that is filled in as in the UI is what flows use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flipgate.core.values.errors import BadInput
from lab.control.pipelines import Pipelines
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import NewStage

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


@pytest.fixture
def prefect(prefect_server: Pipelines) -> Iterator[PrefectApi]:
    """The lab's server: by plain HTTP, and as what this process asks through Prefect's own client."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: prefect_server.api_url, PREFECT_API_AUTH_STRING: prefect_server.login}):
        yield PrefectApi(prefect_server)


def test_a_block_made_in_the_ui_opens_its_cluster(new_stage: NewStage, prefect: PrefectApi) -> None:
    from blocks.cluster import connect

    stage = new_stage("block")
    with prefect.block("flipgate-cluster", stage.application, {"kubeconfig": str(stage.lab.kubeconfig)}):
        world = connect(stage.application, stage.application)
        assert world.store.read() == stage.record()


def test_a_block_that_nobody_made_is_refused(prefect: PrefectApi) -> None:
    from blocks.cluster import connect

    with pytest.raises(BadInput, match="block flipgate-cluster/nowhere: does not exist on this Prefect server"):
        connect("sportsdata", "nowhere")
