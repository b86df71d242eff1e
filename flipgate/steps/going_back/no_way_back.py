"""Saying that there is no way back, with both sides' state, and what a person can still do."""

from __future__ import annotations

from collections.abc import Mapping

from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.traffic.moves import by_hand
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.way_back.going_back import NoWay, closed, not_approved
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side, look_at_traffic
from flipgate.steps.looking.plan import plan_back


def need_way_back(world: World, record: Record, target: Side) -> None:
    """Raises Refused for a side that nobody can go back to, whoever asks: nothing ever ran there (NoWayBack), or a
    contract migration was done since (ContractMigrationDone)."""
    refused = closed(record, target)
    if refused is None:
        return
    contracted = refused.reason == Why.CONTRACT_MIGRATION_DONE
    side = f"side {target} ({world.application.namespace_of(target)})"
    by_hand = f"; if it must be, by hand: {by_kubectl(world, target)}" if contracted else ""
    raise Refused(
        f"{refused.fact}. {both_sides(world)}",
        obj=side if contracted else f"application {world.application.name}",
        reason=refused.reason,
        untouched="all routes",
        next_command=f"{_forward(world)}{by_hand}",
    )


def no_way_back(world: World, refused: NoWay) -> Refused:
    """The refusal when no open release has moved users."""
    return Refused(
        f"{refused.fact}, traffic on {look_at_traffic(world).active or 'no one side'}. {both_sides(world)}",
        obj=f"application {world.application.name}",
        reason=refused.reason,
        untouched="all routes",
        next_command=f"{with_side(world)} (scales that side up first)",
    )


def not_a_way_back(world: World, release: Release) -> Refused:
    """The refusal to send users to a side whose release nobody approved, or that users were taken back from."""
    refused = not_approved(release)
    return Refused(
        refused.fact,
        obj=f"side {release.side}",
        reason=refused.reason,
        untouched="all routes",
        next_command=f"flipgate flip {world.application.name}; if it must be, by hand: "
        f"{by_kubectl(world, release.side)}",
    )


def not_up(world: World, state: SideState, missing: Mapping[str, tuple[int, int]]) -> Refused:
    """The refusal to send users to a side that is not Ready for them."""
    counts = ", ".join(f"{name} {ready} of {count}" for name, (ready, count) in missing.items())
    return Refused(
        f"is not Ready: {counts}. {both_sides(world)}",
        obj=f"side {state.side} ({state.namespace})",
        reason=Why.WAY_BACK_NOT_READY,
        untouched="all routes",
        next_command=f"kubectl -n {state.namespace} get pods; then {with_side(world, state.side)} (brings it up "
        "first), or the same with --now (with whatever is Ready there)",
    )


def both_sides(world: World) -> str:
    """Each side's Ready pods in a sentence: what a person needs to choose one."""
    return f"{_state(world, Side.BLUE)}; {_state(world, Side.GREEN)}"


def by_kubectl(world: World, to: Side) -> str:
    """The kubectl lines that send all users to a side without flipgate."""
    _, patches = plan_back(world, to)
    return " && ".join(by_hand(patch) for patch in patches) or "nothing, the routes are there"


def with_side(world: World, side: Side | str = "SIDE") -> str:
    """The line with which a person decides where users go."""
    return f"flipgate rollback {world.application.name} --to {side} --reason ..."


def _forward(world: World) -> str:
    return f"flipgate deploy {world.application.name} --image NAME=REF"


def _state(world: World, side: Side) -> str:
    try:
        state = look_at_side(world, side)
    except FlipgateError as error:
        return f"{side} cannot be read ({error.fact})"
    wanted = {s.name: max(1, state.replicas[s.name]) for s in world.application.serving() if s.replicas}
    ready = {name: state.ready[name] for name in wanted}
    short = [f"{name} {ready[name]}/{count}" for name, count in wanted.items() if ready[name] < count]
    return f"{side} has {sum(ready.values())} Ready pods" + (f" (short: {', '.join(short)})" if short else "")
