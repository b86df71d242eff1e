"""Handing workers and CronJobs over, in the declared order, journaled, and the same way back."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from flipgate.core.errors import Conflict, FlipgateError, LostLease, Refused
from flipgate.core.hand_over import Jobs, Turn, next_turn, running_jobs
from flipgate.core.record import HAND_OVER
from flipgate.core.sides import Side
from flipgate.core.view import SideState, Workload, read_workload
from flipgate.steps.journal import journal
from flipgate.steps.look import look_at_side
from flipgate.steps.world import World

TRIES = 5
LOOK_SECONDS = 0.2
SETTLE_SECONDS = 1.0
"""How long after a CronJob was suspended its controller may still start a Job, by what it had read right before."""


def hand_over_workers(world: World, to: Side, *, timeout_seconds: float = 120.0, back: bool = False) -> tuple[str, ...]:
    """What works on the live side only works on `to`, and only there. old-first: never two of it; new-first: never
    none. Does nothing when it is so already.

    Raises Refused when pods are not as wanted in time (WorkersNotReady), or Jobs of the old side run on in the way of
    the new one's (JobsStillRunning). On the way `back` one service's trouble holds up no other's: what is left is
    returned, a sentence each.
    """
    services = world.application.handed_over()
    if not services:
        return ()
    shift = _Shift(world, to, timeout_seconds, back)
    if shift.next_turn() is None:
        return ()
    with journal(world, HAND_OVER, to=str(to)) as entry:
        shift.work()
        moved = sorted(service.name for service in services if service.name not in shift.skip)
        entry.outcome = "; ".join([f"{', '.join(moved) or 'nothing'} run on {to}", *shift.left])
    return tuple(shift.left)


@dataclass
class _Shift:
    """One hand-over under way. Services to `skip` are left as they are; the Jobs of those in `unheeded` may run on."""

    world: World
    to: Side
    timeout_seconds: float
    back: bool
    left: list[str] = field(default_factory=list)
    skip: set[str] = field(default_factory=set)
    unheeded: set[str] = field(default_factory=set)
    sides: dict[Side, SideState] = field(default_factory=dict)

    def next_turn(self) -> Turn | None:
        """What is to be done now, as the world is now."""
        application = self.world.application
        self.sides = {side: look_at_side(self.world, side) for side in Side}
        old, new = self.sides[self.to.other], self.sides[self.to]
        jobs = {name: each for name, each in self._jobs(old).items() if name not in self.unheeded}
        order = application.spec.policy.workers
        return next_turn(application.handed_over(), order, old, new, jobs, skip=self.skip)

    def work(self) -> None:
        """Turn by turn, until there is none left."""
        began, last = time.monotonic(), None
        while turn := self.next_turn():
            if last is None or last.work is not turn.work:
                began = time.monotonic()
            last = turn
            self.world.check_lease()
            if turn.tell:
                self._tell(turn)
            else:
                self._judge_wait(turn, time.monotonic() - began)
                self.world.sleep(LOOK_SECONDS)

    def _jobs(self, old: SideState) -> Jobs:
        """What runs of the CronJobs that are suspended; nothing is asked for where there is none."""
        suspended = [workload for workload in old.workloads.values() if workload.found and workload.suspended]
        if not suspended:
            return {}
        return running_jobs(self.world.cluster.items(f"/apis/batch/v1/namespaces/{old.namespace}/jobs"), suspended)

    def _tell(self, turn: Turn) -> None:
        workloads = [self.sides[turn.side].workloads[name] for name in turn.tell]
        for workload in workloads:
            try:
                self._tell_one(turn, workload)
            except LostLease:
                raise
            except FlipgateError as error:
                if not self.back:
                    raise
                self._leave(workload.name, str(error))
        if not turn.work and any(workload.kind == "CronJob" for workload in workloads):
            self.world.sleep(SETTLE_SECONDS)

    def _tell_one(self, turn: Turn, workload: Workload) -> None:
        count = 0
        if turn.work:
            count = max(1, self.world.application.service(workload.name).replicas)
            self._go_on_from(self.sides[turn.side.other].workloads[workload.name], workload)
        _ask_for(self.world, workload, count)

    def _go_on_from(self, old: Workload, new: Workload) -> None:
        """The schedule goes on where the other side's left off: else what that side started already, this one would
        take for missed, and start once more. Best effort: it is the controller's own field."""
        if not old.last_schedule > new.last_schedule:
            return
        part = {"status": {"lastScheduleTime": old.last_schedule}}
        try:
            self.world.cluster.merge(f"{new.path}/status", part, timeout=5.0)
        except FlipgateError as error:
            self.world.say(f"{new} may start a Job at once that {old} has started already: {error}")

    def _judge_wait(self, turn: Turn, waited: float) -> None:
        """Raises Refused at a limit; where nobody is to be held up, notes what is left, and waits for it no longer."""
        policy = self.world.application.spec.policy
        if turn.jobs and waited >= policy.jobs_timeout_seconds:
            told = _told(turn.jobs)
            if policy.workers == "old-first" and not self.back:
                raise self._jobs_still_running(told, policy.jobs_timeout_seconds)
            self.unheeded |= turn.jobs.keys()
            self._note(f"still running on {turn.side} after {waited:.0f} s, left to end by themselves: {told}")
        if turn.pods and waited > self.timeout_seconds:
            if not self.back:
                raise self._not_ready(turn)
            for name in turn.pods:
                self._leave(name, f"not as wanted on {turn.side} within {self.timeout_seconds:g} s")

    def _leave(self, name: str, why: str) -> None:
        self.skip.add(name)
        self._note(f"{name} was not handed over to {self.to}: {why}")

    def _note(self, sentence: str) -> None:
        self.left.append(sentence)
        self.world.say(sentence)

    def _jobs_still_running(self, told: str, seconds: float) -> Refused:
        namespace = self.world.application.namespace_of(self.to.other)
        return Refused(
            f"still running {seconds:g} s after their CronJobs were suspended: {told}. The new ones wait for them",
            obj=f"Jobs on {self.to.other}",
            reason="JobsStillRunning",
            untouched="these Jobs, and all routes",
            next_command=f"kubectl -n {namespace} get jobs; spec.policy.jobsTimeoutSeconds says how long to wait",
        )

    def _not_ready(self, turn: Turn) -> Refused:
        state = self.sides[turn.side]
        return Refused(
            f"did not get to the wanted count within {self.timeout_seconds:g} s: {', '.join(turn.pods)}",
            obj=f"workers on {turn.side}",
            reason="WorkersNotReady",
            untouched="all routes",
            next_command=f"kubectl -n {state.namespace} get {state.resources}",
        )


def _told(jobs: Jobs) -> str:
    return ", ".join(f"Job {job} of {name}" for name, running in sorted(jobs.items()) for job in running)


def _ask_for(world: World, workload: Workload, count: int) -> None:
    """Read again and tried again while its status changes: a workload that was never stamped has its version for a
    fence. Raises LostLease when a later actor has stamped it.
    """
    for left in reversed(range(TRIES)):
        world.check_lease()
        fence = workload.fence(world.store.epoch)
        try:
            world.cluster.patch(workload.path, [*fence, workload.asking(count)])
            return
        except Conflict:
            if not left:
                raise
            found = world.cluster.find(workload.path)
            workload = read_workload(workload.name, workload.namespace, found, workload.kind)
