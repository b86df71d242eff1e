"""Prefect as its users reach it without our code: plain HTTP, as curl, the UI and other programs do."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from flipgate.adapters.runs import BUILD_COMPLETED
from lab.control.pipelines import Pipelines
from tests.lab.stage import wait_until

TERMINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
COMING = frozenset({"SCHEDULED", "PENDING"})
WAITING = frozenset({"PAUSED"})
PATIENCE = 200.0
TURNS = 3
BUSY = 30.0  # seconds of HTTP 503 that a server on SQLite is given


@dataclass(frozen=True)
class PrefectApi:
    """One server, by its API's address."""

    server: Pipelines

    @property
    def url(self) -> str:
        return self.server.api_url

    def build_completed(self, application: str, images: Mapping[str, str]) -> dict[str, Any]:
        """The event that a CI sends when a build has ended; not sent yet."""
        return {
            "id": str(uuid4()),
            "occurred": datetime.now(UTC).isoformat(),
            "event": BUILD_COMPLETED,
            "resource": {"prefect.resource.id": f"flipgate.application.{application}"},
            "payload": {"application": application, "images": dict(images)},
        }

    def emit(self, event: Mapping[str, Any]) -> None:
        self._call("POST", "/events", [event])

    def start(self, pipeline: str, parameters: Mapping[str, Any], env: Mapping[str, str] | None = None) -> str:
        """A run as the UI's Custom Run makes it, `env` being its job variables; its id."""
        deployment = self._call("GET", f"/deployments/name/{pipeline}/{pipeline}")
        body: dict[str, Any] = {"parameters": dict(parameters), "state": {"type": "SCHEDULED"}}
        if env:
            body["job_variables"] = {"env": dict(env)}
        if own := {key: value for key, value in (env or {}).items() if key.startswith("PREFECT_")}:
            words = ["env", *(f"{key}={value}" for key, value in own.items()), "python", "-m", "prefect.engine"]
            body["job_variables"]["command"] = shlex.join(words)
        return str(self._call("POST", f"/deployments/{deployment['id']}/create_flow_run", body)["id"])

    def taken_up(self, pipeline: str, parameters: Mapping[str, Any], env: Mapping[str, str] | None = None) -> str:
        """The same, once the worker has taken it up. It may fail to start one (its server says 503 while SQLite is
        busy): then another is made, as reconcile's next turn would."""
        for _ in range(TURNS):
            run = self.start(pipeline, parameters, env)
            wait_until(f"run {run} to begin", lambda run=run: self.state(run) not in COMING, PATIENCE)  # type: ignore[misc]
            if "Failed to submit" not in str(self.flow_run(run)["state"].get("message")):
                break
        return run

    @contextmanager
    def on_schedule(self, pipeline: str, application: str, *, in_seconds: float) -> Iterator[None]:
        """A pipeline's deployment once more, on its own schedule and for one application: the next turn comes
        `in_seconds` from now. Taken away again, with the runs that it has still to come."""
        kept = ("flow_id", "entrypoint", "path", "pull_steps", "work_pool_name", "work_queue_name", "job_variables")
        like = self._call("GET", f"/deployments/name/{pipeline}/{pipeline}")
        anchor = (datetime.now(UTC) + timedelta(seconds=in_seconds)).isoformat()
        # Should the first turn be over before the server has made its run, another comes soon.
        schedules = [{**each["schedule"], "anchor_date": anchor, "interval": 60} for each in like["schedules"]]
        assert schedules, f"{pipeline} is on no schedule"
        made = {key: like[key] for key in kept} | {
            "name": f"{pipeline}-{application}",
            "parameters": {"application": application},
            "schedules": [{"schedule": schedule, "active": True} for schedule in schedules],
        }
        deployment = self._call("POST", "/deployments/", made)["id"]
        try:
            yield
        finally:
            self._call("DELETE", f"/deployments/{deployment}")

    def flow_run(self, run: str) -> dict[str, Any]:
        """Everything the server says of one run."""
        found: dict[str, Any] = self._call("GET", f"/flow_runs/{run}")
        return found

    def scheduled_runs(self, pipeline: str, application: str) -> list[dict[str, Any]]:
        """The runs that the server's own scheduler made of `on_schedule`'s deployment, the next one first."""
        body = {
            "deployments": {"name": {"any_": [f"{pipeline}-{application}"]}},
            "sort": "EXPECTED_START_TIME_ASC",
            "limit": 200,
        }
        return [run for run in self._call("POST", "/flow_runs/filter", body) if run["auto_scheduled"]]

    def runs(self, pipeline: str, application: str) -> list[dict[str, Any]]:
        """All runs of a pipeline for one application, oldest first."""
        body = {"deployments": {"name": {"any_": [pipeline]}}, "sort": "EXPECTED_START_TIME_DESC", "limit": 200}
        found = self._call("POST", "/flow_runs/filter", body)
        ours = [run for run in found if run["parameters"].get("application") == application]
        return sorted(ours, key=lambda run: str(run["created"]))

    def resume(self, run: str, form: Mapping[str, str] | None) -> str:
        """Resumes a run as the UI does; the server's verdict (ACCEPT, REJECT, ABORT), which comes with HTTP 200."""
        body = {} if form is None else {"run_input": dict(form)}
        return str(self._call("POST", f"/flow_runs/{run}/resume", body)["status"])

    def state(self, run: str) -> str:
        """The type of a run's state, such as RUNNING."""
        return str(self._call("GET", f"/flow_runs/{run}")["state_type"])

    def wait_for_run(self, pipeline: str, application: str) -> str:
        """The first run of a pipeline for one application, once there is one."""
        runs = wait_until(f"a run of {pipeline} for {application}", lambda: self.runs(pipeline, application), PATIENCE)
        return str(runs[0]["id"])

    def wait(self, run: str, wanted: str) -> None:
        """Waits for a run to get into a state. Fails the test with the run's log when it ends in another."""
        deadline = time.monotonic() + PATIENCE
        while (state := self.state(run)) != wanted:
            if state in TERMINAL or time.monotonic() > deadline:
                raise AssertionError(f"run {run} is {state}, not {wanted}. Its log:\n{self.log(run)}")
            time.sleep(0.2)

    def wait_for_log(self, run: str, text: str) -> None:
        """Waits for a run to have said this: Prefect brings a run's last lines to the server after its state."""
        try:
            wait_until(f"run {run} to say {text!r}", lambda: text in self.log(run), PATIENCE)
        except AssertionError as late:
            raise AssertionError(f"{late}. Its log:\n{self.log(run)}") from late

    def log(self, run: str) -> str:
        """What a run said."""
        body = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC", "limit": 200}
        return "\n".join(str(line["message"]) for line in self._call("POST", "/logs/filter", body))

    @contextmanager
    def block(self, kind: str, name: str, data: Mapping[str, Any]) -> Iterator[None]:
        """A block of this kind, filled in as in the UI; taken away again."""
        block_type = self._call("GET", f"/block_types/slug/{kind}")["id"]
        schemas = {"block_schemas": {"block_type_id": {"any_": [block_type]}}}
        schema = self._call("POST", "/block_schemas/filter", schemas)[0]["id"]
        document = {"name": name, "block_type_id": block_type, "block_schema_id": schema, "data": dict(data)}
        made = self._call("POST", "/block_documents/", document)["id"]
        try:
            yield
        finally:
            self._call("DELETE", f"/block_documents/{made}")

    def pause(self, pipeline: str) -> None:
        """Takes a pipeline off its schedule."""
        deployment = self._call("GET", f"/deployments/name/{pipeline}/{pipeline}")["id"]
        self._call("PATCH", f"/deployments/{deployment}", {"paused": True})

    def artifact(self, key: str) -> str:
        """What is shown under this key, the newest (Markdown, or a percentage); empty when there is none."""
        body = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC", "limit": 1}
        found = self._call("POST", "/artifacts/filter", body)
        return str(found[0]["data"]) if found else ""

    def _call(self, verb: str, path: str, body: Any = None) -> Any:
        """SQLite under writes answers 503 now and then: tried again, as `curl --retry` would."""
        deadline = time.monotonic() + BUSY
        while True:
            with self.server.client() as client:
                answer = client.request(verb, path, json=body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        assert answer.is_success, f"{verb} {path}: HTTP {answer.status_code}: {answer.text[:500]}"
        return answer.json() if answer.content else None
