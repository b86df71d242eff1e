"""The steps as Prefect tasks, seen in a run's timeline. Policies only: the bodies are in `flipgate.steps`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from flipgate.adapters import runs
from flipgate.core.gates.hooks import HookPoint, hooks_at
from flipgate.core.gates.proof import Proven
from flipgate.core.record import going_on
from flipgate.core.record.going_on import Run
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.pipelines import DEPLOY_DARK, FLIP_TRAFFIC, ROLL_BACK, SCALE_DOWN, after_key, queue_key
from flipgate.core.record.queue import newest
from flipgate.core.record.record import Question, Record
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.text import SELF_DECLARED
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.moves import Move
from flipgate.steps.acting.world import World
from flipgate.steps.going_back import recover as recovering
from flipgate.steps.going_back import roll_back as rolling_back
from flipgate.steps.going_back.way_back import RolledBack
from flipgate.steps.looking import prove
from flipgate.steps.moving import dark_preview, git_routes, hand_over
from flipgate.steps.releasing import bring_up, clones, flip, migrate, questions, queue, settle, suite
from flipgate.steps.releasing import note_dark as noting
from flipgate.steps.releasing import preflight as preflights
from flipgate.steps.releasing import run_hooks as hooks
from flipgate.steps.watching import points, watch
from tasks.artifacts import show_checks, show_graphs, showing_pods, showing_progress
from tasks.policy import step


@step("recover")
def recover(world: World, patience_seconds: float | None = None) -> recovering.Outcome:
    return recovering.recover(world, patience_seconds=patience_seconds)


@step("open release")
def open_release(world: World, images: Mapping[str, str], opened_by: str, again: str = "") -> Release | str:
    """What became of the build, where nothing has to be brought up: an event told twice is no failure."""
    if not images and not world.store.read().queued:
        return "nothing to do: no image is given, and none waits"
    try:
        release = queue.release_or_queue(world, images, opened_by, again)
    except Refused as refused:
        if refused.reason != Why.ALREADY_LIVE:
            raise
        world.say(str(refused))
        return f"nothing to do: these images are live. Next: {refused.next_command}"
    return release or "waits: it becomes a release once the open one has ended"


@step("wait for other builds", retries=0)
def join_builds(world: World, images: Mapping[str, str], built_by: str, again: str = "") -> Mapping[str, str] | None:
    return queue.join_builds(world, images, built_by, again)


@step("preflight")
def preflight(acting: Acting, release: Release) -> list[Evidence]:
    return preflights.preflight(acting, release)


@step("run hooks")
def run_hooks(acting: Acting, release: Release, point: HookPoint) -> list[Evidence]:
    world = acting.world
    if not hooks_at(world.application.spec.hooks, point):
        return hooks.run_hooks(acting, release, point)
    with showing_progress(world, f"{release.name}: hooks {point}") as moved:
        return hooks.run_hooks(acting, release, point, moved=moved)


@step("look at the databases")
def look_at_databases(acting: Acting, release: Release) -> list[Evidence]:
    return migrate.look_at_databases(acting, release)


@step("make copies of databases")
def make_clones(acting: Acting, release: Release) -> list[Evidence]:
    return clones.make_clones(acting, release)


@step("work on the live databases")
def leave_clones(acting: Acting, release: Release) -> list[Evidence]:
    return clones.leave_clones(acting, release)


@step("expand the databases")
def expand(acting: Acting, release: Release) -> list[Evidence]:
    return migrate.expand(acting, release)


@step("set images and scale up")
def bring_side_up(acting: Acting, release: Release) -> None:
    bring_up.bring_up(acting, release)


@step("wait until Ready")
def wait_ready(acting: Acting, release: Release) -> None:
    timeout = float(acting.world.application.spec.policy.ready_timeout_seconds)
    with showing_pods(acting.world, release) as coming:
        bring_up.wait_ready(acting, release, timeout_seconds=timeout, coming=coming)


@step("scale to the live side's counts")
def scale_to_live(acting: Acting, release: Release) -> Release:
    return bring_up.scale_to_live(acting, release)


@step("check the dark side")
def check_release(acting: Acting, release: Release) -> list[Evidence]:
    title = f"checks of {release.name} on {release.side}"
    try:
        evidence = suite.check_release(acting, release)
    except Refused as refused:
        show_checks(acting.world, title, refused.evidence)
        raise
    show_checks(acting.world, title, evidence)
    return evidence


@step("check the dark side again")
def check_again(world: World, release: Release) -> list[Evidence]:
    return suite.still_passed(world, release)


@step("ask the gates of the dark side")
def ask_dark_gates(acting: Acting, release: Release) -> list[Evidence]:
    return points.need_no_bad_gate(acting.world, release, acting.check_lease)


@step("ask the gates before the move")
def ask_gates(world: World, kind: QuestionKind) -> list[Evidence]:
    return points.need_gates(world, kind)


@step("ask the gates right before the move")
def ask_gates_again(acting: Acting, kind: QuestionKind) -> list[Evidence]:
    return points.need_gates(acting.world, kind, moving=True, may_go_on=acting.check_lease)


@step("note dark")
def note_dark(acting: Acting, release: Release, evidence: list[Evidence]) -> Release:
    return noting.note_dark(acting, release, evidence)


@step("keep the dark preview")
def keep_dark_preview(acting: Acting) -> None:
    dark_preview.keep_dark_preview(acting)


@step("pose the question")
def pose(world: World, kind: QuestionKind, evidence: list[Evidence], flow_run: str) -> Question:
    return questions.pose(world, kind, evidence, flow_run=flow_run, url=runs.url_of(flow_run))


@step("move all users", retries=0)
def move_users(acting: Acting) -> tuple[Move, Proven]:
    return flip.flip(acting)


@step("prove")
def prove_side(world: World, side: Side) -> Proven:
    return prove.prove_moved(world, side, world.proxy.replicas())


@step("hand the workers over")
def hand_over_workers(acting: Acting, release: Release) -> None:
    hand_over.hand_over_workers(acting, release.side, meanwhile=watch.quick_watch(acting.world, release))


@step("put the routes into Git")
def put_routes_into_git(acting: Acting) -> None:
    git_routes.put_routes_into_git(acting, seconds=git_routes.QUICK_SECONDS)


@step("watch")
def watch_side(acting: Acting, release: Release) -> tuple[Evidence, ...]:
    world = acting.world
    title = f"{release.name} watched on {release.side}"
    with showing_progress(world, title) as moved:
        show = partial(show_graphs, world, title)
        glass = acting.record.glass
        return watch.watch(world, release, acting.check_lease, moved=moved, show_graphs=show, glass=glass)


@step("roll back")
def roll_back(world: World, reason: str, by: str, to: Side | None = None, now: bool = False) -> RolledBack:
    return rolling_back.roll_back(world, reason, by=by, to=to, now=now)


@step("put the old side to rest")
def settle_release(acting: Acting, release: str, unseen_by: str = "") -> Release:
    return settle.settle(acting, release, unseen_by=unseen_by)


@step("start the next pipeline")
def start(pipeline: str, parameters: Mapping[str, object], key: str, at: datetime | None = None) -> Run:
    """The run under this key; another, where that one has failed."""
    return runs.start(pipeline, parameters, key=key, at=at, acts=_has_not_failed)


def _has_not_failed(run: Run) -> bool:
    return run.state not in going_on.FAULTY


@step("start what waited")
def start_queued(world: World, record: Record, cluster: str) -> Run:
    """The builds that waited for a release to end, as one."""
    built, name = newest(record), world.application.name
    parameters = {"application": name, "images": {}, "name": built.by.removesuffix(SELF_DECLARED), "cluster": cluster}
    ended = record.newest.name if record.newest else ""
    acts = partial(going_on.will_open, now=world.now())
    return runs.start(DEPLOY_DARK, parameters, key=queue_key(name, built.at, ended), acts=acts)


@step("start the flip")
def start_flip(world: World, release: Release, cluster: str) -> Run | None:
    """Whoever deploys wants a person asked: another run where the one that is there has ended, in whatever way, or
    waits for an answer to a question that is gone. None where the release has gone on meanwhile."""
    record, now = world.store.read(), world.now()
    if record.release is None or record.release.name != release.name or record.phase is not Phase.DARK:
        return None
    parameters = {"application": world.application.name, "release": release.name, "cluster": cluster}
    key = going_on.key_of(record, FLIP_TRAFFIC, now)
    acts = partial(going_on.will_act, record=record, now=now, ended=going_on.ENDED)
    return runs.start(FLIP_TRAFFIC, parameters, key=key, acts=acts)


@step("start what has to go on")
def go_on(world: World, outcome: recovering.Outcome, cluster: str) -> Run:
    """Where something was settled, a new run; else the very run that should be there, which is then only found, or
    one more where that one will not act."""
    record, name = world.store.read(), world.application.name
    release = record.release.name if record.release else ""
    parameters: dict[str, object] = {"application": name, "cluster": cluster}
    at = None
    if outcome.pipeline == ROLL_BACK:
        parameters["reason"] = f"goes on after an interruption: {outcome.fact}"
    elif outcome.pipeline == DEPLOY_DARK:
        parameters["images"] = record.release.images if record.release else {}
    else:
        parameters["release"] = release
    if outcome.pipeline == SCALE_DOWN and record.release:
        at = record.release.settle_after
    now = world.now()
    key = going_on.key_of(record, outcome.pipeline, now, changed=outcome.changed)
    acts = partial(going_on.will_act, record=record, now=now)
    run = runs.start(outcome.pipeline, parameters, key=key, at=at, acts=acts)
    if not acts(run):
        world.say(f"{runs.RUNS_A_KEY} runs of {outcome.pipeline} have ended, the last in {run.state}: none is started")
    return run


@step("start what follows the end")
def go_on_after(world: World, release: Release, cluster: str) -> Run:
    """A run for the hooks that follow the end of this release, where a death has left some. One that has ended, in
    whatever way, has left them, too: users were moved just then, say."""
    name = world.application.name
    parameters = {"application": name, "release": release.name, "cluster": cluster}
    return runs.start(SCALE_DOWN, parameters, key=after_key(name, release.name), acts=_has_not_ended)


def _has_not_ended(run: Run) -> bool:
    return run.state not in going_on.ENDED


@step("end the run that waited")
def end_waiting(world: World, question: Question) -> None:
    world.say(f"expired without a decision: {question.summary}")
    try:
        if question.flow_run:
            runs.ring(question.flow_run, "reject", "nobody decided in time", "flipgate")
    except Refused as refused:  # the form of another version: what else reconcile does must not wait for it
        world.say(f"the run that asked sleeps on: {refused}")
