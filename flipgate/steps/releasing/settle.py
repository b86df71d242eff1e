"""Settles a release: after the soak, on a person's word, the old side goes to rest and the release is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from flipgate.core.gates.hooks import HookPoint, hooks_at, is_to_run
from flipgate.core.git.applied import Committed, stays
from flipgate.core.git.revert import deployed_by
from flipgate.core.record import approvals
from flipgate.core.record import record as records
from flipgate.core.record.became import became
from flipgate.core.record.held import glass_said
from flipgate.core.record.noted import noted
from flipgate.core.record.phases import TRANSITIONS, Phase, QuestionKind, Reason
from flipgate.core.record.pipelines import SCALE_DOWN
from flipgate.core.record.record import Record
from flipgate.core.record.release import CHECKS, PREFLIGHT, Release
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.text import ADDRESS_BYTES, TEXT_BYTES, fitted
from flipgate.core.values.verdicts import Evidence, Verdict, informing
from flipgate.core.workloads.counts import not_serving, rest_counts
from flipgate.core.workloads.unchanged import unchanged
from flipgate.core.workloads.view import SideState, View, Workload
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.outbox import advance, need_open, write_history
from flipgate.steps.acting.world import World
from flipgate.steps.looking.held import may_begin
from flipgate.steps.looking.look import look, look_at_side, need_dark, need_record, running_pods
from flipgate.steps.looking.prove import prove_moved
from flipgate.steps.looking.undeclared import need_declared, undeclared_evidence
from flipgate.steps.moving.rest import rest
from flipgate.steps.moving.stamp import stamped_look
from flipgate.steps.watching.measure import still_in_flight
from flipgate.steps.watching.points import gates_before, need_gates

Keep = Callable[[Refused], str]
"""Keeps what a release that fails leaves behind, and says where, in a sentence; empty where nothing is kept."""


@contextmanager
def failing(acting: Acting, release: Release, keep: Keep = lambda _: "") -> Iterator[None]:
    """Ends the release as `failed` when the block finds that it cannot get Ready or did not pass, then raises that.
    `keep` is asked first: a side that is not kept goes to rest at once."""
    try:
        yield
    except Refused as bad:
        reasons = {str(reason): reason for reason in TRANSITIONS[Phase.DEPLOYING][Phase.FAILED]}
        if bad.reason in reasons:
            where, fact = keep(bad), f"{bad.fact}{_in_git(acting.world, bad)}"
            if where:
                fact = f"{fitted(fact, TEXT_BYTES - WHERE_BYTES).rstrip('.')}. {where}"
            step = PREFLIGHT if bad.reason == Why.PREFLIGHT_FAILED else CHECKS
            fail(acting, release.name, reasons[bad.reason], fact, evidence=bad.evidence, step=step)
        raise


def _in_git(world: World, bad: Refused) -> str:
    """What stays in Git of the release that fails now; empty where nothing does, or it is said already."""
    git = world.application.spec.git
    if git is None or bad.reason == Why.NOT_APPLIED:
        return ""
    release = world.store.read().release
    if release is None or not (commit := deployed_by(release)):
        return ""
    return f". Git: {stays(Committed(commit, commit), git.branch, reverts=git.revert_failed)}"


def soak_evidence(world: World, release: Release) -> list[Evidence]:
    """Returns what a person is shown before the way back is given up: the live side's Ready pods, the time that passed,
    what else leads to a side, what the file's gates say, and what the old one is still busy with."""
    view, old = look(world), release.side.other
    missing = not_serving(view.sides[release.side], world.application.serving())
    ready = ", ".join(missing) or "all wanted pods Ready"
    verdict = Verdict.FAIL if missing else Verdict.PASS
    return [
        Evidence("live side", verdict, f"Ready pods of {release.side}", "Kubernetes", ready, "all wanted pods"),
        _soaked(release, world.now()),
        *undeclared_evidence(world),
        *gates_before(world, QuestionKind.SCALE_DOWN),
        *([still_in_flight(world, old)] if need_record(world, view).ran_on(old) else []),
    ]


