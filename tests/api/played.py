"""Prefect without Prefect: its API played by a local server, and flows called as functions, their tasks too."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import NAMESPACE_URL, uuid4, uuid5

import pytest

from flipgate.steps.acting.world import World
from tests.api.wire import Answer, Handler, serving

VERSION = "3.8.8"


@dataclass
class PlayedPrefect:
    """What `adapters/runs.py` asks of Prefect's API: a deployment by its name, a run by its key, how many wait, a
    doorbell. There are no variables. Each run is as Prefect tells of it; a test that has one end sets its `state_type`.
    """

    runs: list[dict[str, Any]] = field(default_factory=list)
    state: dict[str, Any] | None = None
    """Of each run, for who asks for one."""

    def __call__(self, request: Handler) -> Answer:
        path = request.path.partition("?")[0].removeprefix("/api")
        body = json.loads(request.body or "null")
        if path.startswith("/deployments/name/"):
            return 200, _json(_deployment(path.rpartition("/")[2]))
        if path.endswith("/create_flow_run"):
            return 201, _json(self._run(path.split("/")[2], body))
        if path == "/flow_runs/count":
            return 200, _json(sum(run["state_type"] == "SCHEDULED" for run in self.runs))
        if path == "/variables/filter":
            return 200, b"[]"
        if path == "/admin/version":
            return 200, _json(VERSION)
        if request.command == "GET" and path.startswith("/flow_runs/"):
            return 200, _json(next(run for run in self.runs if path.endswith(run["id"])) | {"state": self.state})
        if path.endswith("/resume"):
            why = {"type": "reject_details", "reason": "is not paused"}
            return 200, _json({"state": None, "status": "REJECT", "details": why})
        return 404, b"{}"

    def of(self, pipeline: str) -> list[dict[str, Any]]:
        """The runs of one pipeline, in the order they were made."""
        return [run for run in self.runs if run["deployment_id"] == _deployment(pipeline)["id"]]

    def _run(self, deployment: str, asked: dict[str, Any]) -> dict[str, Any]:
        """One run for a key, for good."""
        key = asked.get("idempotency_key")
        for run in self.runs:
            if key and run["idempotency_key"] == key:
                return run
        made = {
            "id": str(uuid4()),
            "name": asked.get("name"),
            "flow_id": str(uuid4()),
            "deployment_id": deployment,
            "parameters": asked["parameters"],
            "idempotency_key": key,
            "state_type": "SCHEDULED",
            "start_time": None,
            "expected_start_time": ((asked.get("state") or {}).get("state_details") or {}).get("scheduled_time"),
        }
        self.runs.append(made)
        return made


trusting_once = cache(ssl.create_default_context)
"""Prefect's client reads all root certificates anew for each call, which takes longer than the call, though this server
speaks plain HTTP."""


@contextmanager
def prefect_played(folder: Path) -> Iterator[PlayedPrefect]:
    """While the block runs, that is the Prefect server which PREFECT_API_URL names."""
    from prefect.client import orchestration
    from prefect.settings import PREFECT_API_URL, temporary_settings

    prefect = PlayedPrefect()
    folder.mkdir(exist_ok=True)
    trust = SimpleNamespace(create_default_context=trusting_once, SSLContext=ssl.SSLContext)
    with (
        serving(prefect, folder) as server,
        temporary_settings({PREFECT_API_URL: f"{server.server}/api"}),
        patch.object(orchestration, "ssl", trust),
    ):
        yield prefect


@contextmanager
def played(world: World, run: str = "") -> Iterator[SimpleNamespace]:
    """The flows, as functions of this actor's in this process: each task is its own body, and the run has this id."""
    from flows import approval, build_completed, deploy_dark, flip_traffic, opening, reconcile, scale_down
    from tasks import steps

    def body(name: str) -> Any:
        task = getattr(steps, name)
        return getattr(task, "fn", task)

    bodies = SimpleNamespace(**{name: body(name) for name in dir(steps) if not name.startswith("_")})
    modules: tuple[ModuleType, ...] = (
        approval,
        build_completed,
        deploy_dark,
        flip_traffic,
        opening,
        reconcile,
        scale_down,
    )
    with ExitStack() as stack:
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        for module in modules:
            for name, value in (
                ("task", bodies),
                ("open_world", lambda *_: world),
                ("begin", lambda *_: world),
                ("show_evidence", _nothing),
                ("showing_question", lambda *_: nullcontext()),
            ):
                if hasattr(module, name):
                    patched.setattr(module, name, value)
            if hasattr(module, "flow_run"):
                patched.setattr(module, "flow_run", SimpleNamespace(id=run or str(uuid4()), name="played"))
        patched.setattr(approval, "forms", lambda *_: ([], []))
        yield SimpleNamespace(
            build_completed=build_completed.build_completed.fn,
            deploy_dark=deploy_dark.deploy_dark.fn,
            flip_traffic=flip_traffic.flip_traffic.fn,
            scale_down=scale_down.scale_down.fn,
            reconcile=_reconciling(reconcile),
        )


def _reconciling(module: Any) -> Callable[[World, str], str]:
    """What reconcile does with one application: its gates last."""

    def reconcile(world: World, cluster: str) -> str:
        fact: str = module.reconcile_world(world, cluster)
        module.ask_held(world, cluster)
        return fact

    return reconcile


def _nothing(*_: object) -> None:
    return


def _deployment(name: str) -> dict[str, Any]:
    return {"id": str(uuid5(NAMESPACE_URL, name)), "name": name, "flow_id": str(uuid4())}


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


class SuspendedError(BaseException):
    """The run's process is gone; like Prefect's own signals no Exception."""
