"""The story of one release, told as it happens: a real cluster, a real Prefect, users that never stop asking."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from pydantic import SecretStr

from flipgate.adapters import runs
from flipgate.adapters.cluster import Cluster
from flipgate.core.record import ledger
from flipgate.core.record.database_intents import EXPAND_DATABASE
from flipgate.core.record.intents import (
    BRING_UP,
    COMMIT_IMAGES,
    COMMIT_ROUTES,
    HAND_OVER,
    MOVE_ROUTES,
    RELEASE_ROUTES,
    REST_SIDE,
    RUN_HOOK,
    START_JOB,
)
from flipgate.core.record.phases import TERMINAL, Phase
from flipgate.core.record.record import Decision, EntryState, JournalEntry, Question, Record
from flipgate.core.record.release import Release, phase_seconds
from flipgate.core.spec.application import load_application
from flipgate.core.values.who import Speaker
from flipgate.steps.acting.world import DEFAULT_NAMESPACE, World, utc_now
from flipgate.steps.looking.look import look_at_side, look_at_traffic
from flipgate.steps.releasing import setup
from flipgate.steps.releasing.questions import decide
from lab.control import labs, pipelines
from lab.control.pipelines import Pipelines
from lab.control.records import Lab
from lab.load import Load, LoadReport
from lab.machine import paths
from lab.machine.progress import Printer, Progress
from lab.stories import example, gitops
from lab.stories.gitops import Repository
from lab.stories.picture import Span, draw

POLICY: dict[str, Any] = {"bakeSeconds": 10, "bakeIntervalSeconds": 1, "soakSeconds": 10, "readyTimeoutSeconds": 30}
"""Shorter than anybody should be in production; the story says so."""

RATE = 150.0  # requests per second
STEPS = {
    EXPAND_DATABASE: "database expanded",
    BRING_UP: "images set, side scaled up",
    MOVE_ROUTES: "one fenced patch a route",
    HAND_OVER: "workers handed over",
    REST_SIDE: "old side scaled down",
    START_JOB: "a task's Job",
    RUN_HOOK: "a hook",
    COMMIT_IMAGES: "images in the dark overlay",
    COMMIT_ROUTES: "the route in Git",
    RELEASE_ROUTES: "Git says the same",
}
GIVE_UP = 120.0  # seconds without any change of the record while no person is waited for
BLOCK = "example-config"
"""The flipgate-git block of the demo."""
HANDED_ON = ("PREFECT_", "FLIPGATE_", "KUBECONFIG")
"""Of the worker's environment: what somebody at a terminal has, too."""
CRON = "standings-refresh"
"""Nobody built it anew: it stays as it is."""


@dataclass
class Told:
    """What the story has said already, so that each thing is said once."""

    entries: set[tuple[int, str]] = field(default_factory=set)
    questions: set[str] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)


@dataclass
class Stage:
    """All that is up while the story is told."""

    lab: Lab
    pipelines: Pipelines
    world: World
    load: Load
    tell: Progress
    approve: bool
    repository: Repository | None = None
    """Where overlays and route are, if they are in Git."""
    told: Told = field(default_factory=Told)


def run(
    *,
    tag: str,
    approve: bool,
    keep: bool,
    name: str,
    out: TextIO,
    picture: Path | None = None,
    by_git: bool = False,
) -> dict[str, Any]:
    """Plays the whole story and returns its summary; `done` in it says whether it ended as it should. `by_git`:
    overlays and route are in a Git repository, and Flux applies it.

    Whatever happens, Ctrl-C included, nothing is left running unless `keep`. Raises LabError, FlipgateError, LoadError.
    """

    def tell(line: str) -> None:
        print(line, file=out, flush=True)

    began = time.monotonic()
    labs.down(name)
    try:
        stage = _set_up(approve, name, tell, out, by_git)
        with stage.load:
            release = _play(stage, tag)
            _close(stage, release)
            report = _after(stage)
        summary = _summary(stage, release, report, time.monotonic() - began)
        if stage.repository:
            summary["commits"] = stage.repository.log()
        if picture:
            picture.write_text(_picture(release, report))
        if keep:
            _ways_in(stage)
        return summary
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            tell("taking everything down")
            labs.down(name)


