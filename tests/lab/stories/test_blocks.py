"""Blocks on a real Prefect server: nobody registered them, and one that is filled in as in the UI is what flows use."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from flipgate.core.values.errors import BadInput
from lab.control.pipelines import Pipelines
from tests.lab.stage import NewStage

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]


@pytest.fixture
def server(prefect_server: Pipelines) -> Iterator[httpx.Client]:
    """The lab's server: plain HTTP, and what this process asks through Prefect's own client."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with (
        temporary_settings({PREFECT_API_URL: prefect_server.api_url}),
        httpx.Client(base_url=prefect_server.api_url, trust_env=False, timeout=30) as client,
    ):
        yield client


def test_a_block_made_in_the_ui_opens_its_cluster(new_stage: NewStage, server: httpx.Client) -> None:
    from blocks.cluster import connect

    stage = new_stage("block")
    kind = server.get("/block_types/slug/flipgate-cluster").raise_for_status().json()
    of_kind = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    (schema, *_) = server.post("/block_schemas/filter", json=of_kind).raise_for_status().json()
    document = {
        "name": stage.application,
        "block_type_id": kind["id"],
        "block_schema_id": schema["id"],
        "data": {"kubeconfig": str(stage.lab.kubeconfig)},
    }
    made = server.post("/block_documents/", json=document).raise_for_status().json()
    try:
        world = connect(stage.application, stage.application)
        assert world.store.read() == stage.record()
    finally:
        server.delete(f"/block_documents/{made['id']}").raise_for_status()


def test_a_block_that_nobody_made_is_refused(server: httpx.Client) -> None:
    from blocks.cluster import connect

    with pytest.raises(BadInput, match="block flipgate-cluster/nowhere: does not exist on this Prefect server"):
        connect("sportsdata", "nowhere")
