"""Starting a pipeline's Prefect run from the command line, and saying so."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from flipgate.cli._print import echo, emit
from flipgate.core.values.errors import FlipgateError, Refused, TemporaryError, Unreachable
from flipgate.core.values.reasons import Why

if TYPE_CHECKING:
    from flipgate.adapters.runs import Ended
    from flipgate.core.record.going_on import Run
    from flipgate.core.record.record import Record
    from flipgate.core.record.release import Stopped
    from flipgate.core.values.who import Speaker
    from flipgate.steps.acting.world import World

LOOK_SECONDS = 1.0
PODS_SECONDS = 3.0
ASKED_SECONDS = 60.0
"""How long the run that asks a person may take to begin, once the dark side is up."""
AWAY_SECONDS = 60.0
"""How long a Prefect server may be away while a run is waited for: it is begun anew in less, and the run goes on."""

block_option = click.option(
    "--cluster",
    "block",
    default=None,
    metavar="BLOCK",
    help="The flipgate-cluster block that the run uses; without it, what the worker's own environment offers.",
)

RUN_DATA = """\
-o json: {"application", "pipeline", "startedBy": null where a run that asks waits already,
          "run": {"id", "name", "url"}}"""


def start_run(
    pipeline: str,
    application: str,
    parameters: Mapping[str, Any],
    block: str | None,
    output: str | None,
    *,
    by: Speaker,
    says_next: bool = True,
) -> Run:
    """Starts the run and prints where to see it, and what to type next, where it `says_next`. Raises
    Refused, NotFound or Unreachable as Prefect does."""
    from flipgate.adapters.runs import start

    where = {"cluster": block} if block else {}
    run = start(pipeline, {"application": application, **parameters, **where})
    said = f"started: run {run.name}"
    _tell(run, pipeline, application, said, output, by=by.name, next_options="--watch" if says_next else None)
    return run


def _tell(
    run: Run,
    pipeline: str,
    application: str,
    said: str,
    output: str | None,
    *,
    by: str | None,
    next_options: str | None,
) -> None:
    """Prints which run it is, where to see it, and what to type next, unless its options are None."""
    if output:
        shown = {"id": run.id, "name": run.name, "url": run.url}
        emit({"application": application, "pipeline": pipeline, "startedBy": by, "run": shown}, output)
        return
    echo(f"{pipeline} of {application} {said}")
    if run.url:
        echo(run.url)
    if next_options is not None:
        echo(f"Next: flipgate status {application} {next_options}".rstrip())


def asks_already(world: World, pipeline: str, record: Record, output: str | None) -> bool:
    """Whether a run of the pipeline sleeps on its question, and says so then: another one would put the question up
    anew, and what is answered on the page before would count for nothing. Prefect is asked for that run; where it does
    not know it, or does not answer, whoever starts a run finds out."""
    from flipgate.adapters.runs import sleeping
    from flipgate.core.record.approvals import answered
    from flipgate.core.record.going_on import asked

    question = asked(record)
    if question is None or not question.flow_run or answered(record) or world.now() > question.expires_at:
        return False
    try:
        run = sleeping(question.flow_run)
    except FlipgateError:
        return False
    if run is None:
        return False
    said = f"waits for a person already: run {run.name}; no other one was started"
    _tell(run, pipeline, record.application, said, output, by=None, next_options="")
    return True


class Pods:
    """How far the pods of a release are that comes up: one look every PODS_SECONDS, and a line where it has changed."""

    def __init__(self, world: World) -> None:
        self._world, self._said, self._next = world, "", float("-inf")

    def news(self, record: Record) -> str:
        """A line that was not said yet; empty where there is none. Never raises: the run says what is wrong."""
        from flipgate.core.record.before_pods import before_pods
        from flipgate.core.record.phases import Phase
        from flipgate.core.workloads.counts import each_of
        from flipgate.steps.looking.look import look_at_coming

        now, release = self._world.monotonic(), record.release
        if release is None or release.phase is not Phase.DEPLOYING or now < self._next:
            return ""
        self._next = now + PODS_SECONDS
        try:
            line = before_pods(record, release) or each_of(look_at_coming(self._world, release))
        except FlipgateError:
            return ""
        before, self._said = self._said, line
        return line if line != before else ""


class Ends:
    """How a run has ended; None while it has not, or while Prefect has been away for AWAY_SECONDS at most."""

    def __init__(self, flow_run: str) -> None:
        self._flow_run, self._heard = flow_run, time.monotonic()

    def __call__(self) -> Ended | None:
        from flipgate.adapters.runs import ended

        try:
            end = ended(self._flow_run)
        except Unreachable:
            if time.monotonic() - self._heard > AWAY_SECONDS:
                raise
            return None
        self._heard = time.monotonic()
        return end


def wait_for_run(run: Run, world: World, seconds: float) -> None:
    """Waits for a run to end, and says each phase that the open release enters meanwhile, and how far its pods are, on
    standard error. Raises Refused (RunFailed) when it ends badly, TemporaryError when it goes on for longer than
    `seconds`, Unreachable when Prefect is away for longer than AWAY_SECONDS."""
    began, said, pods, has_ended = time.monotonic(), "", Pods(world), Ends(run.id)
    while (end := has_ended()) is None:
        record = world.store.read()
        release = record.release
        if release and (line := f"{release.name} {release.phase} ({release.changes[-1].reason})") != said:
            said = line
            echo(f"{time.monotonic() - began:.0f} s  {line}", err=True)
        if line := pods.news(record):
            echo(f"{time.monotonic() - began:.0f} s  {line}", err=True)
        if time.monotonic() - began > seconds:
            raise TemporaryError(
                f"has not ended within {seconds:g} s",
                obj=f"run {run.name}",
                untouched="the run: it goes on",
                next_command=run.url,
            )
        time.sleep(LOOK_SECONDS)
    if not end.well:
        # It failed with one of our errors, as a sentence: what to type next stands there already, if anything does.
        fact, _, command = end.message.rpartition("Next: ")
        raise Refused(
            fact.strip() or command,
            obj=f"run {run.name}",
            reason=Why.RUN_FAILED,
            next_command=command if fact else f"flipgate status {world.application.name}",
        )
    echo(f"{time.monotonic() - began:.0f} s  {end.message}", err=True)


def wait_for_question(world: World, images: Mapping[str, str], before: Record, seconds: float) -> None:
    """Waits, once a dark side is up with these images, until the next run asks a person, who can decide from then on;
    says so, or why nobody is asked yet, on standard error. `before` is the record as it was before the deploy."""
    began, stopped = world.monotonic(), before.release.stopped if before.release else None
    ends = began + min(seconds, ASKED_SECONDS)
    while (told := _asked(world, images, stopped)) is None and world.monotonic() < ends:
        world.sleep(LOOK_SECONDS)
    if told is None:
        told = f"nobody is asked yet. Next: flipgate status {world.application.name}"
    if told:
        echo(told, err=True)


def _asked(world: World, images: Mapping[str, str], before: Stopped | None) -> str | None:
    """What is asked of a dark release with these images, or why nothing is; None while a run is on its way to ask, or
    nobody knows; empty where no such release is dark, or somebody has decided."""
    from flipgate.core.record.phases import Phase
    from flipgate.core.way_back.facts import question_state

    try:
        record = world.store.read()
    except TemporaryError:
        return None
    release, question = record.release, record.question
    if release is None or release.phase is not Phase.DARK or images.items() - release.images.items():
        return ""
    if question and (state := question_state(record, question, world.now())) != "expired":
        return f"asked: {question.summary}" if state == "open" else ""
    if (stop := release.stopped) and stop != before:
        return f"nobody is asked ({stop.reason}): {stop.fact}. Next: flipgate status {world.application.name}"
    return None
