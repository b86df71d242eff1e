"""Hands over what works on the live side only: workers, CronJobs, the consumers of mixed services. It follows the
declared order, writes the journal, and goes back the same way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from flipgate.adapters.addresses import address
from flipgate.core.record.intents import HandOver
from flipgate.core.record.record import EntryState
from flipgate.core.spec.service import Service
from flipgate.core.values.errors import FlipgateError, Forbidden, LostLease, Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.workloads import taken_out
from flipgate.core.workloads.counts import at_work, said_to_stay
from flipgate.core.workloads.hand_over import (
    Jobs,
    Scaled,
    Turn,
    grace_seconds,
    jobs_still_running,
    next_turn,
    running_jobs,
)
from flipgate.core.workloads.standstill import Standstill, standstills
from flipgate.core.workloads.starters import while_live
from flipgate.core.workloads.stateful import going
from flipgate.core.workloads.view import SideState, Workload
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import close_open, journal
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.looking.scaled_objects import find_scaled
from flipgate.steps.looking.standstill import Waiting, need_none
from flipgate.steps.moving.consume import refresh_volumes, set_consuming, unconfirmed
from flipgate.steps.moving.ending import Ending
from flipgate.steps.moving.stamp import stamp_each
from flipgate.steps.moving.start_stop import start, stop

LOOK_SECONDS = 0.2
CONTROLLER_SECONDS = 1.0
"""How long after a CronJob was suspended its controller may still start a Job, by what it had read right before."""


def hand_over_workers(
    acting: Acting,
    to: Side,
    *,
    timeout_seconds: float = 120.0,
    back: bool = False,
    patient: bool = False,
    meanwhile: Callable[[], None] = lambda: None,
) -> tuple[str, ...]:
    """Makes what works on the live side only work on `to`, and only there. With old-first no two work at a time; with
    new-first one always works. Does nothing when it is so already.

    Raises Refused when pods are not as wanted in time (WorkersNotReady), or Jobs of the old side run on in the way of
    the new one's (JobsStillRunning), and whatever `meanwhile` raises, which is called all the time. On the way `back`
    one service's trouble holds up no other's: what is left is returned, a sentence each. Who is `patient` gets a fault
    that may pass (TemporaryError) raised instead, once the others are done, and tries again.
    """
    application, record = acting.application, acting.world.store.read()  # what the old side had was noted since
    gone = {each.name: each for each in taken_out.workers(application, record)}
    services = {each.name: each for each in application.handed_over()} | gone
    if not services:
        close_open(acting, record, HandOver.step, EntryState.DONE, "nothing is handed over any more")
        return ()
    counts = at_work(application.handed_over(), record, to) | taken_out.to_restore(application, record, to)
    shift = _Shift(acting, to, services, gone.keys(), counts, timeout_seconds, back, patient, meanwhile)
    shift.not_awaited |= gone.keys()
    shift.leave_what_is_gone()
    shift.take_scaled()
    turn = shift.next_turn()
    if turn is None:
        close_open(acting, record, HandOver.step, EntryState.DONE, f"found as they are to be, on {to}")
        return tuple(shift.left)
    with journal(acting, HandOver(to), again=True) as entry:
        shift.work(turn)
        shift.report_pinned()
        moved = sorted(shift.counts.keys() - shift.skip)
        stays = said_to_stay(record, to)
        entry.outcome = "; ".join([f"{', '.join(moved) or 'nothing'} run on {to}", *stays, *shift.left])
    return tuple(shift.left)


@dataclass
class _Shift:
    """One hand-over under way."""

    acting: Acting
    to: Side
    services: Mapping[str, Service]
    """What is handed over: the declared ones, and those of either side that were taken out of the file."""
    taken_out: Collection[str]
    """Those of them whose trouble fails no release: each is left then, and said."""
    counts: dict[str, int]
    """What starts there, and with how many pods: as many as work on the other side when it is looked at first, too."""
    timeout_seconds: float
    back: bool
    patient: bool
    meanwhile: Callable[[], None]
    left: list[str] = field(default_factory=list)
    """What could not be handed over or waited for, a sentence each."""
    skip: set[str] = field(default_factory=set)
    """Services that are left as they are."""
    not_awaited: set[str] = field(default_factory=set)
    """CronJobs whose Jobs may run on: of those that were taken out of the file none starts on the other side."""
    start_from: float = 0.0
    """The monotonic time before which nothing is started: a CronJob was suspended right before."""
    waiting: Waiting = field(init=False)
    ending: Ending = field(init=False)
    sides: dict[Side, SideState] = field(default_factory=dict)
    scaled: dict[Side, Scaled] = field(default_factory=dict)
    """KEDA's ScaledObjects of its Deployments."""
    without_keda: bool = False
    """They can be neither read nor written, which was reported: what is handed over is scaled all the same."""
    unconfirmed: dict[tuple[Side, str], str] = field(default_factory=dict)
    """Why a service does not count as being as its object says: pods of a mixed one that do not follow their ConfigMap
    yet, pods of a worker at 0 that still end."""
    moved: dict[tuple[Side, str], tuple[tuple[int, int], float]] = field(default_factory=dict)
    """Of StatefulSets whose pods come and go one by one: pods and Ready ones, and since when there are as many."""

    def __post_init__(self) -> None:
        self.waiting, self.ending = Waiting(self.world), Ending(self.world, self.back, self._report)

    @property
    def world(self) -> World:
        return self.acting.world

    def next_turn(self) -> Turn | None:
        """Returns what is to be done now, from a new look at the world."""
        services = [service for name, service in self.services.items() if name not in self.skip]
        self.sides = {side: look_at_side(self.world, side, services) for side in Side}
        old, new = self.sides[self.to.other], self.sides[self.to]
        for name in self.counts:
            self.counts[name] = max(self.counts[name], old.workloads[name].replicas if name in old.workloads else 0)
        jobs = {name: each for name, each in self._jobs(old).items() if name not in self.not_awaited}
        order = self.world.application.spec.policy.workers
        self.unconfirmed = self._unconfirmed(old if order == "old-first" else new)
        if order == "old-first":
            self.unconfirmed |= self._ending(old)
        self.scaled = self._scaled(services)
        return next_turn(
            services,
            order,
            old,
            new,
            jobs,
            counts=self.counts,
            skip=self.skip,
            unconfirmed=self.unconfirmed.keys(),
            scaled=self.scaled,
        )

    def take_scaled(self) -> None:
        """Stamps the ScaledObjects of both sides: whatever was sent before, to pause one or to let it go, is refused
        from here on."""
        try:
            for found in self._scaled(list(self.services.values())).values():
                stamp_each(self.acting, [each for some in found.values() for each in some])
        except LostLease:
            raise
        except FlipgateError as error:
            self._go_without_keda(error)

    def report_pinned(self) -> None:
        """Says what somebody else keeps from working where it is to work now."""
        place = self.world.application.place_of(self.to)
        for each in (each for some in self.scaled.get(self.to, {}).values() for each in some):
            if problem := while_live(each, place):
                self._report(problem)

    def _scaled(self, services: Collection[Service]) -> dict[Side, Scaled]:
        if self.without_keda:
            return {}
        try:
            return {side: find_scaled(self.world, side, services) for side in Side}
        except FlipgateError as error:
            self._go_without_keda(error)
            return {}

    def _go_without_keda(self, error: FlipgateError) -> None:
        """Goes on where the right is missing, and on the way back in any case: it is said."""
        if self._raises(error) and not isinstance(error, Forbidden):
            raise error
        self.without_keda = True
        self._report(f"KEDA's ScaledObjects of {', '.join(self.services)} are neither paused nor let go: {error}")

    def leave_what_is_gone(self) -> None:
        """Leaves what was taken out of the file and cannot be read, or is to work again and does not exist any more."""
        for name in self.taken_out:
            try:
                sides = {side: look_at_side(self.world, side, [self.services[name]]) for side in Side}
            except FlipgateError as error:
                if self.patient and isinstance(error, TemporaryError):
                    raise
                self._leave(name, str(error))
                continue
            workload = sides[self.to].workloads[name]
            if name in self.counts and not workload.found:
                self._leave_start(name, f"{workload} does not exist")

    def _unconfirmed(self, first: SideState) -> dict[tuple[Side, str], str]:
        """What the pods of mixed services say that differs from their ConfigMap. Pods that cannot be asked are waited
        for on the first side alone, where something starts only after them."""
        found = {}
        for service in (each for each in self.services.values() if each.consume and each.name not in self.skip):
            for state in self.sides.values():
                consume, switch = service.consume, state.switches[service.name]
                if consume is None or not switch.found or (consume.status is None and state is not first):
                    continue
                if why := unconfirmed(self.world, consume, state.workloads[service.name], switch):
                    found[state.side, service.name] = why
        return found

    def _ending(self, old: SideState) -> dict[tuple[Side, str], str]:
        """The workers at 0 some of whose pods still end. A Deployment's status counts none of these
        (kubernetes/pkg/controller: FilterActivePods), and they go on with their work until they have ended."""
        found = {}
        for name, workload in old.workloads.items():
            stopped = workload.found and workload.kind != "CronJob" and not self.services[name].consume
            if not stopped or workload.replicas or workload.ready or not workload.selector:
                continue
            if why := self.ending.why_not(workload):
                found[old.side, name] = why
        return found

    def work(self, turn: Turn | None) -> None:
        """Works off turn after turn, from this one on, until there is none left."""
        began, last = self.world.monotonic(), None
        while turn:
            if last is None or last.work is not turn.work:
                began = self.world.monotonic()
            last = turn
            self.acting.check_lease()
            self.meanwhile()
            if turn.work and (left := self.start_from - self.world.monotonic()) > 0:
                self.start_from = 0.0
                self.world.sleep(left)
            elif turn.change:
                asked = self.world.monotonic()
                self._change(turn)
                began += self.world.monotonic() - asked  # a machine that stood still meanwhile: they had no time yet
            else:
                self._judge_wait(turn, self.world.monotonic() - began)
                self.world.sleep(LOOK_SECONDS)
            turn = self.next_turn()

    def _jobs(self, old: SideState) -> Jobs:
        """Returns the running Jobs of suspended CronJobs; asks for none where no CronJob is suspended."""
        suspended = [
            workload
            for name, workload in old.workloads.items()
            if workload.found and workload.suspended and name not in self.not_awaited
        ]
        if not suspended:
            return {}
        try:
            jobs = self.world.cluster.items(address("Job", old.namespace))
        except FlipgateError as error:
            names = {workload.name for workload in suspended}
            if self._raises(error):
                raise
            if not names <= self.not_awaited:
                self.not_awaited |= names
                self._report(f"Jobs that still run on {old.side} are not waited for: {error}")
            return {}
        return running_jobs(jobs, suspended)

    def _change(self, turn: Turn) -> None:
        workloads = [self.sides[turn.side].workloads[name] for name in turn.change]
        passing: list[TemporaryError] = []
        for workload in workloads:
            try:
                self._change_one(turn, workload)
            except LostLease:
                raise
            except FlipgateError as error:
                if self.patient and isinstance(error, TemporaryError):
                    passing.append(error)
                    continue
                if not self.back and workload.name not in self.taken_out:
                    raise
                (self._leave_start if turn.work else self._leave)(workload.name, str(error))
        if passing:
            raise passing[0]
        if not turn.work and any(workload.kind == "CronJob" for workload in workloads):
            self.start_from = self.world.monotonic() + CONTROLLER_SECONDS

    def _raises(self, error: FlipgateError) -> bool:
        """Whether it ends the hand-over: forward always, back only where somebody tries again."""
        return not self.back or (self.patient and isinstance(error, TemporaryError))

    def _change_one(self, turn: Turn, workload: Workload) -> None:
        service = self.services[workload.name]
        scaled = self.scaled.get(turn.side, {}).get(service.name, ())
        if service.consume:
            set_consuming(self.acting, self.sides[turn.side].switches[service.name], turn.work)
            refresh_volumes(self.acting, workload, turn.work)
        elif turn.work:
            before = self.sides[turn.side.other].workloads[service.name]
            start(self.acting, workload, self.counts[service.name], before, scaled)
        else:
            stop(self.acting, workload, scaled)

    def _judge_wait(self, turn: Turn, waited: float) -> None:
        """Raises Refused at a time limit; on the way back, reports what is left instead, and waits for it no longer."""
        policy = self.world.application.spec.policy
        if turn.jobs and waited >= policy.jobs_timeout_seconds:
            told = ", ".join(f"Job {job} of {name}" for name, jobs in sorted(turn.jobs.items()) for job in jobs)
            if policy.workers == "old-first" and not self.back:
                namespace = self.world.application.place_of(turn.side).namespace
                raise jobs_still_running(turn.side, namespace, told, policy.jobs_timeout_seconds)
            self.not_awaited |= turn.jobs.keys()
            self._report(f"still running on {turn.side} after {waited:.0f} s, left to end by themselves: {told}")
        late = [name for name in turn.pods if not self._only_waits(name)]
        if turn.work:
            self._judge_stuck(self.waiting.stuck(self.sides[turn.side], late, passing=self.back))
            late = [name for name in late if name in self.counts]
        overdue = [name for name in late if self._since_it_moved(turn, name, waited) > self._limit(turn, name)]
        if overdue:
            if not self.back and any(name not in self.taken_out for name in overdue):
                raise self._not_ready(turn, overdue, max(self._limit(turn, name) for name in overdue))
            for name in overdue:
                why = f"not as wanted on {turn.side} within {self._limit(turn, name):g} s"
                if turn.work:
                    self._leave_start(name, "; ".join([why, *self._held_up(turn, [name])]))
                else:
                    self._leave(name, why)

    def _limit(self, turn: Turn, name: str) -> float:
        """How long it is waited for: a worker that stops may take its time to end what it has begun, and its pods say
        how much."""
        return self.timeout_seconds + (0.0 if turn.work else grace_seconds(self.sides[turn.side].workloads[name]))

    def _since_it_moved(self, turn: Turn, name: str, waited: float) -> float:
        """How long it has been waited for; where pods come and go one by one, for each of them anew."""
        workload, now = self.sides[turn.side].workloads[name], self.world.monotonic()
        if not (workload.stateful and workload.stateful.one_by_one):
            return waited
        counts, since = self.moved.get((turn.side, name), ((-1, -1), now))
        found = workload.pods, workload.ready
        self.moved[turn.side, name] = (found, now if found != counts else since)
        return min(waited, now - self.moved[turn.side, name][1])

    def _judge_stuck(self, stuck: tuple[Standstill, ...]) -> None:
        """Raises Refused at once for what does not come up by waiting: nothing works meanwhile, or all works twice. On
        the way back it is waited for no longer."""
        if not self.back:
            ours = [each for each in stuck if each.service not in self.taken_out]
            need_none(ours, obj=f"workers on {self.to}", untouched="all routes", reason=Why.WORKERS_NOT_READY)
        for each in stuck:
            self._leave_start(each.service, f"{each.fact} ({each.command})")

    def _held_up(self, turn: Turn, names: list[str]) -> list[str]:
        """What keeps them from coming up, where the cluster says it: it may pass, and has not."""
        return [each.fact for each in standstills(self.sides[turn.side], names)] if turn.work else []

    def _only_waits(self, name: str) -> bool:
        """Whether the service declares a waiting time instead of a status to ask for."""
        consume = self.services[name].consume
        return consume is not None and consume.status is None

    def _leave_start(self, name: str, why: str) -> None:
        """Waits no longer for it to work on the side it goes to: what was asked for there comes up once it can. On the
        other side it stops all the same, for users have left that."""
        self.counts.pop(name, None)  # two things may keep one from coming up
        self._report(f"{name} was not handed over to {self.to}: {why}")

    def _leave(self, name: str, why: str) -> None:
        self.skip.add(name)
        self._report(f"{name} was not handed over to {self.to}: {why}")

    def _report(self, sentence: str) -> None:
        self.left.append(sentence)
        self.world.say(sentence)

    def _not_ready(self, turn: Turn, late: list[str], limit: float) -> Refused:
        state = self.sides[turn.side]
        turns = self.waiting.turns if turn.work else {name: going(state.workloads[name]) for name in late}
        whys = {name: self.unconfirmed.get((turn.side, name)) or turns.get(name) for name in late}
        said = [f"{name} ({why})" if why else name for name, why in whys.items()]
        return Refused(
            "; ".join([f"not as wanted within {limit:g} s: {', '.join(said)}", *self._held_up(turn, late)]),
            obj=f"workers on {turn.side}",
            reason=Why.WORKERS_NOT_READY,
            untouched="all routes",
            next_command=f"kubectl -n {state.namespace} get {state.resources}",
        )
