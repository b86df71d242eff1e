"""Refusals to roll back: they show both sides' state, and what a person can still do."""

from __future__ import annotations

from collections.abc import Mapping

from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.moves import by_hand
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.way_back.going_back import NoWay
from flipgate.core.workloads import counts
from flipgate.core.workloads.counts import counted, short_of_itself
from flipgate.core.workloads.standstill import Standstill
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.looking.plan import plan_back


def no_way_back(world: World, judged: NoWay, traffic: Traffic, *, named: bool) -> Refused:
    """Returns the refusal to roll back, with both sides' state. `named`: a person has named the side."""
    on = f", traffic on {traffic.active or 'no one side'}" if judged.reason is Why.NO_WAY_BACK else ""
    return Refused(
        f"{judged.fact}{on}. {both_sides(world)}",
        obj=f"side {world.application.place_of(judged.side)}" if judged.side else "",
        reason=judged.reason,
        untouched="all routes",
        next_command=_next_command(world, judged, traffic, named),
    )


def _next_command(world: World, judged: NoWay, traffic: Traffic, named: bool) -> str:
    name, side = world.application.name, judged.side
    match judged.reason:
        case Why.NOT_A_WAY_BACK if side:
            return f"flipgate flip {name}; if it must be, by hand: {_by_hand(world, side)}"
        case Why.CONTRACT_MIGRATION_DONE if side:
            return f"{_forward(world)}; if it must be, by hand: {_by_hand(world, side)}"
        case Why.NO_WAY_BACK if side:
            return _forward(world)
        case Why.ROUTE_UNKNOWN if named:
            route = traffic.leading[0].route
            return f"kubectl -n {route.namespace} get {KINDS[route.kind].plural} -o yaml"
        case Why.WAY_BACK_NOT_READY if side:
            return _bring_up(world, side)
        case Why.NO_WAY_BACK:
            return f"{with_side(world)} (scales that side up first, where it has to be)"
        case _:
            return with_side(world)


def _by_hand(world: World, to: Side) -> str:
    """The kubectl lines to a side, for a refusal that says more than that there are none."""
    try:
        return by_kubectl(world, to)
    except FlipgateError as error:
        return f"no line ({error.named_fact})"


def _bring_up(world: World, side: Side) -> str:
    namespace = world.application.place_of(side).namespace
    return (
        f"kubectl -n {namespace} get pods; then {with_side(world, side)} (brings it up first), or the same "
        "with --now (with whatever is Ready there)"
    )


def not_up(
    world: World, state: SideState, missing: Mapping[str, tuple[int, int]], stuck: tuple[Standstill, ...] = ()
) -> Refused:
    """Returns the refusal to send users to a side that is not Ready for them; `stuck` is what no waiting mends."""
    facts, commands = [each.fact for each in stuck], dict.fromkeys(each.command for each in stuck)
    return Refused(
        f"is not Ready: {'; '.join([counts.said(missing), *facts])}. {both_sides(world)}",
        obj=f"side {state.place}",
        reason=Why.WAY_BACK_NOT_READY,
        untouched="all routes",
        next_command="; then ".join([*commands, _bring_up(world, state.side)]),
    )


def both_sides(world: World) -> str:
    """Returns each side's Ready pods as a sentence, for a person who has to choose a side."""
    return f"{_state(world, Side.BLUE)}; {_state(world, Side.GREEN)}"


def by_kubectl(world: World, to: Side) -> str:
    """Returns the kubectl commands that send all users to a side without flipgate."""
    _, patches = plan_back(world, to)
    return " && ".join(by_hand(patch) for patch in patches) or "nothing, the routes are there"


def with_side(world: World, side: Side | str = "SIDE") -> str:
    """Returns the command by which a person decides where users go."""
    return f"flipgate rollback {world.application.name} --to {side} --reason ..."


def _forward(world: World) -> str:
    return f"flipgate deploy {world.application.name} --image NAME=REF"


def _state(world: World, side: Side) -> str:
    try:
        state = look_at_side(world, side)
    except FlipgateError as error:
        return f"{side} cannot be read ({error.fact})"
    ready = sum(state.ready[service.name] for service in counted(world.application))
    missing = short_of_itself(world.application, state).items()
    short = ", ".join(f"{name} {found}/{count}" for name, (found, count) in missing)
    return f"{side} has {ready} Ready pods" + (f" (short: {short})" if short else "")
