"""Prefect as the flows see it while a simulation runs: runs under keys, suspended and resumed; tasks are calls."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import flows.approval
import flows.opening
import flows.reconcile
import tasks.steps
from flipgate.adapters import runs
from flipgate.core.record.going_on import Run
from flipgate.core.record.pipelines import another_key
from flipgate.core.values.errors import FlipgateError, TemporaryError
from flows.deploy_dark import deploy_dark
from flows.flip_traffic import flip_traffic
from flows.roll_back import roll_back
from flows.scale_down import scale_down
from tests.simulation.apiserver import EPOCH
from tests.simulation.scheduler import Dead, Process, Scheduler

FLOWS: Mapping[str, Any] = {
    "deploy-dark": deploy_dark,
    "flip-traffic": flip_traffic,
    "scale-down": scale_down,
    "roll-back": roll_back,
}
LONGEST_SECONDS = 2700.0
"""How long a run may be at work: the slow way back waits ten minutes, and machines sleep."""
MODULES = ("approval", "deploy_dark", "flip_traffic", "opening", "reconcile", "roll_back", "scale_down")


@contextmanager
def _nobody_looks(*_: Any) -> Iterator[Callable[..., None]]:
    yield lambda *_: None


SHOWN: Mapping[str, Any] = {
    "keep_failure": lambda *_: "",
    "show_checks": lambda *_: None,
    "show_evidence": lambda *_: None,
    "show_graphs": lambda *_: None,
    "showing_pods": _nobody_looks,
    "showing_progress": _nobody_looks,
    "showing_question": _nobody_looks,
}
"""What only shows: artifacts."""


class Suspended(BaseException):
    """What ends a run that waits for a person."""


@dataclass(eq=False)
class SimulatedRun:
    """One run of a pipeline. `state` is one of Prefect's state types."""

    number: int
    pipeline: str
    parameters: dict[str, Any]
    at: float
    state: str = "SCHEDULED"
    process: Process | None = None
    error: BaseException | None = None
    started: datetime | None = None

    @property
    def id(self) -> str:
        return f"00000000-0000-0000-0000-{self.number:012}"

    @property
    def name(self) -> str:
        return f"{self.pipeline} {self.number}"


@dataclass(eq=False)
class Prefect:
    """Runs, and who works on them."""

    scheduler: Scheduler
    open_world: Callable[[str], Any]
    tell: Callable[[str, str], None]
    unexpected: Callable[[str, BaseException], None]
    """Told of a run that ends with an error which is none of flipgate's own."""
    runs: list[SimulatedRun] = field(default_factory=list)
    keys: dict[str, SimulatedRun] = field(default_factory=dict)

    def start(
        self, pipeline: str, parameters: Mapping[str, Any], *, key: str | None = None, at: Any = None, acts: Any = None
    ) -> Run:
        """As adapters/runs.py: the same key is the same run, unless that one will not act."""
        for turn in range(1, runs.RUNS_A_KEY + 1):
            word = another_key(key, turn) if key else f"run-{len(self.runs)}"
            if word not in self.keys:
                when = max((at - EPOCH).total_seconds() if at else 0.0, self.scheduler.now)
                made = SimulatedRun(len(self.runs) + 1, pipeline, dict(parameters), when)
                self.runs.append(made)
                self.keys[word] = made
                self._work_on(made)
            found = self.shown(self.keys[word])
            if key is None or acts is None or acts(found):
                break
        return found

    def shown(self, run: SimulatedRun) -> Run:
        return Run(run.id, run.name, f"run {run.number}", run.state, run.started)

    def ring(self, flow_run: str, *_: Any) -> bool:
        """Resumes a run that waits: it begins again from the top."""
        run = next(each for each in self.runs if each.id == flow_run)
        if run.state != "PAUSED":
            return False
        run.state, run.at = "SCHEDULED", self.scheduler.now
        self._work_on(run)
        return True

    def _work_on(self, run: SimulatedRun) -> None:
        run.process = Process(run.name)
        self.scheduler.spawn(run.name, lambda: self._perform(run), run.process)

    def _perform(self, run: SimulatedRun) -> None:
        self.scheduler.sleep(run.at - self.scheduler.now)
        run.state, run.started = "RUNNING", EPOCH + timedelta(seconds=self.scheduler.now)
        self.scheduler.current.local["run"] = run
        try:
            ended = FLOWS[run.pipeline].fn(**run.parameters)
            run.state = "COMPLETED"
            self.tell(run.name, f"ends: {getattr(ended, 'message', ended)}")
        except Suspended:
            run.state = "PAUSED"
            self.tell(run.name, "waits for a person")
        except Dead:
            raise
        except Exception as error:
            run.state, run.error = "FAILED", error
            if isinstance(error, FlipgateError):
                self.tell(run.name, f"fails: {error}")
            else:
                self.unexpected(run.name, error)

    def cancel(self, run: SimulatedRun) -> None:
        """As a person does in the UI: whatever the run is at, its process is killed."""
        self.tell(run.name, f"is cancelled ({run.state})")
        run.state = "CANCELLED"
        if run.process:
            self.scheduler.kill(run.process)

    def endless(self) -> list[str]:
        """Runs that have been at work for longer than any of them takes."""
        now = EPOCH + timedelta(seconds=self.scheduler.now)
        at_work = [run for run in self.runs if run.state == "RUNNING" and run.started]
        seconds = {run.name: (now - run.started).total_seconds() for run in at_work if run.started}
        return [f"{name} is at work for {since:.0f} s" for name, since in seconds.items() if since > LONGEST_SECONDS]

    def crashed(self) -> None:
        """Runs whose process is dead are CRASHED, as Prefect finds out after a while."""
        for run in self.runs:
            if run.process and run.process.dead and run.state == "RUNNING":
                run.state = "CRASHED"