def _set_up(approve: bool, name: str, tell: Progress, out: TextIO, by_git: bool) -> Stage:
    with_git = "; Flux's kustomize-controller, and a Git server" if by_git else ""
    tell(f"1/6  a real Kubernetes: etcd, API server, controllers, scheduler, a node, Traefik{with_git}")
    with Printer(out) as progress:
        lab = labs.up(name, flux=by_git, progress=lambda line: progress(f"     {line}"))
    tell("2/6  a real Prefect: server (SQLite) and worker, six deployments")
    with Printer(out) as progress:
        prefect = pipelines.up(lab, lambda line: progress(f"     {line}"))
    os.environ.update({k: v for k, v in prefect.env().items() if k.startswith(HANDED_ON)})
    tell("3/6  the example: nine services and a CronJob live on blue at version 1, green at rest, one live route,")
    tell("     one database (SQLite) that both sides share, at version 1")
    place = example.Place()
    repository = _install_by_git(lab, place, tell) if by_git else None
    if repository is None:
        example.install(lab, place)
    file = example.write_application(lab.dir, place, POLICY, git=repository.section(BLOCK) if repository else None)
    cluster = Cluster.connect(lab.kubeconfig)
    text = file.read_text()
    application = load_application(text, str(file))
    setup.apply_application(cluster, application, text, DEFAULT_NAMESPACE)
    world = World.open(place.application, kubeconfig=lab.kubeconfig)
    setup.adopt(world)
    tell(
        f"     shortened for the demo: {POLICY['readyTimeoutSeconds']} s to get Ready (600 s), bake "
        f"{POLICY['bakeSeconds']} s (300 s), soak {POLICY['soakSeconds']} s (a day)"
    )
    return Stage(lab, prefect, world, Load(lab.traefik_tls_url, place.host, rate=RATE), tell, approve, repository)


def _install_by_git(lab: Lab, place: example.Place, tell: Progress) -> Repository:
    """The example from a repository, and the block by which flipgate may push there."""
    from blocks.git import FlipgateGit  # Prefect takes seconds: not before something is told

    tell("     as its team keeps it: overlays and route in a Git repository, applied by Flux every 5 s")
    repository = gitops.install(lab, place)
    FlipgateGit(token=SecretStr(repository.token)).save(BLOCK, overwrite=True)
    return repository


def _play(stage: Stage, tag: str) -> Release:
    """From the build event to the end of the release."""
    stage.tell(f"4/6  users: {RATE:g} requests a second through Traefik, from now to the end")
    stage.tell(f"5/6  CI says: images at {tag} are built (event {runs.BUILD_COMPLETED})")
    built = {service.name: service.image for service in stage.world.application.spec.services if service.name != CRON}
    _announce_build(stage, {name: f"{repository}:{tag}" for name, repository in built.items()})
    return _follow(stage)


def _announce_build(stage: Stage, images: dict[str, str]) -> None:
    """What a CI job's last line would be: one POST, no flipgate installed."""
    event = {
        "id": str(uuid4()),
        "occurred": utc_now().isoformat(),
        "event": runs.BUILD_COMPLETED,
        "resource": {"prefect.resource.id": f"flipgate.application.{stage.world.application.name}"},
        "payload": {"application": stage.world.application.name, "images": images},
    }
    with stage.pipelines.client() as client:
        client.post("/events", json=[event]).raise_for_status()


