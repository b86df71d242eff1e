"""Whether there is a way back, and bringing the old side up where it is not Ready any more."""

from __future__ import annotations

import time
from dataclasses import dataclass

from flipgate.core.errors import FlipgateError, Refused
from flipgate.core.record import Record
from flipgate.core.release import Release
from flipgate.core.sides import Side
from flipgate.core.traffic import by_hand
from flipgate.core.view import SideState, short_of
from flipgate.steps.look import look_at_side, look_at_traffic
from flipgate.steps.move import plan_back
from flipgate.steps.world import World

SLOW_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class RolledBack:
    """What rolling back did. `way` is fast, slow or abort. `notes` are for reading.

    `left` is what somebody must still see to: routes that could not be moved, workers that were not handed over, a
    record that could not be written.
    """

    way: str
    to: Side | None
    seconds: float
    recorded: bool = True
    first_old_answer_ms: float | None = None
    notes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def bring_up_again(world: World, target: Side, record: Record) -> tuple[str, tuple[str, ...]]:
    """Scales the side to the counts that matter. Waits only where a service has no Ready pod at all (the slow way):
    users on a bad side are not kept there for one pod that is missing. Returns the way, and what was still missing.

    Raises Refused (WayBackNotReady) when a service still has none after SLOW_TIMEOUT_SECONDS.
    """
    state = look_at_side(world, target)
    wanted = _counts_that_matter(world, target, record)
    missing = short_of(state, wanted)
    _scale_up(world, state, wanted)
    if not any(ready == 0 for ready, _ in missing.values()):
        return "fast", tuple(f"{name} on {target} has {r} of {c} pods Ready" for name, (r, c) in missing.items())
    world.say(f"{target} is not up: scaled to {sum(wanted.values())} pods, waiting for them first (the slow way)")
    deadline = time.monotonic() + SLOW_TIMEOUT_SECONDS
    while missing := short_of(look_at_side(world, target), wanted):
        world.check_lease()
        if time.monotonic() > deadline:
            if any(ready == 0 for ready, _ in missing.values()):
                raise _not_up(world, look_at_side(world, target), missing)
            break
        world.sleep(0.2)
    return "slow", tuple(f"{name} on {target} has {r} of {c} pods Ready" for name, (r, c) in missing.items())


def _counts_that_matter(world: World, target: Side, record: Record) -> dict[str, int]:
    """What the side carried when it was last live, what the other side has now, at least the file's numbers."""
    occupant = record.sides.get(target)
    known = occupant.replicas if occupant else {}
    now = look_at_side(world, target.other).replicas
    return {
        s.name: max(s.replicas, known.get(s.name, 0), now.get(s.name, 0))
        for s in world.application.serving()
        if s.replicas
    }


def _scale_up(world: World, state: SideState, wanted: dict[str, int]) -> None:
    for name, count in wanted.items():
        workload = state.workloads[name]
        if workload.found and workload.replicas < count:
            path = f"/apis/apps/v1/namespaces/{workload.namespace}/deployments/{name}"
            try:
                world.cluster.patch(path, [{"op": "add", "path": "/spec/replicas", "value": count}], timeout=5.0)
            except FlipgateError as error:
                world.say(f"could not scale {workload.namespace}/{name} to {count}: {error}")


def need_older(world: World) -> Side:
    """The side that was live before, by the stamps on the Deployments: without a record they alone can tell.

    A side that is brought up, and a side that is flipped to, are stamped later than the other. Raises Refused when the
    routes name no one side, or when the dark side is stamped later than the live one: nobody approved it then.
    """
    traffic = look_at_traffic(world)
    if traffic.active is None:
        raise Refused(
            f"the routes name no one side: {traffic}",
            obj=f"application {world.application.name}",
            reason="RoutesSplit",
            untouched="all routes",
            next_command=_with_side(world),
        )
    target = traffic.active.other
    live, dark = _latest_stamp(world, traffic.active), _latest_stamp(world, target)
    if live is None or dark is None or dark >= live:
        raise Refused(
            f"without the record nobody can say that {target} was live before: {target} is stamped "
            f"{'unreadably' if dark is None else dark}, {traffic.active} {'unreadably' if live is None else live}",
            obj=f"application {world.application.name}",
            reason="NoWayBack",
            untouched="all routes",
            next_command=_with_side(world),
        )
    return target


def _latest_stamp(world: World, side: Side) -> int | None:
    """The highest epoch on a side; -1 where none was ever stamped, None where one is no number."""
    stamps = [workload.epoch for workload in look_at_side(world, side).workloads.values() if workload.epoch]
    if not all(stamp.isdigit() for stamp in stamps):
        return None
    return max((int(stamp) for stamp in stamps), default=-1)


def need_ready(world: World, target: Side) -> None:
    """Raises Refused unless each serving service of the side has a Ready pod."""
    state = look_at_side(world, target)
    missing = short_of(state, {s.name: 1 for s in world.application.serving() if s.replicas})
    if missing:
        raise _not_up(world, state, missing)


def workers_left(world: World, target: Side) -> tuple[str, ...]:
    """Handing over is journaled, and there is no journal now: a person has to do it."""
    names = [service.name for service in world.application.workers()]
    there = f"namespace {world.application.namespace_of(target)}"
    return (f"workers were not handed over to {target} ({there}): {', '.join(names)}",) if names else ()


def no_way_back(world: World, release: Release | None) -> Refused:
    """The refusal when no open release has moved users."""
    state = f"release {release.name} is `{release.phase}`" if release else "no release is open"
    return Refused(
        f"there is nothing to go back from: {state}, traffic on {look_at_traffic(world).active or 'no one side'}",
        obj=f"application {world.application.name}",
        reason="NoWayBack",
        untouched="all routes",
        next_command=f"{_with_side(world)} (scales that side up first)",
    )


def not_a_way_back(world: World, release: Release) -> Refused:
    """The refusal to send users to a side whose release nobody approved, or that users were taken back from."""
    return Refused(
        f"runs release {release.name}, which is `{release.phase}`: going there is no way back but a flip",
        obj=f"side {release.side}",
        reason="NotAWayBack",
        untouched="all routes",
        next_command=f"flipgate flip {world.application.name}; if it must be, by hand: "
        f"{_by_kubectl(world, release.side)}",
    )


def _by_kubectl(world: World, to: Side) -> str:
    _, patches = plan_back(world, to)
    return " && ".join(by_hand(patch) for patch in patches) or "nothing, the routes are there"


def _with_side(world: World) -> str:
    return f"flipgate rollback {world.application.name} --to SIDE --reason ..."


def _not_up(world: World, state: SideState, missing: dict[str, tuple[int, int]]) -> Refused:
    counts = ", ".join(f"{name} {ready} of {count}" for name, (ready, count) in missing.items())
    return Refused(
        f"is not Ready: {counts}",
        obj=f"side {state.side} ({state.namespace})",
        reason="WayBackNotReady",
        untouched="all routes",
        next_command=f"kubectl -n {state.namespace} get pods; if it must be, by hand: {_by_kubectl(world, state.side)}",
    )
