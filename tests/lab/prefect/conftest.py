"""A Prefect server as the lab starts it, with everything deployed and no worker: no Kubernetes is needed for what it
refuses and what it makes of what it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lab.control import pipelines
from lab.control.pipelines import Pipelines
from lab.control.records import Lab


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory, tell: Callable[[str], None]) -> Iterator[Pipelines]:
    """The server; its lab is a folder, and nothing runs in it."""
    folder = tmp_path_factory.mktemp("prefect-alone")
    (folder / "logs").mkdir()
    lab = Lab("prefect-alone", folder, "api", folder / "kubeconfig", "", "", 0, "")
    try:
        server = pipelines.start_server(lab, tell)
        server.deploy()
        yield server
    finally:
        pipelines.end_all(folder)
