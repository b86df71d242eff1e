"""Notices, while pods are waited for, that waiting is of no use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from flipgate.adapters.addresses import address
from flipgate.adapters.limits import read_scalers
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.unread import Unread
from flipgate.core.workloads.scalers import Scaler, fewer, taken_away
from flipgate.core.workloads.standstill import Seen, Standstill, final, first_seen, standstills
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.world import World


@dataclass
class Waiting:
    """One wait for pods of a side: what stood in their way at each look, and since when."""

    world: World
    seen: Seen = field(default_factory=dict)

    def stuck(self, state: SideState, names: Iterable[str]) -> tuple[Standstill, ...]:
        """Returns what keeps these services from coming up until somebody acts. What may pass by itself is among it
        once it has stood long enough; not while pods of the namespace are going, which make room."""
        found, now = standstills(state, names), self.world.monotonic()
        self.seen = first_seen(found, self.seen, now)
        over = final(found, self.seen, now)
        if any(each.patience_seconds for each in over) and pods_going(self.world, state.namespace):
            return tuple(each for each in over if not each.patience_seconds)
        return over

    def need_none(self, state: SideState, wanted: Mapping[str, int], *, obj: str, untouched: str) -> None:
        """Raises Refused, with the reason of the first, where something keeps these services from having so many pods:
        those that were set, and that somebody may have taken away since."""
        found = (*taken(self.world, state, wanted), *self.stuck(state, wanted))
        need_none(found, obj=obj, untouched=untouched)


def pods_going(world: World, namespace: str) -> bool:
    """Whether pods of the namespace are about to end: they make room. False where that cannot be read."""
    try:
        pods = world.cluster.items(address("Pod", namespace))
    except FlipgateError:
        return False
    return any(pod["metadata"].get("deletionTimestamp") for pod in pods)


def taken(world: World, state: SideState, wanted: Mapping[str, int]) -> tuple[Standstill, ...]:
    """Returns the services that ask for fewer pods than wanted, with who took them away. Never raises."""
    few = fewer(state, wanted)
    if not few:
        return ()
    scalers: tuple[Scaler, ...] | Unread
    try:
        scalers = read_scalers(world.cluster, state.namespace)
    except FlipgateError as error:
        scalers = Unread(error.named_fact)
    return tuple(taken_away(few, wanted, scalers))


def need_none(found: Iterable[Standstill], *, obj: str, untouched: str, reason: Why | None = None) -> None:
    """Raises Refused where there is any, for `reason`, or for that of the first."""
    ways = tuple(found)
    if ways:
        reason = reason or ways[0].reason
        raise Refused(
            "; ".join(each.fact for each in ways),
            obj=obj,
            reason=reason,
            untouched=untouched,
            next_command=" && ".join(dict.fromkeys(each.command for each in ways)),
        )