def _follow(stage: Stage) -> Release:
    """Tells what the record shows, until the release has ended. Raises RuntimeError when nothing moves any more."""
    moved, before = time.monotonic(), ""
    while True:
        record = stage.world.store.read()
        _tell_news(stage, record)
        if record.release is None and record.last is not None:
            return record.last
        if record.release is not None and record.release.phase in TERMINAL:
            return record.release
        _answer(stage, record)
        stage.load.snapshot()
        now = f"{len(record.journal)}/{record.epoch}/{record.question}/{record.approval}"
        waiting = record.question is not None and record.approval is None
        if now != before or waiting:
            moved, before = time.monotonic(), now
        elif time.monotonic() - moved > GIVE_UP:
            raise RuntimeError(f"nothing has moved for {GIVE_UP:.0f} s; {_failed_runs(stage)}")
        time.sleep(0.1)


def _tell_news(stage: Stage, record: Record) -> None:
    for entry in sorted(record.journal, key=lambda each: each.ended or each.at):
        key = (entry.id, entry.state)
        if key not in stage.told.entries:
            stage.told.entries.add(key)
            if line := _line(entry, record):
                stage.tell(f"     {entry.ended or entry.at:%H:%M:%S}  {line}")


def _line(entry: JournalEntry, record: Record) -> str:
    """A journal entry as a sentence of the story; nothing for what is only bookkeeping."""
    if entry.step == f"Phase:{Phase.DEPLOYING}":
        side = record.release.side if record.release else "?"
        return f"dark side found: {side}; release {entry.release} is opened"
    if entry.step.startswith("Phase:"):
        return f"{entry.step.removeprefix('Phase:'):<12} {entry.outcome}"
    if entry.state is EntryState.BEGUN or entry.step == "Adopt":
        return ""
    return f"{STEPS.get(entry.step, entry.step)}: {entry.outcome}"


def _answer(stage: Stage, record: Record) -> None:
    """Shows a question once, and answers it when the demo was told to."""
    question = record.question
    if question is None or record.approval is not None or not question.flow_run:
        return
    if question.id not in stage.told.questions:
        stage.told.questions.add(question.id)
        for proof in question.evidence:
            stage.tell(f"               {proof.verdict:<7} {proof.gate}: {proof.detail}")
        stage.tell(f"     ?         {question.summary}")
        stage.tell(f"               waiting for your approval: {question.url}")
        stage.tell(f"               (the page asks for a login, which is in {stage.pipelines.login_file})")
        stage.tell(f"               or: {_approve_line(stage)}")
    if stage.approve and question.id not in stage.told.decided and _suspended(stage, question):
        stage.told.decided.add(question.id)
        decide(stage.world, Decision.APPROVE, by=Speaker("demo"), via="demo --approve", reason="the demo was told to")
        runs.ring(question.flow_run, "approve", "the demo was told to", "demo")


def _approve_line(stage: Stage) -> str:
    return f'{_environment(stage)} uv run flipgate approve {stage.world.application.name} --reason "looks good"'


def _environment(stage: Stage) -> str:
    """What a command needs to reach this Prefect and this cluster; the login stays in its file, for people keep what a
    terminal shows."""
    login = f'PREFECT_API_AUTH_STRING="$(cat {stage.pipelines.login_file})"'
    return f"PREFECT_API_URL={stage.pipelines.api_url} {login} KUBECONFIG={stage.lab.kubeconfig}"


def _suspended(stage: Stage, question: Question) -> bool:
    """The question is in the record a moment before its run has gone to sleep; ringing earlier would not be heard."""
    with stage.pipelines.client() as client:
        answer = client.get(f"/flow_runs/{question.flow_run}")
    return bool(answer.json()["state"]["type"] == "PAUSED")


def _failed_runs(stage: Stage) -> str:
    body = {"flow_runs": {"state": {"type": {"any_": ["FAILED", "CRASHED"]}}}}
    with stage.pipelines.client() as client:
        found = client.post("/flow_runs/filter", json=body).json()
    texts = [f"{run['name']}: {run['state']['message']}" for run in found]
    return f"failed runs: {'; '.join(texts) or 'none'}; log: {stage.lab.dir / 'logs' / 'prefect-worker.log'}"


