"""Opens the way back: at once where the old side is up, else after it was brought up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flipgate.adapters.addresses import address_of
from flipgate.core.record.phases import Reason
from flipgate.core.record.record import Record
from flipgate.core.values.errors import FlipgateError, PermanentError, Refused, TemporaryError
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.text import TEXT_BYTES, fitted
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.way_back import other_images
from flipgate.core.way_back.going_back import runs_unapproved
from flipgate.core.way_back.way_back import may_be_shrinking
from flipgate.core.workloads import taken_out
from flipgate.core.workloads.autoscalers import READ as AUTOSCALERS
from flipgate.core.workloads.content import gets_anew
from flipgate.core.workloads.counts import at_work, counts_that_matter, enough, scaled_up, short_of, without_pods
from flipgate.core.workloads.render import images_of
from flipgate.core.workloads.standstill import Standstill
from flipgate.core.workloads.view import SideState, Workload
from flipgate.steps.acting.acting import Authority
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.no_way_back import both_sides, no_way_back, not_up, with_side
from flipgate.steps.looking.autoscalers import find_rested
from flipgate.steps.looking.check import check
from flipgate.steps.looking.look import look_at_side, look_at_traffic
from flipgate.steps.looking.scaled_objects import paused_by_hand
from flipgate.steps.looking.standstill import Waiting
from flipgate.steps.moving.autoscalers import take_back

SLOW_TIMEOUT_SECONDS = 600.0
LOOK_SECONDS = 0.3
FAST, SLOW, NOW, ABORT = "fast", "slow", "now", "abort"
TAKE_OVER_TRIES = 3


@dataclass(frozen=True)
class RollbackRequest:
    """How users are to go back, and why."""

    reason: str
    cause: Reason = Reason.ROLLBACK_REQUESTED
    forced: bool = False
    """A person has named the side, and decides."""
    now: bool = False
    """With the pods that are Ready, without waiting."""
    patience_seconds: float = SLOW_TIMEOUT_SECONDS
    """How long to wait for the slow way. A failed bake does not wait at all."""
    evidence: tuple[Evidence, ...] = ()
    """What a failed bake found."""
    announced_at_end: bool = False
    """Users are back already, so that people are told once, at the end."""
    by: str = ""
    """Who sends them back, as far as that is known; empty where `reason` begins with it."""
    name: Callable[[], str] | None = None
    """Asks who it is. It is called once users are back: they wait for no name."""

    @property
    def message(self) -> str:
        """Who, and why, as it is noted."""
        return fitted(f"{self.by}: {self.reason}" if self.by else self.reason, TEXT_BYTES)

    def named(self) -> RollbackRequest:
        """The same, by the name that the cluster gives, where it is asked."""
        return replace(self, by=self.name(), name=None) if self.name else self

    @property
    def automatic(self) -> bool:
        """Whether no person is there to wait or decide: then it goes back at once, or not at all."""
        return self.cause is not Reason.ROLLBACK_REQUESTED


@dataclass(frozen=True)
class Way:
    """The way back that is open."""

    name: str
    """fast, slow, now or abort."""
    short: tuple[str, ...] = ()
    """What is missing on it, or may be other than it was, a sentence each."""
    up_seconds: float | None = None
    """How long the side took to come up; None where it was up."""
    other_images: str = ""
    """Which images are not those that the side carried users with, as a sentence."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What people have to know of it."""
        return (*([self.other_images] if self.other_images else ()), *self.short)


@dataclass(frozen=True)
class RolledBack:
    """What rolling back did."""

    way: str
    """fast, now, slow or abort."""
    to: Side | None
    seconds: float
    recorded: bool = True
    first_old_answer_ms: float | None = None
    notes: tuple[str, ...] = ()
    """What happened on the way, for reading."""
    left: tuple[str, ...] = ()
    """What a person must still see to: routes that could not be moved, workers that were not handed over, a record that
    could not be written."""


def open_way(acting: Authority, target: Side, request: RollbackRequest, state: SideState | None = None) -> Way:
    """Opens the way back to a side. It is fast where the side is Ready at the counts that matter; else the side is
    scaled up first, as far as the request waits for that. `state` is the side as it was stamped: its pods are counted
    no earlier.

    Raises Refused: WayBackNotReady when the side is not up and nobody waits for it (a failed bake), `--now` finds a
    service without any Ready pod, or there still is one after the patience; WayBackBad when the side's own checks
    fail. A side that a person named is refused for neither.
    """
    world = acting.world
    carried = counts_that_matter(world.application, acting.record, target)
    state = state or look_at_side(world, target)
    other = say_other_images(acting, state)
    missing = short_of(state, enough(carried))
    if not missing:
        return Way(FAST, _shortfalls(state, carried), other_images=other)
    empty = any(ready == 0 for ready, _ in missing.values())
    if request.now and (request.forced or not empty):
        return Way(NOW, _shortfalls(state, carried), other_images=other)
    if request.now or request.automatic:
        raise not_up(world, state, missing)
    return replace(_slow(acting, target, request, missing), other_images=other)


