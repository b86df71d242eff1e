"""The whole flow from `flipgate approve`: a real Prefect server, a worker that polls every second, flip-traffic."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from benchmarks.figures import MeasureError
from benchmarks.forward import go_dark
from benchmarks.stage import Stage
from flipgate.core.record.intents import MOVE_ROUTES
from flipgate.core.record.pipelines import FLIP_TRAFFIC
from flipgate.core.values.sides import Side
from lab.control import pipelines
from lab.control.pipelines import Pipelines
from lab.machine.progress import Progress

PATIENCE_SECONDS = 240.0
COMMAND_SECONDS = 180.0
BUSY_SECONDS = 30.0
"""Of HTTP 503 that a server on SQLite is given."""
FAILED = frozenset({"FAILED", "CRASHED", "CANCELLED"})
Marks = list[tuple[str, float | None]]


@dataclass(frozen=True)
class Asked:
    """A release that is dark, and the flow run that sleeps until somebody decides."""

    release: str
    to: Side
    run: str


@dataclass(frozen=True)
class Approved:
    """`flipgate approve` from Enter to the prompt, in seconds since the epoch; `decided` is when the record got it,
    None where the flow was through with it before anybody could look."""

    began: float
    ended: float
    decided: float | None


@contextmanager
def prefect(stage: Stage, tell: Progress) -> Iterator[Pipelines]:
    """The lab's Prefect server with its worker; where they are started for this they end with it, and the worker keeps
    bytecode between its runs, as where flipgate is installed."""
    found = pipelines.find(stage.lab)
    if found:
        yield found
        return
    server = pipelines.start_server(stage.lab, tell)
    try:
        tell("Prefect: deploying the pipelines, starting a worker")
        server.deploy()
        server.start_worker({"PYTHONDONTWRITEBYTECODE": ""})
        yield server
    finally:
        pipelines.end_all(stage.lab.dir)


def ask(stage: Stage, server: Pipelines) -> Asked:
    """Version 2 on the dark side by deploy-dark's steps (not its run), and a real run of flip-traffic that has asked
    and sleeps. Raises MeasureError when it does not come to that."""
    release = go_dark(stage.world())
    with server.client() as client:
        found = _json(client, "GET", f"/deployments/name/{FLIP_TRAFFIC}/{FLIP_TRAFFIC}")
        parameters = {"application": stage.place.application, "release": release.name}
        run = _json(client, "POST", f"/deployments/{found['id']}/create_flow_run", {"parameters": parameters})
    asked = Asked(release.name, release.side, str(run["id"]))
    wait_for_run(server, asked, "PAUSED")
    return asked


def approve(stage: Stage, env: Mapping[str, str]) -> Approved:
    """The command as a shell starts it. Raises MeasureError unless the run heard its doorbell."""
    words = ["approve", stage.place.application, "--reason", "a benchmark", "-n", stage.namespace, "-o", "json"]
    command = [sys.executable, "-m", "flipgate.cli", *words]
    began = time.time()
    answer = subprocess.run(command, env=env, capture_output=True, text=True, timeout=COMMAND_SECONDS)
    ended = time.time()
    if answer.returncode or not json.loads(answer.stdout)["rung"]:
        raise MeasureError(f"`flipgate approve` rang nobody: {answer.stdout} {answer.stderr[-1000:]}")
    decided = stage.world().store.read().approval
    return Approved(began, ended, decided.at.timestamp() if decided else None)


def warm_up(env: Mapping[str, str]) -> None:
    """What only the first start pays: files read from disk, bytecode compiled."""
    words = "import flows.flip_traffic, flipgate.cli.approve, flipgate.adapters.runs, prefect.client.orchestration"
    subprocess.run([sys.executable, "-c", words], env=env, capture_output=True, timeout=PATIENCE_SECONDS)


def wait_for_run(server: Pipelines, asked: Asked, wanted: str) -> None:
    """Until the run is in this state. Raises MeasureError when it ends in another, or does not get there in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    with server.client() as client:
        while (state := _json(client, "GET", f"/flow_runs/{asked.run}")["state"])["type"] != wanted:
            if state["type"] in FAILED or time.monotonic() > deadline:
                raise MeasureError(f"the flow of {asked.release} is {state['type']}: {state.get('message')}")
            time.sleep(0.2)


def marks(stage: Stage, server: Pipelines, asked: Asked, approved: Approved, patched: float) -> Marks:
    """What record and Prefect noted on the way from Enter to the patch, read afterwards, in the order it happens in."""
    record = stage.world().store.read()
    entries = [each for each in record.journal if each.step == MOVE_ROUTES and each.release == asked.release]
    with server.client() as client:
        states = _json(client, "GET", f"/flow_run_states/?flow_run_id={asked.run}")
        body = {"flow_runs": {"id": {"any_": [asked.run]}}, "sort": "EXPECTED_START_TIME_ASC", "limit": 200}
        tasks = _json(client, "POST", "/task_runs/filter", body)
    began = approved.began
    state = _finder(((each["type"], each["timestamp"]) for each in states), began)
    running = state("RUNNING") or began
    task = _finder(((each["name"].rpartition("-")[0], each["start_time"]) for each in tasks), running)
    return [
        ("approve: Python, the decision in the record", approved.decided),
        ("approve: Prefect's client, the doorbell", state("SCHEDULED")),
        ("worker: polls and takes the run", state("PENDING")),
        ("flow's process: starts and imports", state("RUNNING")),
        ("flow: opens its World", task("recover")),
        ("flow: recovers, the standing approval, the Lease", task("scale to the live side's counts")),
        ("flow: counts", task("check the dark side")),
        ("flow: checks the dark side", task("move all users")),
        ("move: stamps, counts, targets, sight", entries[0].at.timestamp() if entries else None),
        ("move: the entry's write, the route's read and patch", patched),
    ]


def _finder(found: Any, since: float) -> Callable[[str], float | None]:
    """When each name first came at or after `since`."""
    times = sorted((datetime.fromisoformat(at).timestamp(), name) for name, at in found if at)
    return lambda wanted: next((at for at, name in times if name == wanted and at >= since), None)


def _json(client: httpx.Client, verb: str, path: str, body: Any = None) -> Any:
    """SQLite under writes answers 503 now and then: asked again, as Prefect's own client does."""
    gives_up = time.monotonic() + BUSY_SECONDS
    while True:
        answer = client.request(verb, path, json=body)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > gives_up:
            break
        time.sleep(0.5)
    if answer.is_error:
        raise MeasureError(f"Prefect: {verb} {path}: HTTP {answer.status_code}: {answer.text[:500]}")
    return answer.json()
