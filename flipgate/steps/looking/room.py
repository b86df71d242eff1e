"""Looks whether the namespace of a side has room for the pods of a release, before any of them is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flipgate.adapters.limits import container_needs, pod_needs, read_quotas, read_ranges
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.workloads.counts import whole_counts
from flipgate.core.workloads.room import (
    DEPLOYMENTS,
    REPLICA_SETS,
    Quota,
    Range,
    Shortage,
    Wanted,
    out_of_range,
    short_of_objects,
    short_quotas,
)
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side, look_at_traffic
from flipgate.steps.looking.standstill import pods_going

COUNTED_SECONDS = 5.0
"""How long a quota's numbers may lag behind the pods that came or went."""
PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Room:
    """What a namespace does not take of the pods that its side lacks, and what may not be looked at."""

    short: tuple[Shortage, ...]
    unread: tuple[str, ...]

    @property
    def certain(self) -> tuple[Shortage, ...]:
        """Without what may hold for other pods."""
        return tuple(each for each in self.short if each.certain)


def room_problems(world: World) -> Iterator[str]:
    """Yields a sentence for each quota and LimitRange of the dark side that does not take what is live, workers too.
    What nobody can tell, and what may not be listed, is said."""
    try:
        live = look_at_traffic(world).active
        if live is None:
            return
        dark = look_at_side(world, live.other)
        room = look_for_room(world, dark, whole_counts(world.application, look_at_side(world, live)), templates=1)
    except FlipgateError:
        return  # a problem of its own, and named already
    for line in room.unread:
        world.say(f"whether {live.other} has room for what is live is not known: {line}")
    for each in room.short:
        if each.certain:
            yield f"{each.text}, so no release could come up on {live.other}: {each.mend}"
        else:
            world.say(f"{each.text}, which may hold up a release on {live.other}: {each.mend}")


def look_for_room(world: World, side: SideState, whole: Mapping[str, int], *, templates: int) -> Room:
    """Looks whether the side's namespace would take so many pods of each service beside those it has, and so many new
    pod `templates` of Deployments, each of which is a ReplicaSet. What may not be listed is left out, and said."""
    quotas: tuple[Quota, ...] = ()
    ranges: tuple[Range, ...] = ()
    unread: list[str] = []
    try:
        quotas = read_quotas(world.cluster, side.namespace)
    except FlipgateError as error:
        unread.append(error.named_fact)
    try:
        ranges = read_ranges(world.cluster, side.namespace)
    except FlipgateError as error:
        unread.append(error.named_fact)
    if not quotas and not ranges:
        return Room((), tuple(unread))
    wanted = _wanted(side, whole, ranges)
    more = {name: each.pods for name, each in sorted(wanted.items()) if each.pods > 0}
    needs = {name: each.needs for name, each in wanted.items()}
    absent = [name for name in side.missing if name in whole and side.workloads[name].kind == "Deployment"]
    objects = {REPLICA_SETS: templates, DEPLOYMENTS: len(absent)}
    found = [
        *short_quotas(quotas, more, needs, side.namespace),
        *short_of_objects(quotas, {kind: count for kind, count in objects.items() if count}, side.namespace),
        *out_of_range(ranges, {name: wanted[name] for name in more}, side.namespace),
    ]
    return Room(tuple(found), tuple(unread))


def need_room(world: World, view: View, side: SideState, *, templates: int, obj: str) -> None:
    """Raises Refused (PodsRefused) where the API server would not take all the pods that the side has in the end.
    Nothing is refused while pods of its namespace are going, which make room, nor for what nobody can tell."""
    whole, ends = whole_counts(world.application, view.sides[side.side.other]), world.monotonic() + COUNTED_SECONDS
    room = look_for_room(world, side, whole, templates=templates)
    for line in room.unread:
        world.say(f"whether {side.place} has room for the release is not known: {line}")
    while room.certain and world.monotonic() < ends and not pods_going(world, side.namespace):
        world.sleep(PAUSE_SECONDS)
        room = look_for_room(world, look_at_side(world, side.side), whole, templates=templates)
    if not room.certain or pods_going(world, side.namespace):
        return
    raise Refused(
        "; ".join(f"{each.text}: {each.mend}" for each in room.certain),
        obj=obj,
        reason=Why.PODS_REFUSED,
        untouched="both sides",
        next_command=" && ".join(dict.fromkeys(each.command for each in room.certain)),
    )


def _wanted(side: SideState, whole: Mapping[str, int], ranges: tuple[Range, ...]) -> dict[str, Wanted]:
    """What each workload that is there still lacks."""
    found = {name: (side.workloads[name], count) for name, count in whole.items() if side.workloads[name].found}
    return {
        name: Wanted(
            count - workload.pods,
            pod_needs(workload.template, ranges),
            container_needs(workload.template, ranges),
            workload.kind,
        )
        for name, (workload, count) in found.items()
    }
