"""Pauses KEDA's ScaledObjects of workers on the side that is dark, and lets them go when it begins to work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from flipgate.adapters.addresses import address_of
from flipgate.core.values.errors import Conflict, Forbidden
from flipgate.core.workloads.scaled_objects import ScaledObject, read_scaled_object
from flipgate.steps.acting.acting import Acting

TRIES: Final = 5


def pause_each(acting: Acting, found: Iterable[ScaledObject]) -> None:
    """Pauses these, before their workers are stopped. What may not be written is said, with what to type."""
    for each in found:
        try:
            pause(acting, each)
        except Forbidden as error:
            acting.world.say(f"{each} is not paused, and may start {each.deployment}: {error}. {each.hold_by_hand}")


def pause(acting: Acting, scaled: ScaledObject) -> None:
    """Has KEDA hold it at 0, and notes what stood there. Does nothing where it is so."""
    _write(acting, scaled, ScaledObject.holding)


def let_go(acting: Acting, scaled: ScaledObject) -> None:
    """Puts back what stood there before it was paused. Does nothing where flipgate did not pause it."""
    _write(acting, scaled, ScaledObject.letting_go)


def _write(acting: Acting, scaled: ScaledObject, changes: Callable[[ScaledObject], list[dict[str, Any]]]) -> None:
    """Reads and tries again where somebody has written it since: KEDA writes to it all the time. Raises LostLease when
    a later actor has stamped it."""
    for left in reversed(range(TRIES)):
        acting.check_lease()
        operations = changes(scaled)
        if not operations:
            return
        try:
            fenced = scaled.fenced(acting.epoch, acting.renewed(scaled.stamp), *operations)
            acting.cluster.patch(address_of(scaled), fenced)
            return
        except Conflict:
            if not left:
                raise
        found = acting.cluster.find(address_of(scaled))
        again = read_scaled_object(found, scaled.namespace) if found else None
        if again is None:
            return
        scaled = again
