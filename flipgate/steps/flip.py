"""Flipping: the approved move, its proof, and what follows from either. Called under the Lease."""

from __future__ import annotations

from datetime import timedelta

from flipgate.core import record as records
from flipgate.core.errors import Refused
from flipgate.core.gates import Evidence, Verdict, combine
from flipgate.core.record import QuestionKind, Record
from flipgate.core.release import Phase, Reason, Release
from flipgate.core.traffic import by_hand, plan_move
from flipgate.steps.ask import need_phase
from flipgate.steps.look import look, look_at_traffic, need_record
from flipgate.steps.move import Move, move, need_counts, need_services
from flipgate.steps.prove import Proven, need_sight, prove, traefik_replicas
from flipgate.steps.tell import write
from flipgate.steps.world import World


def flip(world: World, *, epoch: int) -> tuple[Move, Proven]:
    """Moves all users to the release's side and proves it. The approval is spent in the write that opens the entry.

    Raises Refused before anything moved when Traefik cannot be seen through, a Service is missing, pods are too few or
    a route was changed; the phase is `dark` again then, and the approval is gone.
    """
    view = look(world)
    release = need_phase(world, need_record(world, view), QuestionKind.FLIP)
    need_services(world, release.side)
    need_counts(world, view, release.side)
    replicas = traefik_replicas(world)
    need_sight(world, release.side.other, replicas)

    def approved(record: Record, entry: int) -> Record:
        flipping = records.advance(record, Phase.FLIPPING, Reason.APPROVED, world.now(), actor=world.actor)
        return records.spend(flipping, entry)

    try:
        moved = move(world, release.side, epoch=epoch, also=approved)
    except Refused as error:
        _undone(world, error)
        raise
    return moved, prove(world, release.side, replicas, since=moved.at)


def note_proof(world: World, proven: Proven) -> Release:
    """`flipping` to `baking`, with the figures and the line that takes traffic back without flipgate."""
    now = world.now()
    message = f"first answer from the new side after {proven.first_new_answer_ms} ms, through every Traefik replica"
    way_back = way_back_by_hand(world)

    def change(record: Record) -> Record:
        moved = records.update_release(record, moved_at=now, first_new_answer_ms=proven.first_new_answer_ms)
        text = f"{message}. Back by hand: {way_back}"
        return records.advance(moved, Phase.BAKING, Reason.TRAFFIC_PROVEN, now, actor=world.actor, message=text)

    record = write(world, change)
    assert record.release is not None
    return record.release


def note_live(world: World, evidence: tuple[Evidence, ...]) -> Release:
    """`baking` to `live`: the soak begins. Raises Refused unless every gate passed; unknown stays and asks."""
    verdict = combine(evidence)
    if verdict is not Verdict.PASS:
        raise Refused(
            f"{verdict}: " + "; ".join(f"{e.gate}: {e.answer}" for e in evidence if e.verdict is not Verdict.PASS),
            obj="bake",
            reason="BakeUnknown" if verdict is Verdict.UNKNOWN else "BakeFailed",
            untouched="all routes: traffic stays where it is until a person decides",
            next_command=f"flipgate flip {world.application.name} (watch again) or flipgate rollback "
            f"{world.application.name} --reason ...",
        )
    now = world.now()
    settle_after = now + timedelta(seconds=world.application.spec.policy.soak_seconds)
    message = f"the old side stays up as the way back until {settle_after:%Y-%m-%d %H:%M} UTC"

    def change(record: Record) -> Record:
        soaking = records.update_release(record, settle_after=settle_after)
        return records.advance(soaking, Phase.LIVE, Reason.BAKE_PASSED, now, actor=world.actor, message=message)

    record = write(world, change)
    assert record.release is not None
    return record.release


def way_back_by_hand(world: World) -> str:
    """The kubectl lines that send users to the other side without flipgate."""
    traffic = look_at_traffic(world)
    if traffic.active is None:
        return "(routes are not whole: see flipgate status)"
    namespaces = {side: world.application.namespace_of(side) for side in (traffic.active, traffic.active.other)}
    return " && ".join(by_hand(patch) for patch in plan_move(traffic, namespaces, traffic.active.other))


def _undone(world: World, error: Refused) -> None:
    """The move changed nothing: the release is dark again, and its spent approval is gone with the question."""
    if world.store.read().phase is Phase.FLIPPING:
        write(
            world,
            lambda r: records.advance(
                r, Phase.DARK, Reason.MOVE_UNDONE, world.now(), actor=world.actor, message=str(error)
            ).model_copy(update={"question": None, "approval": None}),
        )