def _soaked(release: Release, now: datetime) -> Evidence:
    """How long the new side has had the users. One whose soak goes on has not passed it: somebody asked early."""
    answer = f"{(now - (release.moved_at or release.since)).total_seconds() / 3600:.1f} h"
    ends = release.settle_after
    wanted = f"until {ends:%Y-%m-%d %H:%M} UTC" if ends else "no soak is declared"
    if ends is None or now >= ends:
        return Evidence("soak", Verdict.PASS, "hours since the move", "record", answer, wanted)
    return Evidence("soak", Verdict.INFO, "hours since the move", "record", f"{answer}: somebody asked early", wanted)


def ended_meanwhile(world: World, release: str) -> str:
    """Returns why a run that slept has nothing to do, if so: its release was rolled back, or its question expired."""
    record = world.store.read()
    if record.under_way and record.under_way.name == release:
        return ""
    return f"nothing to do: release {release} {became(record, release)}"


WHERE_BYTES = ADDRESS_BYTES + 100
"""Of a message, for a link and the words before it: the link stands last, and is never cut."""
EARLY_SECONDS = 60.0
GONE_SECONDS, GONE_PAUSE_SECONDS = 60.0, 0.5
"""For the pods of a side at rest to end: Kubernetes gives each 30 s, where its pod asks for no other grace period."""


def wait_out(world: World) -> None:
    """Waits out the last moments of a soak: a worker starts scheduled runs some seconds before their time.

    A run that is earlier than EARLY_SECONDS is left to `need_soaked`, which refuses it.
    """
    release = world.store.read().release
    if release and release.settle_after:
        left = (release.settle_after - world.now()).total_seconds()
        if 0 < left <= EARLY_SECONDS:
            world.sleep(left + 0.1)


@about_application(untouched="both sides")
def need_soaked(world: World, name: str = "", record: Record | None = None) -> Release:
    """The release whose old side may be put to rest, by the record as it is now, or was just seen. Raises Refused
    before its time, or when it is not `live`."""
    record = record or world.store.read()
    release = need_open(record, name) if name else record.release
    if release is None or release.phase.row.pipeline != SCALE_DOWN:
        last = record.newest
        fact = became(record, last.name) if last else f"is `{record.phase}`"
        raise Refused(
            f"{fact}: only a `live` release has an old side to put to rest",
            obj=f"release {last.name}" if last else "",
            reason=Why.WRONG_PHASE,
        )
    if release.settle_after and release.soaks(world.now()):
        left = (release.settle_after - world.now()).total_seconds()
        raise Refused(
            f"soaks until {release.settle_after:%Y-%m-%d %H:%M:%S} UTC, {left:.0f} s from now",
            obj=f"release {release.name}",
            reason=Why.STILL_SOAKING,
            untouched="both sides: the way back stays open",
            next_command=f'flipgate {SCALE_DOWN} {world.application.name} --early --reason "..."',
        )
    return release