class Runtime:
    """`prefect.runtime.flow_run`, of the task that runs."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def __getattr__(self, name: str) -> Any:
        task = self._scheduler.current
        run = task.local.get("run")
        return getattr(run, name) if run else task.process.name


def retried(scheduler: Scheduler, task: Any) -> Callable[..., Any]:
    """A task as a plain call, tried again as Prefect would."""

    def call(*args: Any, **named: Any) -> Any:
        for delay in [*task.retry_delay_seconds, None]:
            try:
                return task.fn(*args, **named)
            except TemporaryError:
                if delay is None:
                    raise
                scheduler.sleep(delay)
        return None

    return call


@contextmanager
def in_place(prefect: Prefect) -> Iterator[None]:
    """Puts this in Prefect's place in flows and tasks for the block."""
    scheduler = prefect.scheduler

    def suspend(**_: Any) -> None:
        raise Suspended

    logger = SimpleNamespace(info=lambda *_: None, warning=lambda *_: None)
    with ExitStack() as stack:
        for name, value in vars(tasks.steps).items():
            if hasattr(value, "fn") and hasattr(value, "retry_delay_seconds"):
                stack.enter_context(patch.object(tasks.steps, name, retried(scheduler, value)))
        stack.enter_context(patch.object(runs, "start", prefect.start))
        stack.enter_context(patch.object(runs, "ring", prefect.ring))
        stack.enter_context(patch.object(runs, "answers_of", lambda *_: []))
        stack.enter_context(patch.object(runs, "variables", lambda **_: frozenset()))
        stack.enter_context(patch.object(runs, "url_of", lambda run: f"run {run}"))
        for name in MODULES:
            module = __import__(f"flows.{name}", fromlist=["flows"])
            for attribute, stand_in in (
                ("flow_run", Runtime(scheduler)),
                ("get_run_logger", lambda: logger),
                ("suspend_flow_run", suspend),
                ("url_of", lambda run: f"run {run}"),
                ("applications", lambda _: {"shop": None}),
            ):
                if attribute in vars(module):
                    stack.enter_context(patch.object(module, attribute, stand_in))
        stack.enter_context(
            patch.object(flows.opening, "connect", lambda _, __, actor, known: prefect.open_world(actor))
        )
        for module in (tasks.steps, *(sys.modules[f"flows.{name}"] for name in MODULES)):
            for name in [name for name in vars(module) if name in SHOWN]:
                stack.enter_context(patch.object(module, name, SHOWN[name]))
        yield
