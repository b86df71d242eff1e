"""One lab for all of these tests, and a copy of the example application for each test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest

from lab.control import labs, pipelines
from lab.control.pipelines import Pipelines
from lab.control.records import Lab
from tests.conftest import LAB
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import NewStage, Stage, copies


@pytest.fixture(scope="session")
def lab(tell: Callable[[str], None]) -> Lab:
    """The shared lab. Raises LabError where it does not start; every test that needs it says so."""
    return labs.up(LAB, progress=tell)


@pytest.fixture(scope="session")
def prefect_server(lab: Lab, tell: Callable[[str], None]) -> Pipelines:
    """The shared lab's Prefect server and worker."""
    let_runs_choose_their_environment(lab)
    server = pipelines.up(lab, tell)
    # Tests leave things half done on purpose; the one that wants them settled starts the flow itself.
    PrefectApi(server).pause("reconcile")
    return server


def let_runs_choose_their_environment(lab: Lab) -> None:
    """The work pool's template as it is shipped, and two variables: tests have a run die by its environment, or reach
    Prefect through a front by its command, for the worker's own address of Prefect comes before that of a run's
    environment. Nobody else's runs choose anything (tests/lab/prefect/test_protecting.py)."""
    template = json.loads(pipelines.TEMPLATE.read_text())
    shipped, words = template["job_configuration"], template["variables"]["properties"]
    words["env"] = {"type": "object", "additionalProperties": {"type": "string"}}
    words["command"] = {"type": "string", "default": shipped["command"]}
    shipped |= {"env": "{{ env }}", "command": "{{ command }}"}
    own = pipelines.own_template(lab)
    own.parent.mkdir(exist_ok=True)
    whole = own.with_suffix(f".{os.getpid()}")  # the other process of the lab's tests may be reading it
    whole.write_text(json.dumps(template))
    whole.replace(own)


@pytest.fixture
def new_stage(lab: Lab) -> Iterator[NewStage]:
    """Makes copies of the example, removed at the end of the test: `new_stage("name", policy=..., edit=...)`."""
    yield from copies(Stage, lab)
