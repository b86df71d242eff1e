"""Flips: the approved move, its proof, and what follows from either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from flipgate.core.gates.proof import Proven, proof_sentence
from flipgate.core.record import approvals, conditions
from flipgate.core.record import record as records
from flipgate.core.record.approvals import NotGranted
from flipgate.core.record.became import became
from flipgate.core.record.held import glass_said
from flipgate.core.record.occupant import Occupant, fitting
from flipgate.core.record.phases import Phase, QuestionKind, Reason, works_in
from flipgate.core.record.pipelines import FLIP_TRAFFIC
from flipgate.core.record.record import Record
from flipgate.core.record.release import BAKE, SHOWN_KEPT, Release
from flipgate.core.traffic.moves import COMMAND_BYTES, in_a_message
from flipgate.core.traffic.traffic import WAY_BACK
from flipgate.core.values.base import but
from flipgate.core.values.errors import FlipgateError, LostLease, Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.text import TEXT_BYTES, fitted
from flipgate.core.values.verdicts import Evidence, Verdict, combine, informing
from flipgate.core.way_back.by_hand import lines_back
from flipgate.core.workloads import taken_out
from flipgate.core.workloads.counts import present_counts, suspended
from flipgate.core.workloads.render import configuration_hash, images_of
from flipgate.core.workloads.view import View
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.moves import Move
from flipgate.steps.acting.outbox import advance, need_open, write
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.going_back.taking import take_patiently
from flipgate.steps.going_back.way_back import import_what_follows
from flipgate.steps.looking.held import may_begin
from flipgate.steps.looking.look import configuration, look, look_at_side, look_at_traffic, need_record, read_taken_out
from flipgate.steps.looking.prove import need_visible, prove_moved
from flipgate.steps.looking.targets import need_targets
from flipgate.steps.moving.carry_over import carry_over, let_go
from flipgate.steps.moving.copy_objects import stamp_copies
from flipgate.steps.moving.dark_preview import take_dark_preview_away
from flipgate.steps.moving.jobs import stop_jobs
from flipgate.steps.moving.maintenance import set_maintenance
from flipgate.steps.moving.move import hold_routes, move, need_counts
from flipgate.steps.moving.preview import need_preview
from flipgate.steps.moving.stamp import stamp_unless_taken
from flipgate.steps.releasing.clones import need_live_databases, need_users_on_live
from flipgate.steps.releasing.questions import need_phase, standing
from flipgate.steps.releasing.what_runs import need_approved
from flipgate.steps.watching.watch import bad_bake

MOVABLE = works_in(FLIP_TRAFFIC)
FLIPPABLE = MOVABLE | {Phase.LIVE}
GOES_BACK = MappingProxyType(
    {
        Why.TRAFFIC_NOT_PROVEN: Reason.TRAFFIC_NOT_PROVEN,
        Why.BAKE_FAILED: Reason.BAKE_FAILED,
        Why.WORKERS_NOT_READY: Reason.BAKE_FAILED,
        Why.JOBS_STILL_RUNNING: Reason.BAKE_FAILED,
    }
)
"""Refusals after the move that send everybody back, and the reason that the phase change gets."""


def flip(acting: Acting) -> tuple[Move, Proven]:
    """Moves all users to the release's side and proves it. The approval is spent in the write that opens the entry.

    The side is stamped before its pods are counted, so that a stale scale-down cannot empty it after the count.
    Raises Refused before anything moved when the approval does not stand (it is judged once more, on what would change
    now), a freeze or a closed window holds it back,
    pods are too few, what the routes will name is missing or has no endpoints, or Traefik cannot be seen through;
    and when a route was changed: then the phase is `dark` again, and the approval is gone. A first release ever has no
    old side to be seen before it.
    """
    world = acting.world
    before = look(world)  # once more: checks have run since the side was scaled, and its pods are counted by this
    release = need_phase(world, need_record(world, before), QuestionKind.FLIP)
    # As it is when it is stamped, or later: its pods are counted there.
    side = stamp_unless_taken(acting, before.sides[release.side], release.taken_in)
    stamp_copies(acting, release.side)
    view = replace(before, sides={**before.sides, side.side: side})
    _need_approval(world, view)
    need_begin = may_begin(world, QuestionKind.FLIP)
    need_begin(need_record(world, view))
    need_live_databases(world, need_record(world, view), view.sides[release.side])
    need_users_on_live(world, need_record(world, view), view.sides[release.side.other])
    hold_routes(acting, view.traffic)
    stop_jobs(acting, release.side)
    need_counts(world, view, release.side)
    need_approved(world, view, release, need_targets(world, view.traffic, release.side))
    replicas = world.proxy.replicas()
    if need_record(world, view).ran_on(release.side.other):
        need_visible(world, release.side.other, replicas)
    else:
        world.say(f"a first release: nothing ever ran on {release.side.other}, so no old side is looked for in Traefik")
    need_preview(acting, view.traffic, release.side, replicas)
    take_dark_preview_away(acting)
    set_maintenance(acting)
    if need_record(world, view).ran_on(release.side.other):
        carry_over(acting, release.side)

    def approved(record: Record, entry: int) -> Record:
        need_begin(record)  # in the very write: a freeze that was there before it holds
        said = record.approval
        message = f"by {said.said_by} via {said.via}: {said.reason}{glass_said(record.glass)}" if said else ""
        now = world.now()
        flipping = records.advance(record, Phase.FLIPPING, Reason.APPROVED, now, actor=world.actor, message=message)
        return approvals.spend(flipping, entry)

    moved = _sent(acting, release, approved)
    return moved, prove_moved(world, release.side, replicas, moved=moved)


def _sent(acting: Acting, release: Release, also: Callable[[Record, int], Record]) -> Move:
    """Moves all users. Where nobody was moved, users may write again, and the release is dark."""
    try:
        return move(acting, release.side, also=also)
    except LostLease:
        raise  # whoever took over goes on with the entry; nothing more is written here
    except Refused as error:
        _undone(acting, release, error)
        raise
    except TemporaryError:
        if acting.world.store.read().open_entry is None:  # nothing was sent: it is begun anew, checks and all
            let_go(acting, release.side.other)
        raise


@about_application(untouched="all routes and both sides")
def need_release(world: World, release: str, phases: frozenset[Phase]) -> Release:
    """The open release of this name, in one of these phases. Raises Refused (Superseded, WrongPhase) otherwise."""
    record = world.store.read()
    found = need_open(record, release)
    if found.phase not in phases:
        raise Refused(
            f"{became(record, release)}; it is not {' or '.join(f'`{phase}`' for phase in sorted(phases))}",
            obj=f"release {release}",
            reason=Why.WRONG_PHASE,
        )
    return found


@about_application(untouched="workers and the old side")
def need_proven(world: World, proven: Proven) -> None:
    """Raises Refused (TrafficNotProven) that names the replicas which did not show the new side."""
    if not proven.ok:
        raise Refused(
            f"not every Traefik replica shows the new side after {proven.seconds:.1f} s: {'; '.join(proven.unproven)}",
            obj=f"traffic of {world.application.name}",
            reason=Why.TRAFFIC_NOT_PROVEN,
        )


@contextmanager
def going_back(world: World) -> Iterator[None]:
    """Sends users back by itself when the block finds the new side unproven or bad, then raises what it found.

    An unknown verdict moves nothing: traffic stays, and a person is asked. Where going back is refused (a first release
    has no side to go back to) traffic stays as well: people are told, and what was found is raised with both in it.
    """
    import_what_follows()
    try:
        yield
    except Refused as bad:
        cause = GOES_BACK.get(bad.reason)
        if cause:
            world.say(f"going back: {bad}")
            try:
                done = roll_back(world, bad.fact, by=world.actor, cause=cause, evidence=bad.evidence)
            except LostLease:
                raise
            except Refused as stuck:
                raise _stuck(world, bad, stuck) from bad
            world.say(f"traffic is on {done.to} again after {done.seconds:.2f} s {' '.join((*done.notes, *done.left))}")
        raise


def _stuck(world: World, bad: Refused, stuck: Refused) -> Refused:
    """Returns what was found bad, under its own reason, with why users were not sent back; announces both."""
    fact = f"{bad.fact}; and users were not sent back ({stuck.reason}): {stuck}"
    _announce(world, bad, f"bad. {fact}")
    return Refused(
        fact,
        obj=bad.obj,
        reason=bad.reason,
        untouched="all routes: traffic stays where it is until a person decides",
        next_command=f"flipgate status {world.application.name}; flipgate flip {world.application.name} watches again",
    )


def _announce(world: World, bad: Refused, sentence: str) -> None:
    """Announces that users stay where they are, why a person has to decide, and the way back by hand where there is
    one; the history keeps it, too.

    What cannot be told is only said: nothing moves for it.
    """
    try:
        record = world.store.read()
        back = record.release is not None and record.ran_on(record.release.side.other)
        room = TEXT_BYTES - COMMAND_BYTES - 100  # the line is pasted: it is whole, or not there
        text = f"{fitted(sentence, room)}; by hand: {way_back_by_hand(world)}" if back else sentence
        write(world, lambda record: _with_announcement(record, bad, text, world.now()))
    except LostLease:
        raise
    except FlipgateError as error:
        world.say(f"not told: {error}")


def _with_announcement(record: Record, bad: Refused, sentence: str, now: datetime) -> Record:
    """Returns the record with one message for each run that found it: a step that is tried again announces under the
    same id."""
    release = record.release
    if release is None:
        return record
    key = f"{release.name}/epoch-{record.epoch}/{bad.reason}"
    text = f"{record.application} {release.name} on {release.side}: `{release.phase}`, and {sentence}"
    return records.announce(
        records.judged(record, BAKE, bad.evidence, now),
        key,
        release=release.name,
        side=release.side,
        text=text,
        reason=bad.reason,
        at=now,
    )


def note_proof(acting: Acting, release: str, proven: Proven) -> Release:
    """Moves the release from `flipping` to `baking`, with the proof's figures and the command that takes traffic back
    without flipgate."""
    world = acting.world
    record, now = world.store.read(), world.now()
    found = need_open(record, release)
    if found.phase is Phase.BAKING:
        return found
    traffic = world.application.spec.traffic
    message = proof_sentence(proven, found.side, traffic.proof_answers, traffic.traefik.throttle_seconds)
    back = record.ran_on(found.side.other)
    text = f"{message}. Back by hand: {way_back_by_hand(world)}" if back else f"{message}. A first release: no way back"

    carried = _carried(world, record, found.side.other)

    def moved(release: Release) -> Release:
        first, last = proven.first_new_answer_ms, proven.last_old_answer_ms
        shown = proven.shown[:SHOWN_KEPT]
        return but(release, moved_at=now, first_new_answer_ms=first, last_old_answer_ms=last, shown=shown)

    def figures(record: Record) -> Record:
        fresh = conditions.forget(carried(record), conditions.WAY_BACK_READY)
        return records.update_release(fresh, moved)

    record = advance(world, release, Phase.BAKING, Reason.TRAFFIC_PROVEN, text, also=figures)
    return need_open(record, release)


def _carried(world: World, record: Record, side: Side) -> Callable[[Record], Record]:
    """Notes what the old side carried while it was live (counts, images, configuration): what is held against it from
    here on. Read when its users have left, and nothing of it has been scaled yet. What this release takes out, too: as
    many of it work again on the way back.

    What cannot be read keeps its older note. A side on which nothing ever ran stays so.
    """
    try:
        state = look_at_side(world, side)
        hashed = configuration_hash(configuration(world.cluster, state))
    except FlipgateError as error:
        world.say(f"what {side} carried while it was live is not noted: {error}")
        return lambda record: record

    gone = taken_out.counts_of(read_taken_out(world, record, side, world.say))

    declared = [service.name for service in world.application.spec.services]

    def carried(before: Occupant) -> tuple[Occupant, tuple[str, ...]]:
        # What was not released there and does not run there came with the release that takes users away.
        ran = {name for name, workload in state.workloads.items() if workload.up or name in before.images}
        found = {name: image for name, image in images_of(world.application, state).items() if name in ran}
        images = {**before.images, **found}
        roles = {name: ran for name, ran in taken_out.roles_of(world.application).items() if name in images}
        had = but(
            before,
            replicas={**before.replicas, **gone, **present_counts(state)},
            suspended=suspended(state),
            images=images,
            roles={**before.roles, **roles},
            configuration=hashed,
        )
        return fitting(had, declared)

    def noted(record: Record) -> Record:
        before = record.sides.get(side)
        return records.occupied(record, side, carried(before)[0]) if before and before.images else record

    before = record.sides.get(side)
    if before and before.images and (left := carried(before)[1]):
        many = f"{len(left)} services that were taken out of the file are not noted, for want of room"
        world.say(f"{many}; flipgate leaves them as they are on {side}: {', '.join(left)}")
    return noted


def note_live(acting: Acting, release: str, evidence: tuple[Evidence, ...]) -> Release:
    """Moves the release from `baking` to `live`: the soak begins. Raises Refused unless every gate passed; where one is
    unknown, traffic stays and a person is asked."""
    world = acting.world
    verdict = combine(evidence)
    if verdict is not Verdict.PASS:
        bad = bad_bake(world, verdict, evidence)
        if verdict is Verdict.UNKNOWN:  # one that failed is told and noted by the way back
            _announce(world, bad, f"{bad.fact}. Next: {bad.next_command}")
        raise bad
    now = world.now()
    settle_after = now + timedelta(seconds=world.application.spec.policy.soak_seconds)
    record = world.store.read()
    until = f"until {settle_after:%Y-%m-%d %H:%M:%S} UTC"
    if record.ran_on(need_open(record, release).side.other):
        message = f"the old side stays up as the way back {until}; by hand: {way_back_by_hand(world)}"
    else:
        message = f"a first release, with no way back; it soaks {until}"
    if world.application.spec.metrics.in_flight:
        message = "; ".join([message, *informing(evidence)])

    def soaking(record: Record) -> Record:
        return records.judged(
            records.update_release(record, lambda each: but(each, settle_after=settle_after)), BAKE, evidence, now
        )

    record = advance(world, release, Phase.LIVE, Reason.BAKE_PASSED, message, also=soaking)
    return need_open(record, release)


def way_back_by_hand(world: World) -> str:
    """Returns the kubectl commands that send users to the other side without flipgate."""
    traffic = look_at_traffic(world)
    if traffic.active is None:
        return "(routes are not whole: see flipgate status)"
    lines = lines_back(traffic, world.application.places, world.hold)
    typed = in_a_message(lines, f"the line in the annotation {WAY_BACK} of each route")
    return f"{typed} (it leaves behind what users write from now on)" if world.application.per_side() else typed


def _need_approval(world: World, view: View) -> None:
    decided = standing(world, QuestionKind.FLIP, view)
    if isinstance(decided, NotGranted):
        raise Refused(
            decided.fact,
            obj=f"approval for {world.application.name}",
            reason=decided.reason,
            untouched="all routes",
            next_command=f"flipgate flip {world.application.name} (asks again)",
        )


def _undone(acting: Acting, release: Release, error: Refused) -> None:
    """Makes the release dark again after a move that changed nothing, its spent approval gone with the question, and
    lets users write again.

    Last, for it may take its time and nobody waits for it, its side is stamped: later than the routes that were sent
    back, for without a record only that says that nobody has seen it (`going_back.older`)."""
    world = acting.world
    if need_open(world.store.read(), release.name).phase is Phase.FLIPPING:
        advance(world, release.name, Phase.DARK, Reason.MOVE_UNDONE, str(error), also=approvals.withdraw)
    let_go(acting, release.side.other)
    for lacking in take_patiently(acting, release.side, over_unrecorded=False):
        world.say(lacking)