def settle(acting: Acting, name: str = "", *, unseen_by: str = "") -> Release:
    """Rests the old side, closes the release and writes it to the history. The caller has a yes.

    Raises Refused when the new side is not Ready: the way back is worth more than the pods it costs. So it does where
    something that was not declared leads users to the old side (UndeclaredRoute), while a freeze or a closed window
    holds it back, and where a gate at `scale-down` does not pass (GatesNotPassed). Once that rests, each Traefik
    replica has to show the new side still (TrafficNotProven): else the release stays `settling`, from which users can
    go back. `unseen_by` names the person on whose word it is closed all the same, once the old side has rested before.
    """
    world = acting.world
    before = look(world)
    view = stamped_look(acting, need_dark(world, before).side, before)
    record = need_record(world, view)
    dark = need_dark(world, view)
    release = need_soaked(world, name, record)
    need_restable(world, view, release)
    if record.phase is Phase.LIVE:
        unseen_by = ""
        need_gates(world, QuestionKind.SCALE_DOWN, moving=True, may_go_on=acting.check_lease)
        need_begin = may_begin(world, QuestionKind.SCALE_DOWN)

        def spent(record: Record) -> Record:
            # In the very write: a freeze that was there before it holds, and so does a soak's new end.
            need_begin(record)
            need_soaked(world, name, record)
            return _spend(record)

        said = record.approval
        message = f"by {said.said_by} via {said.via}: {said.reason}{glass_said(record.glass)}" if said else ""
        # Needs a standing yes, and uses it up: the entry that it is spent by is the phase change itself.
        advance(world, release.name, Phase.SETTLING, Reason.SETTLE_APPROVED, message, also=spent)
    busy = _still_busy(world, dark.side)
    rest(acting, view, dark, keep=world.application.spec.policy.rest_replicas)
    unseen = _need_still_served(acting, view, release.side, unseen_by) if record.ran_on(dark.side) else ""
    kept = _live_side(world, view.sides[release.side])
    message = f"{dark.side} is at rest; going back is the slow way from here on{unseen}; {kept}"
    if not record.ran_on(dark.side):
        message = f"nothing ever ran on {dark.side}: nothing had to be put to rest"
    elif busy:
        message = f"{message}; just before, {busy}"
    point, now = HookPoint.AFTER_SETTLED, world.now()
    to_run = [is_to_run(hook) for hook in hooks_at(world.application.spec.hooks, point)]

    def hooks_noted(record: Record) -> Record:
        return noted(record, release.name, point.step, to_run, now) if to_run else record

    done = advance(world, release.name, Phase.SETTLED, Reason.OLD_SIDE_AT_REST, message, also=hooks_noted)
    write_history(world)
    return done.named(release.name) or release  # by now another one may be open


def _live_side(world: World, before: SideState) -> str:
    """Returns what became of the live side meanwhile, and says it."""
    try:
        found = unchanged(before, look_at_side(world, before.side))
    except FlipgateError as error:
        found = f"whether {before.side} is as it was before was not seen: {error.fact}"
    world.say(found)
    return found


@about_application(untouched="both sides")
def need_restable(world: World, view: View, release: Release, verb: str = SCALE_DOWN) -> None:
    """Raises Refused where the old side of a live release may not go to rest as things are: the new one is not Ready
    (LiveSideNotReady), or something that was not declared leads users to the old one (UndeclaredRoute). `verb` is what
    a person types once that is mended."""
    old = release.side.other
    if missing := not_serving(view.sides[release.side], world.application.serving()):
        raise Refused(
            f"is not Ready: {', '.join(missing)}",
            obj=f"side {release.side}, which has the live traffic,",
            reason=Why.LIVE_SIDE_NOT_READY,
            untouched=f"{old}: the way back stays open",
            next_command=f"kubectl -n {world.application.place_of(release.side).namespace} get pods, then again "
            f"flipgate {verb} {world.application.name}",
        )
    if need_record(world, view).ran_on(old):
        need_declared(world, old, verb)


def _still_busy(world: World, side: Side) -> str:
    """What a side that goes to rest is still busy with, said to whoever watches: its pods let it finish in their grace
    period. Empty where nobody declared how to tell."""
    if world.application.spec.metrics.in_flight is None:
        return ""
    (busy,) = informing([still_in_flight(world, side)])
    world.say(f"{side} goes to rest: {busy}")
    return busy