def say_other_images(acting: Authority, state: SideState) -> str:
    """Says which images of a side are not those that it carried users with, before users move: that keeps nobody from
    going back, and nobody is asked anything for it. Returns what was said; empty where nothing was."""
    record = acting.record
    said = other_images.said_of(record, acting.application, state) if record else ""
    if said:
        acting.world.say(said)
    return said


def scale_up(acting: Authority, target: Side) -> None:
    """Scales the side to the most of what it carried, what the other side has now, and the file's numbers, once its
    autoscalers are as they were before a rest. Waits for nothing; what cannot be scaled is logged and passed over.

    Each write tests the count that it read, so it only ever adds pods, however late it arrives. One that has its count
    and was refused pods asks for them anew.
    """
    world = acting.world
    carried = counts_that_matter(world.application, acting.record, target)
    if acting.record is None or may_be_shrinking(acting.record, target):
        _let_autoscalers_go(acting, target)
    # Once more, by the counts as they are now: whoever stamped or scaled since is read, and the write tests the count.
    state, others = look_at_side(world, target), look_at_side(world, target.other).replicas
    for service in world.application.serving():
        if acting.record and acting.record.ran_without(target, service.name):
            continue
        count = scaled_up(service, carried.get(service.name, 0), others.get(service.name, 0))
        workload = state.workloads[service.name]
        if not (operations := _up(workload, count)):
            continue
        try:
            acting.cluster.patch(address_of(workload), operations, timeout=5.0)
        except FlipgateError as error:
            world.say(f"could not scale {workload.namespace}/{workload.name} to {count}: {error}")


def _let_autoscalers_go(acting: Authority, target: Side) -> None:
    """Puts back what a rest changed of them, done or interrupted, and refuses what that has sent: each by itself, for
    the trouble of one is none of the others'. Never raises: what is left is reconcile's (live_side.py)."""
    say = acting.world.say
    for kind in AUTOSCALERS:
        try:
            found = find_rested(acting.world, target, (kind,))
        except FlipgateError as error:
            say(f"each {kind} of {target} may be held as at rest: {error}")
            continue
        for each in found:
            try:
                take_back(acting, (each,), over_unrecorded=True)
            except FlipgateError as error:
                say(f"{each} may be held as at rest: {error}{f'. {each.let_go_by_hand}' if each.before else ''}")


def _up(workload: Workload, count: int) -> list[dict[str, Any]]:
    """What gives it more pods, in one patch. One that asks for enough, and was refused pods, is to ask for them again:
    by itself it tries only every quarter of an hour, and what stood in the way may be mended."""
    if workload.found and workload.replicas < count:
        return [{"op": "test", "path": "/spec/replicas", "value": workload.replicas}, workload.asking(count)]
    if workload.refusal:
        return [{"op": "test", "path": "/metadata/uid", "value": workload.uid}, workload.asking_again()]
    return []


def import_what_follows() -> None:
    """Before a wait of minutes, in which another version may be installed: what follows it is this one's. Where nobody
    waits for anything else it is imported once users are back: it would take a tenth of the time to get there."""
    import flipgate.steps.going_back.abort
    import flipgate.steps.going_back.once_back
    import flipgate.steps.going_back.without_record  # noqa: F401


def _slow(acting: Authority, target: Side, request: RollbackRequest, missing: Mapping[str, tuple[int, int]]) -> Way:
    """Scales the side up, waits for its pods, and runs its checks."""
    world, record = acting.world, acting.record
    occupant = record.sides.get(target) if record else None
    last = f"it took {occupant.up_seconds:.0f} s the last time" if occupant and occupant.up_seconds else ""
    carried = counts_that_matter(world.application, record, target)
    world.say(
        f"the slow way: {target} is not up ({_counts(missing)} Ready); scaling it to {sum(carried.values())} pods and "
        f"waiting for them first, for at most {request.patience_seconds:g} s{f' ({last})' if last else ''}. "
        "At once, with what is Ready: the same with --now"
    )
    began = world.monotonic()
    scale_up(acting, target)
    import_what_follows()
    if anew := _gets_anew(world, target):
        world.say(anew)
    absent = look_at_side(world, target).missing  # no waiting brings a Deployment that does not exist
    awaited = {name: count for name, count in enough(carried).items() if name not in absent}
    state, stuck = _wait(acting, target, awaited, began + request.patience_seconds, forced=request.forced)
    missing = short_of(state, enough(carried))
    if any(ready == 0 for ready, _ in missing.values()) and not request.forced:
        raise not_up(world, state, missing, stuck)
    up_seconds = None if missing else round(world.monotonic() - began, 1)
    notes = (anew,) if anew else ()
    return Way(SLOW, (*notes, *_shortfalls(state, carried), *_checked(world, target, request)), up_seconds)


def _gets_anew(world: World, target: Side) -> str:
    """What the side's pods pull that they did not run, where both sides can be read: it holds nobody up."""
    try:
        return gets_anew(look_at_side(world, target), look_at_side(world, target.other))
    except FlipgateError:
        return ""


