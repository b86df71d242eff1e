"""Tasks: a Job, a Job of a service's own pods, or a program; exactly one of them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from flipgate.core.gates.checks import Check
from flipgate.core.gates.task import Task

OWN = {"name": "migrate", "workload": "api", "run": ["migrate", "up"], "timeoutSeconds": 60}


def test_one_of_a_services_own_pods_says_what_it_runs_and_wants() -> None:
    task = Task.model_validate(OWN)
    assert (task.kind, task.makes_job, task.what) == ("workload", True, "Job of api's own pods: migrate up")
    assert task.wanted == "completes within 60 s"


@pytest.mark.parametrize(
    ("keys", "fact"),
    [
        ({"run": None}, 'task "migrate" needs run'),
        ({"workload": None}, "needs exactly one of command, job, workload .it has: none"),
        ({"command": ["migrate"]}, "it has: command and workload"),
        ({"workload": None, "command": ["migrate"]}, "has run, which one with command does not have"),
        ({"run": []}, "at least 1 item"),
        ({"run": ["a\0"]}, "has no NUL"),
        ({"service": "api"}, "service"),
    ],
)
def test_what_cannot_be_meant_is_refused(keys: dict[str, Any], fact: str) -> None:
    with pytest.raises(ValidationError, match=fact):
        Task.model_validate({key: value for key, value in (OWN | keys).items() if value is not None})


def test_a_check_can_be_one_and_is_run_once() -> None:
    check = Check.model_validate(OWN)
    assert (check.kind, check.runs_by_itself, check.asked) == ("workload", True, "")
    with pytest.raises(ValidationError, match="has service, which one with workload does not have"):
        Check.model_validate(OWN | {"service": "api"})
