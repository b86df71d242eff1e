"""The lab itself: one lab for one name, labs side by side, nothing left after a crash, pods that do as told."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from flipgate.adapters.programs import find_program
from flipgate.core.gates.migration import read_version
from flipgate.core.spec.application import load_application
from lab.control import labs
from lab.control.pipelines import Pipelines
from lab.control.records import Lab
from lab.machine import processes
from lab.stories.example import EXAMPLE
from tests.conftest import LAB, end_for_good
from tests.lab.stage import BLUE, NewStage, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def plain(lab: Lab | None) -> Lab:
    """Without the doors that other tests may have had opened since (lab up --metrics, --flux)."""
    assert lab is not None
    return replace(lab, prometheus_url="", alertmanager_url="", git_url="")


def test_up_twice_is_one_lab(lab: Lab) -> None:
    told: list[str] = []
    assert plain(labs.up(LAB, progress=told.append)) == plain(lab)
    assert plain(labs.up(LAB, tier="api", progress=told.append)) == plain(lab), "the full lab serves who needs less"
    assert told == []


def test_side_by_side_and_down_after_the_supervisor_was_killed(lab: Lab) -> None:
    name = f"flipgate-beside-{os.getpid()}"
    try:
        beside = labs.up(name, tier="api", progress=print)
        assert {LAB, name} <= set(labs.names())
        assert beside.api_url != lab.api_url
        assert beside.traefik_url == ""

        (supervisor,) = processes.children(beside.pid)
        family = processes.children(supervisor.pid)
        assert family, "etcd and the API server at least"
        supervisor.kill()
        wait_until("the lab is known to be dead", lambda: labs.status(name).state == "dead")
        wait_until("its processes are gone", lambda: not any(process.alive() for process in family))

        assert labs.down(name)
        assert labs.status(name).state == "absent"
        assert not beside.dir.exists()
        assert not labs.down(name), "there is nothing left to end"
    finally:
        end_for_good(name)
    assert plain(labs.status(LAB).lab) == plain(lab), "the other lab has not noticed"


def test_pods_write_logs_and_do_as_their_annotation_says(new_stage: NewStage) -> None:
    stage = new_stage("pods")

    def tell(behaviour: str) -> None:
        note = f"lab.flipgate.dev/behaviour={behaviour}"
        stage.kubectl("-n", stage.place.blue, "annotate", "--overwrite", "pods", "--all", note)

    tell("errors-100pct")
    wait_until("users get errors", lambda: stage.ask().status_code == 500)
    assert stage.ask("/health").status_code == 200
    served_by = stage.ask().headers["X-Served-Pod"]
    logs = wait_until("the error is logged", lambda: stage.kubectl("-n", stage.place.blue, "logs", served_by))
    assert 'msg="request failed"' in logs

    tell("slow-400ms")
    wait_until("users wait", lambda: stage.ask().elapsed.total_seconds() > 0.4)
    tell("")
    wait_until("all is well", lambda: stage.ask().is_success and stage.ask().elapsed.total_seconds() < 0.4)
    assert stage.answering() == BLUE


def test_its_worker_finds_the_programs_of_the_examples_file_and_the_database_that_they_migrate(
    prefect_server: Pipelines,
) -> None:
    spec = load_application((EXAMPLE / "flipgate.yaml").read_text(), "flipgate.yaml").spec
    env = prefect_server.env()
    named = [task.command for task in spec.tasks if task.command]
    assert len(named) == 1 + len(spec.databases[0].programs)
    for command in named:
        assert isinstance(find_program(command, env), Path), command
    version = spec.databases[0].version.command
    assert version
    folder = Path(env["FLIPGATE_COMMANDS"])
    said = subprocess.run([folder / version[0], *version[1:]], cwd=folder, capture_output=True, text=True, timeout=30)
    assert read_version(said.stdout)