def _close(stage: Stage, release: Release) -> None:
    """What the release has left of its database: the ledger of it; and, where nobody is to go back, its contract."""
    application = stage.world.application.name
    _type(stage, "status", application, only="Database")
    if release.phase is Phase.SETTLED:
        for name in sorted({each.database for each in ledger.to_contract(stage.world.store.read())}):
            _type(stage, "contract", application, "--database", name, "--reason", "the code before is gone")


def _type(stage: Stage, *words: str, only: str = "") -> None:
    """Somebody types this, and the story shows what they read; `only` those lines that have this word."""
    stage.tell(f"     $ flipgate {shlex.join(words)}{f' | grep {only}' if only else ''}")
    command = [sys.executable, "-m", "flipgate.cli", *words]
    ran = subprocess.run(command, cwd=paths.CHECKOUT, capture_output=True, text=True)
    for line in [each for each in ran.stdout.splitlines() if only in each]:
        stage.tell(f"       {line.strip()}")
    if ran.returncode:
        stage.tell(f"       {ran.stderr.strip()}")


def _after(stage: Stage) -> LoadReport:
    """A second more of users after the end, so that what the end broke would be seen."""
    until = stage.load.snapshot().sent + RATE
    deadline = time.monotonic() + 10
    while stage.load.snapshot().sent < until and time.monotonic() < deadline:
        time.sleep(0.05)
    return stage.load.stop()


def _summary(stage: Stage, release: Release, report: LoadReport, seconds: float) -> dict[str, Any]:
    record = stage.world.store.read()
    active = look_at_traffic(stage.world).active
    other = look_at_side(stage.world, release.side.other if active is release.side else release.side)
    last = report.transitions[-1][2] if report.transitions else next(iter(report.by_side), "")
    settled = release.phase is Phase.SETTLED
    return {
        "done": settled and report.failed == 0 and active is release.side and not ledger.to_contract(record),
        "release": release.name,
        "phase": str(release.phase),
        "reason": str(release.changes[-1].reason),
        "message": release.changes[-1].message,
        "active": str(active),
        "answering": last,
        "other_side_replicas": sum(other.replicas.values()),
        "migrations": [str(each) for each in record.migrations],
        "requests_sent": report.sent,
        "requests_failed": report.failed,
        "requests_by_side": dict(report.by_side),
        "failures_by_kind": dict(report.failures_by_kind),
        "first_new_answer_ms": _first_new_answer_ms(record, release, report),
        "first_proof_ms": release.first_new_answer_ms,
        "phases": phase_seconds(release, release.since),
        "seconds": round(seconds, 1),
    }


def _picture(release: Release, report: LoadReport) -> str:
    """What users were answered while the release went through its phases, and two seconds more."""
    begins = [change.at.timestamp() for change in release.changes]
    ends = [*begins[1:], begins[-1] + 2]
    spans = [Span(str(c.phase), b, e) for c, b, e in zip(release.changes, begins, ends, strict=True)]
    return draw(report.times, spans, f"{release.name}: {report.sent:,} requests sent, {report.failed:,} failed")


def _first_new_answer_ms(record: Record, release: Release, report: LoadReport) -> float | None:
    """From the journal's entry right before the patch to the first user who was answered by the new side."""
    moves = [e for e in record.journal if e.step == MOVE_ROUTES and e.release == release.name]
    if not moves:
        return None
    at = moves[0].at.timestamp()
    first = report.first_answer_after(str(release.side), at)
    return round((first - at) * 1000, 1) if first else None


def _ways_in(stage: Stage) -> None:
    stage.tell("kept running:")
    stage.tell(f"     Prefect     {stage.pipelines.ui_url} (its login is in {stage.pipelines.login_file})")
    stage.tell(f"     users' way  {stage.lab.traefik_tls_url} (Host: {stage.world.application.spec.traffic.host})")
    commands = f"FLIPGATE_COMMANDS={os.environ['FLIPGATE_COMMANDS']}"
    stage.tell(f"     export {_environment(stage)} {commands}")
    stage.tell(f"     end it all: uv run flipgate lab down --name {stage.lab.name}")
