"""Runs a task's Job on a side, and stops Jobs of tasks where users are about to come.

It is made suspended, and let run by a second, fenced write once the Lease is known to be ours still: one that is made
late runs nothing. Who sends users to a side writes a new stamp on each Job there first, so that the second write of
somebody who is late is refused (docs/decisions/0011-late-writes.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flipgate.adapters.addresses import address, address_of
from flipgate.adapters.logs import last_lines
from flipgate.core.gates.job_check import (
    APPLICATION,
    KEPT_SECONDS,
    RELEASE,
    job_labels,
    job_name,
    job_names,
    job_of,
    left_to_its_end,
)
from flipgate.core.gates.task import Task
from flipgate.core.record.intent import side_of
from flipgate.core.record.intents import RUN_JOBS, StartJob
from flipgate.core.values import stamps
from flipgate.core.values.errors import Conflict, FlipgateError, Forbidden, NotFound, PermanentError, Refused
from flipgate.core.values.foreign import printable, without_secrets
from flipgate.core.values.place import Place
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.job_status import JobSeen, finished, judge_job, newest
from flipgate.core.workloads.standstill import PATIENCE_SECONDS
from flipgate.core.workloads.view import read_stamped
from flipgate.steps.acting.acting import Acting, Authority
from flipgate.steps.acting.journal import journal

LOOK_SECONDS = 1.0
ASK_SECONDS = 5.0
"""How often the caller is asked whether it may go on."""
LATE_SECONDS = 30.0
"""What a Job has after its limit until its controller has to have said so."""
LOG_LINES = 20
TRIES = 3


def run_job(
    acting: Acting,
    side: Side,
    release: str,
    task: Task,
    may_go_on: Callable[[], None],
    spec: Mapping[str, Any] | None = None,
    occasion: str = "",
) -> Evidence:
    """Runs one task's Job, or finds the one that is there, and waits for its end. What keeps it from running is a
    verdict. What `may_go_on` raises is raised: where the release is over, or users have gone, the Job is stopped, else
    by whoever goes on, or at its own limit. `spec` is the Job's, where the file does not have it itself; `occasion`
    makes it another one.
    """
    world, began = acting.world, acting.world.monotonic()
    place = world.application.place_of(side)
    name = job_name(task.noun, task.name, task.written, release, occasion)
    running = _Running(acting, place, name, task, spec or task.job or {})
    try:
        stop_jobs(acting, side, keep=release)
        seen = running.started(release, may_go_on) or running.wait(may_go_on)
    except Refused as over:
        if over.reason in (Why.SUPERSEDED, Why.MOVED_ON):
            running.stop()
        raise
    except Forbidden as error:
        seen = JobSeen(f"not run: {error.named_fact}", Verdict.UNKNOWN)
    output = "\n".join(running.lines)
    more = f"; it wrote last: {' / '.join(running.lines[-3:])}" if running.lines else ""
    fact = f"{seen.fact} (Job {place.namespace}/{name}){more}"
    seconds = round(world.monotonic() - began, 3)
    verdict = seen.verdict or Verdict.UNKNOWN
    return Evidence(task.name, verdict, task.what, str(place), fact, task.wanted, output, seconds)


def stop_jobs(acting: Authority, side: Side, *, keep: str = "") -> None:
    """Suspends each Job of a task that has not ended on this side, by a write that sets a new stamp: users come (or
    another release has, whose Jobs are `keep`), and whoever would still let one run is late. So it does where the file
    has no such task any more, and the journal says that one ran; a migration that runs is left to its end. Raises
    Refused (SideChanged) where somebody else keeps writing them."""
    for job in _jobs_on(acting, side):
        kept = keep and job["metadata"]["labels"].get(RELEASE) == keep
        if not kept and not left_to_its_end(job):
            _stop(acting, job)


def await_migrations(acting: Acting, may_go_on: Callable[[], None], of: Task | None = None) -> None:
    """Waits until no Job of a migration runs on either side, or none `of` this one: nobody stops what a dead run or an
    ended release has left, and two at once on one database may undo each other. What `may_go_on` raises is raised,
    nothing was run by then.

    Raises Refused (MigrationFailed) where one has not ended after its own limit.
    """
    world, began, said = acting.world, acting.world.monotonic(), ""
    begins = job_names(of.name) if of else ""
    while running := [
        job for side in Side for job in _migrations_on(acting, side) if job["metadata"]["name"].startswith(begins)
    ]:
        named = ", ".join(str(read_stamped(job, "Job")) for job in running)
        limit = max(int(job["spec"].get("activeDeadlineSeconds") or 0) for job in running) + LATE_SECONDS
        if world.monotonic() - began > limit:
            raise Refused(
                f"{named}: a migration of before runs, and has not ended within {limit:g} s. No migration was run",
                reason=Why.MIGRATION_FAILED,
                untouched="all databases, both sides and all routes",
            )
        if named != said:
            world.say(f"{named}: a migration of before runs, and is waited for, for at most {limit:g} s")
            said = named
        may_go_on()
        world.sleep(LOOK_SECONDS)


def _migrations_on(acting: Acting, side: Side) -> list[Mapping[str, Any]]:
    try:
        return [job for job in _jobs_on(acting, side) if left_to_its_end(job) and not finished(job)]
    except Forbidden as error:
        acting.world.say(f"whether a migration of before runs on {side} is not known: {error}")
        return []


def _jobs_on(acting: Authority, side: Side) -> Sequence[Mapping[str, Any]]:
    """The Jobs of tasks there; not asked for where the file has no such task, and the journal says of none."""
    world = acting.world
    declared = any(task.makes_job for task in world.application.spec.tasks)
    journal_of = acting.record.journal if acting.record else ()
    ran = any(entry.step in RUN_JOBS and side_of(entry.intent) == side for entry in journal_of)
    if not (declared or ran):
        return ()
    place = world.application.place_of(side)
    selector = f"{APPLICATION}={world.application.name}"
    try:
        return world.cluster.items(address("Job", place.namespace), labelSelector=selector)
    except Forbidden as error:
        if declared:
            raise
        world.say(f"whether a Job of a task that is no longer in the file runs on {side} is not known: {error}")
        return ()


def make_job(
    acting: Acting,
    namespace: str,
    name: str,
    labels: Mapping[str, str],
    spec: Mapping[str, Any],
    seconds: int,
    kept_seconds: int = KEPT_SECONDS,
) -> dict[str, Any]:
    """Makes a Job, suspended; or returns the one that an earlier try of ours has made meanwhile."""
    stamp = acting.new_stamp()
    body = job_of(name, namespace, spec, labels, stamp=stamp, seconds=seconds, kept_seconds=kept_seconds)
    try:
        return acting.cluster.create(address("Job", namespace), body)
    except Conflict:
        return acting.world.cluster.get(address("Job", namespace, name))


def let_run(acting: Acting, job: Mapping[str, Any]) -> None:
    """Lets a Job run that was made suspended. Raises Conflict once anybody of ours has written it since."""
    _set_suspended(acting, job, False)


def _stop(acting: Authority, job: Mapping[str, Any]) -> None:
    found: Mapping[str, Any] | None = job
    each = read_stamped(job, "Job")
    for _ in range(TRIES):
        if found is None or finished(found):
            return None
        try:
            return _set_suspended(acting, found, True)
        except (Conflict, NotFound):
            found = acting.world.cluster.find(address_of(each))
    raise Refused(
        f"was written by somebody else each of {TRIES} times that it was to be stopped",
        obj=str(each),
        reason=Why.SIDE_CHANGED,
        untouched="all routes",
        next_command=f"kubectl -n {each.namespace} describe job {each.name}",
    )


def _set_suspended(acting: Authority, job: Mapping[str, Any], suspended: bool) -> None:
    change = {"op": "add", "path": "/spec/suspend", "value": suspended}
    each = read_stamped(job, "Job")
    if isinstance(acting.epoch, int):
        operations = each.fenced(acting.epoch, acting.new_stamp(), change)
    else:  # a rollback without the record takes no Job: whoever comes after it would have to leave it alone
        stamp = acting.stamp_of(stamps.epoch_of(each.stamp) or 0)
        operations = [*each.tests(), *each.stamping(stamp), change]
    acting.cluster.patch(address_of(each), operations)


@dataclass
class _Running:
    """One Job of a task."""

    acting: Acting
    place: Place
    name: str
    task: Task
    spec: Mapping[str, Any]
    lines: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return address("Job", self.place.namespace, self.name)

    def started(self, release: str, may_go_on: Callable[[], None]) -> JobSeen | None:
        """Makes it and lets it run, as far as that was not done; why it cannot be, where it cannot. Between both it is
        asked whether it may go on: who moves users without the Lease, and has looked for Jobs before this one was
        there, has moved them by then."""
        world = self.acting.world
        labels = job_labels(world.application.name, release, self.task.noun)
        found = world.cluster.find(self.path)
        if found is not None and not _is_ours(found, labels):
            delete = f"kubectl -n {self.place.namespace} delete job {self.name}"
            return JobSeen(f"there is one of that name that is not this release's: {delete}", Verdict.UNKNOWN)
        if found is not None and (finished(found) or not found["spec"].get("suspend")):
            return None
        try:
            with journal(self.acting, StartJob(self.place.side, self.name), part=True) as entry:
                self._start(found, labels, may_go_on)
                entry.outcome = f"Job {self.name} runs on {self.place.side}"
        except Refused as refused:
            if refused.reason != Why.CHECKS_FAILED:
                raise
            not_known = isinstance(refused.__cause__, Forbidden)
            return JobSeen(refused.fact, Verdict.UNKNOWN if not_known else Verdict.FAIL)
        return None

    def _start(self, found: Mapping[str, Any] | None, labels: Mapping[str, str], may_go_on: Callable[[], None]) -> None:
        """Raises Refused (ChecksFailed) where the API server will not have it: the entry is closed, nothing runs."""
        try:
            job = found or self._make(labels)
            self.acting.confirm_lease()  # it may have been made late, after users came: then nobody lets it run
            may_go_on()
            _set_suspended(self.acting, job, False)
        except PermanentError as error:
            raise Refused(f"the API server refuses it: {error.fact}", reason=Why.CHECKS_FAILED) from error

    def _make(self, labels: Mapping[str, str]) -> dict[str, Any]:
        seconds, kept = self.task.timeout_seconds, self.task.kept_seconds
        return make_job(self.acting, self.place.namespace, self.name, labels, self.spec, seconds, kept)

    def stop(self) -> None:
        """Stops it where nobody waits for it any more: late, it would do what its release is judged without."""
        world = self.acting.world
        try:
            if (job := world.cluster.find(self.path)) is not None:
                _stop(self.acting, job)
        except FlipgateError as error:
            world.say(f"Job {self.place.namespace}/{self.name} was not stopped, and ends at its limit: {error}")

    def wait(self, may_go_on: Callable[[], None]) -> JobSeen:
        """How it ended; or, before that, what keeps it from running once that has stood for a while."""
        world = self.acting.world
        began = asked = world.monotonic()
        stuck_since: float | None = None
        while True:
            job = world.cluster.find(self.path)
            if job is None:
                return JobSeen("was deleted while it was waited for", Verdict.UNKNOWN)
            pods = world.cluster.items(address("Pod", self.place.namespace), labelSelector=f"job-name={self.name}")
            seen = judge_job(job, pods, () if pods or finished(job) else self._events())
            if seen.verdict is not None:
                self.lines = self._log(pods)
                return seen
            now = world.monotonic()
            stuck_since = (stuck_since if stuck_since is not None else now) if seen.stuck else None
            limit = self.task.timeout_seconds
            if stuck_since is not None and now - stuck_since >= PATIENCE_SECONDS:
                self.stop()
                return JobSeen(f"{seen.fact}, for {PATIENCE_SECONDS:g} s", Verdict.FAIL)
            if now - began > limit + LATE_SECONDS:
                self.stop()
                return JobSeen(
                    f"has not ended {LATE_SECONDS:g} s after its limit of {limit} s: {seen.fact}", Verdict.FAIL
                )
            if now - asked >= ASK_SECONDS:
                may_go_on()
                asked = now
            world.sleep(LOOK_SECONDS)

    def _events(self) -> list[dict[str, Any]]:
        """What its controller says of it; without the right to list Events, nothing."""
        try:
            named = f"involvedObject.kind=Job,involvedObject.name={self.name}"
            return self.acting.world.cluster.items(address("Event", self.place.namespace), fieldSelector=named)
        except FlipgateError:
            return []

    def _log(self, pods: list[dict[str, Any]]) -> tuple[str, ...]:
        """The last lines of its newest pod, without what looks like a secret: it may have some."""
        if not pods:
            return ()
        pod = newest(pods)
        container = pod["spec"]["containers"][0]["name"]
        try:
            lines = last_lines(
                self.acting.world.cluster,
                self.place.namespace,
                pod["metadata"]["name"],
                container,
                previous=False,
                most=LOG_LINES,
            )
        except FlipgateError as error:
            return (f"(its log could not be read: {error.named_fact})",)
        return tuple(printable(without_secrets(line), 200) for line in lines)


def _is_ours(job: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    found = job["metadata"].get("labels") or {}
    return all(found.get(key) == labels[key] for key in (APPLICATION, RELEASE))
