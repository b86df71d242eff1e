"""Looks whether the namespace of a side has room for the pods of a release, before any of them is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from flipgate.adapters.limits import container_needs, pod_needs, read_quotas, read_ranges
from flipgate.core.record.release import Release
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.verdicts import Evidence, Verdict
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
from flipgate.core.workloads.standing import rolling
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look_at_side, side_of_release
from flipgate.steps.looking.standstill import pods_going

COUNTED_SECONDS = 5.0
"""How long a quota's numbers may lag behind the pods that came or went."""
PAUSE_SECONDS = 0.5
GATE: Final = "room in the namespace"
ASKED: Final = "its ResourceQuotas and LimitRanges"
WANTED: Final = "each takes all pods that the live side has"


@dataclass(frozen=True)
class Room:
    """What a namespace does not take of the pods that its side lacks, and what may not be looked at."""

    short: tuple[Shortage, ...]
    unread: tuple[str, ...]
    read: bool = True
    """Whether there is any quota or LimitRange that could be read."""

    @property
    def certain(self) -> tuple[Shortage, ...]:
        """Without what may hold for other pods."""
        return tuple(each for each in self.short if each.certain)


def read_room(world: World, view: View, release: Release | None) -> list[Evidence]:
    """Returns a row for each quota and LimitRange of the dark side that does not take what is live, workers too, or one
    that all do. What nobody can tell, what holds for other pods, and what may not be listed, is only shown. Where there
    are none there is no row."""
    side = side_of_release(view, release)
    if side is None:
        return []
    state, templates = view.sides[side], _new_templates(world, view.sides[side], release)
    room, going = _settled_room(world, view, state, templates, COUNTED_SECONDS if release else 0.0)
    row = partial(Evidence, GATE, asked=ASKED, of_whom=str(state.place), threshold=WANTED)
    unread = [row(verdict=Verdict.INFO, answer=f"not known: {line}") for line in room.unread]
    short = [
        row(verdict=Verdict.FAIL if each.certain and not going else Verdict.INFO, answer=f"{each.text}: {each.mend}")
        for each in room.short
    ]
    passed = [row(verdict=Verdict.PASS, answer="each takes it")] if room.read and not room.certain else []
    return [*short, *unread, *passed]


def _new_templates(world: World, side: SideState, release: Release | None) -> int:
    """How many Deployments get a new template: without a release, one."""
    if release is None:
        return 1
    found = rolling(world.application, side, release.images, release.again)
    return sum(each.kind == "Deployment" for each in found.values())


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
        return Room((), tuple(unread), read=False)
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
    room, going = _settled_room(world, view, side, templates, COUNTED_SECONDS)
    for line in room.unread:
        world.say(f"whether {side.place} has room for the release is not known: {line}")
    if not room.certain or going:
        return
    raise Refused(
        "; ".join(f"{each.text}: {each.mend}" for each in room.certain),
        obj=obj,
        reason=Why.PODS_REFUSED,
        untouched="both sides",
        next_command=" && ".join(dict.fromkeys(each.command for each in room.certain)),
    )


def _settled_room(
    world: World, view: View, side: SideState, templates: int, patience_seconds: float
) -> tuple[Room, bool]:
    """The room once quotas have counted what came and went, and whether pods are going, which make more."""
    whole, ends = whole_counts(world.application, view.sides[side.side.other]), world.monotonic() + patience_seconds
    room = look_for_room(world, side, whole, templates=templates)
    while room.certain and world.monotonic() < ends and not pods_going(world, side.namespace):
        world.sleep(PAUSE_SECONDS)
        room = look_for_room(world, look_at_side(world, side.side), whole, templates=templates)
    return room, bool(room.certain) and pods_going(world, side.namespace)


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
