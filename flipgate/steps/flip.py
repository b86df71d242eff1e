"""Flipping: the approved move, its proof, and what follows from either. Called under the Lease."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType

from flipgate.core import approvals
from flipgate.core import record as records
from flipgate.core.approvals import NotGranted
from flipgate.core.errors import Refused
from flipgate.core.gates import Evidence, Verdict, combine
from flipgate.core.record import QuestionKind, Record
from flipgate.core.release import Phase, Reason, Release
from flipgate.core.traffic import by_hand, plan_move
from flipgate.steps.ask import need_phase, standing
from flipgate.steps.look import look, look_at_traffic
from flipgate.steps.move import Move, move, need_counts
from flipgate.steps.prove import Proven, need_sight, prove, traefik_replicas
from flipgate.steps.roll_back import roll_back
from flipgate.steps.stamp import stamp
from flipgate.steps.targets import need_targets
from flipgate.steps.tell import advance, need_open
from flipgate.steps.world import World

MOVABLE = frozenset({Phase.DARK, Phase.FLIPPING, Phase.BAKING})
FLIPPABLE = MOVABLE | {Phase.LIVE}
GOES_BACK = MappingProxyType(
    {
        "TrafficNotProven": Reason.TRAFFIC_NOT_PROVEN,
        "BakeFailed": Reason.BAKE_FAILED,
        "WorkersNotReady": Reason.BAKE_FAILED,
    }
)
"""Refusals after the move that send everybody back, and the reason that the phase change gets."""


def flip(world: World, *, epoch: int) -> tuple[Move, Proven]:
    """Moves all users to the release's side and proves it. The approval is spent in the write that opens the entry.

    The side is stamped before its pods are counted, so that a stale scale-down cannot empty it after the count.
    Raises Refused before anything moved when the approval does not stand (it is judged once more, on what would change
    now), pods are too few, what the routes will name is missing or has no endpoints, or Traefik cannot be seen through;
    and when a route was changed: then the phase is `dark` again, and the approval is gone.
    """
    release = need_phase(world, world.store.read(), QuestionKind.FLIP)
    stamp(world, release.side, epoch)
    _need_approval(world)
    view = look(world)
    need_counts(world, view, release.side)
    need_targets(world, view.traffic, release.side)
    replicas = traefik_replicas(world)
    need_sight(world, release.side.other, replicas)

    def approved(record: Record, entry: int) -> Record:
        said = record.approval
        message = f"by {said.by} via {said.via}: {said.reason}" if said else ""
        now = world.now()
        flipping = records.advance(record, Phase.FLIPPING, Reason.APPROVED, now, actor=world.actor, message=message)
        return approvals.spend(flipping, entry)

    try:
        moved = move(world, release.side, also=approved)
    except Refused as error:
        _undone(world, release.name, error)
        raise
    return moved, prove(world, release.side, replicas, since=moved.at)


def need_release(world: World, release: str, phases: frozenset[Phase]) -> Release:
    """The open release of this name, in one of these phases. Raises Refused (Superseded, WrongPhase) otherwise."""
    found = need_open(world.store.read(), release)
    if found.phase not in phases:
        raise Refused(
            f"is `{found.phase}`, not {' or '.join(f'`{phase}`' for phase in sorted(phases))}",
            obj=f"release {release}",
            reason="WrongPhase",
            untouched="all routes and both sides",
            next_command=f"flipgate status {world.application.name}",
        )
    return found


def need_proven(world: World, proven: Proven) -> None:
    """Raises Refused (TrafficNotProven) naming the replicas that stayed deaf."""
    if not proven.ok:
        raise Refused(
            f"not every Traefik replica shows the new side after {proven.seconds:.1f} s: {'; '.join(proven.deaf)}",
            obj=f"traffic of {world.application.name}",
            reason="TrafficNotProven",
            untouched="workers and the old side",
            next_command=f"flipgate status {world.application.name}",
        )


@contextmanager
def going_back(world: World) -> Iterator[None]:
    """Takes traffic back by itself when the block finds the new side unproven or bad, then raises what it found.

    An unknown verdict moves nothing: traffic stays, and a person is asked.
    """
    try:
        yield
    except Refused as bad:
        cause = GOES_BACK.get(bad.reason)
        if cause:
            world.say(f"going back: {bad}")
            done = roll_back(world, bad.fact, by=world.actor, cause=cause)
            world.say(f"traffic is on {done.to} again after {done.seconds:.2f} s {' '.join(done.notes)}")
        raise


def note_proof(world: World, release: str, proven: Proven) -> Release:
    """`flipping` to `baking`, with the figures and the line that takes traffic back without flipgate."""
    record = world.store.read()
    if need_open(record, release).phase is Phase.BAKING:
        return need_open(record, release)
    now = world.now()
    message = f"first answer from the new side after {proven.first_new_answer_ms} ms, through every Traefik replica"
    text = f"{message}. Back by hand: {way_back_by_hand(world)}"

    def figures(record: Record) -> Record:
        return records.update_release(record, moved_at=now, first_new_answer_ms=proven.first_new_answer_ms)

    record = advance(world, release, Phase.BAKING, Reason.TRAFFIC_PROVEN, text, also=figures)
    return need_open(record, release)


def note_live(world: World, release: str, evidence: tuple[Evidence, ...]) -> Release:
    """`baking` to `live`: the soak begins. Raises Refused unless every gate passed; unknown stays and asks."""
    verdict = combine(evidence)
    if verdict is not Verdict.PASS:
        raise _bad_bake(world, verdict, evidence)
    settle_after = world.now() + timedelta(seconds=world.application.spec.policy.soak_seconds)
    message = f"the old side stays up as the way back until {settle_after:%Y-%m-%d %H:%M:%S} UTC"

    def soaking(record: Record) -> Record:
        return records.update_release(record, settle_after=settle_after)

    record = advance(world, release, Phase.LIVE, Reason.BAKE_PASSED, message, also=soaking)
    return need_open(record, release)


def _bad_bake(world: World, verdict: Verdict, evidence: tuple[Evidence, ...]) -> Refused:
    """Unknown leaves traffic where it is for a person; a failed bake sends it back, so nothing may be said to stay."""
    fact = f"{verdict}: " + "; ".join(f"{e.gate}: {e.answer}" for e in evidence if e.verdict is not Verdict.PASS)
    name = world.application.name
    if verdict is Verdict.UNKNOWN:
        return Refused(
            fact,
            obj="bake",
            reason="BakeUnknown",
            untouched="all routes: traffic stays where it is until a person decides",
            next_command=f"flipgate flip {name} (watch again) or flipgate rollback {name} --reason ...",
        )
    return Refused(
        fact,
        obj="bake",
        reason="BakeFailed",
        untouched="the old side, which is the way back",
        next_command=f"flipgate status {name}",
    )


def way_back_by_hand(world: World) -> str:
    """The kubectl lines that send users to the other side without flipgate."""
    traffic = look_at_traffic(world)
    if traffic.active is None:
        return "(routes are not whole: see flipgate status)"
    namespaces = {side: world.application.namespace_of(side) for side in (traffic.active, traffic.active.other)}
    return " && ".join(by_hand(patch) for patch in plan_move(traffic, namespaces, traffic.active.other))


def _need_approval(world: World) -> None:
    decided = standing(world, QuestionKind.FLIP)
    if isinstance(decided, NotGranted):
        raise Refused(
            decided.fact,
            obj=f"approval for {world.application.name}",
            reason=decided.reason,
            untouched="all routes",
            next_command=f"flipgate flip {world.application.name} (asks again)",
        )


def _undone(world: World, release: str, error: Refused) -> None:
    """The move changed nothing: the release is dark again, and its spent approval is gone with the question."""
    if world.store.read().phase is Phase.FLIPPING:
        advance(world, release, Phase.DARK, Reason.MOVE_UNDONE, str(error), also=approvals.withdraw)