def _wait(
    acting: Authority, target: Side, wanted: Mapping[str, int], deadline: float, *, forced: bool
) -> tuple[SideState, tuple[Standstill, ...]]:
    """The side once it has the wanted pods Ready, or at the deadline, with what keeps pods from coming until somebody
    acts; says each change, and each fault, on the way.

    It waits no longer where all that is missing is kept so, or one service without any Ready pod, which closes the way
    unless it is `forced`.
    """
    world, waiting = acting.world, Waiting(acting.world)
    began, said, state = world.monotonic(), "", look_at_side(world, target)
    stuck: tuple[Standstill, ...] = ()
    while (missing := short_of(state, wanted)) and world.monotonic() < deadline:
        stuck = waiting.stuck(state, missing)
        kept = {each.service for each in stuck}
        if kept >= missing.keys() or (not forced and any(missing[name][0] == 0 for name in kept)):
            break
        if _counts(missing) != said:
            said = _counts(missing)
            world.say(f"waiting for {target}: {said} Ready after {world.monotonic() - began:.0f} s")
        acting.check_lease()
        world.sleep(LOOK_SECONDS)
        try:
            state = look_at_side(world, target)
        except TemporaryError as fault:
            world.say(f"waiting for {target}: {fault}")
    stuck = stuck if short_of(state, wanted) else ()
    for each in stuck:
        world.say(f"{each.fact}: {each.command}")
    return state, stuck


def _checked(world: World, target: Side, request: RollbackRequest) -> tuple[str, ...]:
    """The application's own checks of a side that was just brought up. Raises Refused (WayBackBad) when one fails."""
    try:
        evidence = check(world, target)
    except PermanentError as error:
        return (f"{target} could not be checked: {error}",)
    bad = [f"check {e.gate} of {target}: {e.verdict}: {e.answer}" for e in evidence if e.verdict is not Verdict.PASS]
    if bad and not request.forced:
        raise Refused(
            f"does not pass its checks: {'; '.join(bad)}. {both_sides(world)}",
            obj=f"side {world.application.place_of(target)}",
            reason=Why.WAY_BACK_BAD,
            untouched="all routes",
            next_command=with_side(world),
        )
    return tuple(bad)


def need_ready(acting: Authority, target: Side, state: SideState | None = None) -> None:
    """Raises Refused unless each serving service that carried users on the side has a Ready pod: by `state`, where it
    was just stamped."""
    world = acting.world
    state = state or look_at_side(world, target)
    if missing := without_pods(world.application, acting.record, state):
        raise not_up(world, state, missing)


def workers_left(acting: Authority, target: Side) -> tuple[str, ...]:
    """Returns what a person has to do about the workers: handing them over needs the journal, and there is none."""
    world = acting.world
    services, record = world.application.handed_over(), acting.record
    counts = at_work(services, record, target)
    if record:
        services += taken_out.workers(world.application, record)
        counts |= taken_out.to_restore(world.application, record, target)
    services = tuple(service for service in services if service.name in counts)
    names = ", ".join(service.name for service in services)
    place = world.application.place_of(target)
    workers = [s for s in services if s.kind != "CronJob" and not s.consume and counts[s.name]]
    scale = f"kubectl -n {place.namespace} scale"
    lines = [f"{scale} {s.kind.lower()}/{place.workload_of(s)} --replicas={counts[s.name]}" for s in workers]
    lines += paused_by_hand(world, target, workers)
    then = f"; reconcile does so once the record can be read. At once, after those of {target.other} are at 0: "
    typed = then + " && ".join(lines) if lines else ""
    return (f"workers were not handed over to {target} (namespace {place.namespace}): {names}{typed}",) if names else ()


def _shortfalls(state: SideState, carried: Mapping[str, int]) -> tuple[str, ...]:
    """Returns what is missing to the counts that matter, one sentence a service."""
    short = short_of(state, carried)
    return tuple(f"{name} on {state.side} has {ready} of {count} pods Ready" for name, (ready, count) in short.items())


def _counts(missing: Mapping[str, tuple[int, int]]) -> str:
    return ", ".join(f"{name} {ready}/{count}" for name, (ready, count) in missing.items())


def need_approved(acting: Authority, target: Side, state: SideState | None, record: Record, *, named: bool) -> None:
    """Raises Refused (NotAWayBack) where a release that nobody approved was brought up there since it was judged where
    users go, and they are not there yet. Its run writes there no more: the side is taken."""
    refused = runs_unapproved(record, target, images_of(acting.application, state) if state else {})
    if refused and (traffic := look_at_traffic(acting.world)).active is not target:
        raise no_way_back(acting.world, refused, traffic, named=named)


def as_it_is(acting: Authority, target: Side, state: SideState | None, *, named: bool) -> Record | None:
    """The record that a rollback goes by which holds no Lease: the one of before, as long as the side has what it says;
    else it is read once more, where it can be. So it is where none could be read, and a person `named` the side."""
    record = acting.record
    if record is None and not named:
        return None
    ran = record.sides.get(target) if record else None
    images = images_of(acting.application, state) if state else {}
    if record and (ran is None or all(images.get(name, image) == image for name, image in ran.images.items())):
        return record
    try:
        return acting.world.store.read()
    except FlipgateError:
        return record