def _need_still_served(acting: Acting, view: View, live: Side, unseen_by: str) -> str:
    """Raises Refused (TrafficNotProven) unless each Traefik replica shows the live side still, past Traefik's throttle:
    a route that depends on a pod of the old side is dropped with the last of them. Returns why nothing was seen, where
    Traefik's replicas cannot be listed, or what was not, where a person took that on (`unseen_by`)."""
    world, old = acting.world, live.other
    left = _wait_gone(acting, view.sides[old])
    try:
        replicas = world.proxy.replicas()
    except FlipgateError as error:
        world.say(f"whether users still reach {live} was not seen: {error}")
        return f"; whether users still reach {live} was not seen: {error.fact}"
    proven = prove_moved(world, live, replicas)
    if proven.ok:
        return f"; {left} pods of {old} had not ended when Traefik was looked through" if left else ""
    name = world.application.name
    if unseen_by:
        return f"; closed by {unseen_by}, though not every Traefik replica shows {live}: {'; '.join(proven.unproven)}"
    raise Refused(
        f"not every Traefik replica shows {live} since {old} is at rest: {'; '.join(proven.unproven)}",
        obj=f"traffic of {name}",
        reason=Why.TRAFFIC_NOT_PROVEN,
        untouched="all routes, and the release, which is not closed",
        next_command=f'flipgate rollback {name} --reason "..." brings {old} up again and users there; or correct what '
        f"the routes depend on, then flipgate scale-down {name} (--unseen: closed as it is)",
    )


def _wait_gone(acting: Acting, state: SideState) -> int:
    """Waits until the pods of a side that was put to rest have ended, for GONE_SECONDS at most: until then Traefik has
    them behind what is about to be lost. Returns how many are left."""
    world = acting.world
    counts = rest_counts(world.application, world.application.spec.policy.rest_replicas)
    ends = world.monotonic() + GONE_SECONDS
    resting = [workload for workload in state.workloads.values() if workload.selector]

    def beyond(workload: Workload) -> int:
        """Those of its pods that are to end."""
        return max(0, len(running_pods(world.cluster, workload)) - counts[workload.name])

    while (left := sum(world.each(beyond, resting))) and world.monotonic() < ends:
        acting.check_lease()
        world.sleep(GONE_PAUSE_SECONDS)
    return left


def kept_too_long(world: World, view: View | None = None) -> Release | None:
    """The ended release whose side is still up, longer than `keepFailedSeconds`; None when there is none. Without a
    `view` it looks for itself, once the record says that there may be one."""
    ended = (need_record(world, view) if view else world.store.read()).ended
    if ended is None or not ended.phase.row.kept:
        return None
    if (world.now() - ended.since).total_seconds() < world.application.spec.policy.keep_failed_seconds:
        return None
    view = view or look(world)
    return ended if view.sides[ended.side].up and ended.side is not view.active else None


def rest_expired(acting: Acting) -> None:
    """Puts to rest the side of a release that failed or went back, once it was kept long enough for a look.

    Does nothing before that time, or when nothing of it is up.
    """
    world = acting.world
    before = look(world)  # under the Lease, whatever was seen before it
    if ended := kept_too_long(world, before):
        view = stamped_look(acting, ended.side, before)
        dark = need_dark(world, view)
        rest(acting, view, dark)
        world.store.update(records.settled)
        write_history(world)  # once more: its journal has grown by this rest
        world.say(f"{dark.side} is at rest: release {ended.name} was kept for a look long enough")


def _spend(record: Record) -> Record:
    return approvals.spend(record, record.journal[-1].id)


def fail(
    acting: Acting,
    release: str,
    reason: Reason,
    message: str,
    *,
    evidence: tuple[Evidence, ...] = (),
    step: str = CHECKS,
) -> None:
    """Ends a release that did not come up: `failed`, and its side goes to rest at once unless it is kept for a look.

    `evidence` is what the gates of this step said, where they were asked. Users saw nothing, and see nothing now. Does
    nothing when the release is not `deploying` any more.
    """
    world = acting.world
    record = world.store.read()
    if record.phase is not Phase.DEPLOYING or need_open(record, release).name != release:
        return
    entry = record.open_entry
    if entry:
        world.store.update(
            lambda r: records.end(r, entry.id, records.EntryState.UNDONE, world.now(), f"release failed: {reason}")
        )
    now = world.now()
    advance(world, release, Phase.FAILED, reason, message, also=lambda r: records.judged(r, step, evidence, now))
    write_history(world)
    rest_expired(acting)
