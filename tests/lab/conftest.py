"""One lab for all of these tests, kept warm between runs, and a copy of the example application for each test."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.control import labs, pipelines
from lab.control.pipelines import Pipelines
from lab.control.records import Lab
from lab.machine.paths import CHECKOUT
from lab.stories.example import Place
from tests.lab.stage import LAB, Edit, NewStage, Stage


@pytest.fixture(scope="session")
def lab(tell: Callable[[str], None]) -> Lab:
    """The shared lab. One that was started by other code of ours than this is replaced first.

    Raises:
        LabError: It does not start; every test that needs it says so.
    """
    code = _code()
    running = labs.status(LAB).lab
    if running is not None and _stamp(running).exists() and _stamp(running).read_text() != code:
        labs.down(LAB, progress=tell)
    up = labs.up(LAB, progress=tell)
    _stamp(up).write_text(code)
    _sweep(up)
    return up


@pytest.fixture(scope="session")
def prefect_server(lab: Lab, tell: Callable[[str], None]) -> Pipelines:
    """The shared lab's Prefect server and worker."""
    server = pipelines.find(lab) or pipelines.start(lab, tell)
    _pause_reconcile(server)
    return server


def _pause_reconcile(server: Pipelines) -> None:
    """Tests leave things half done on purpose; the one that wants them settled starts the flow itself."""
    with httpx.Client(base_url=server.api_url, trust_env=False, timeout=30) as client:
        found = client.get("/deployments/name/reconcile/reconcile").raise_for_status().json()
        for _ in range(20):  # SQLite under writes answers 503 now and then
            answer = client.patch(f"/deployments/{found['id']}", json={"paused": True})
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.2)
        answer.raise_for_status()


@pytest.fixture
def new_stage(lab: Lab) -> Iterator[NewStage]:
    """Makes copies of the example, removed at the end of the test: `new_stage("name", policy=..., edit=...)`."""
    made: list[Stage] = []

    def new(name: str, policy: Mapping[str, Any] | None = None, edit: Edit | None = None) -> Stage:
        stage = Stage(lab, Place.named(f"t{os.getpid()}-{name}"))
        made.append(stage)
        stage.install(policy, edit)
        return stage

    yield new
    for stage in made:
        stage.remove()


def _code() -> str:
    """What a running lab's processes are made of."""
    folder = CHECKOUT / "lab"
    files = sorted([*folder.rglob("*.py"), *(folder / "manifests").glob("*")])
    return hashlib.sha256(b"".join(file.read_bytes() for file in files if file.name != "pipelines.py")).hexdigest()


def _stamp(up: Lab) -> Path:
    return up.dir / "tests-code"


def _sweep(up: Lab) -> None:
    """Removes what killed runs of these tests left: the names carry the process id."""
    probe = Stage(up, Place())
    for line in probe.kubectl("get", "namespaces", "-o", "name").splitlines():
        name = line.removeprefix("namespace/")
        owner, _, rest = name.removeprefix("t").partition("-")
        if name.startswith("t") and owner.isdigit() and rest.endswith("-blue") and not Path(f"/proc/{owner}").exists():
            Stage(up, Place.named(name.removesuffix("-blue"))).remove()
