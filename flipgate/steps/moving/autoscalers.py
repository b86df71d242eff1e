"""Has autoscalers leave alone what is stopped or put to rest, and puts back what stood there before."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from flipgate.adapters.addresses import address_of
from flipgate.core.values import stamps
from flipgate.core.values.errors import Conflict, Forbidden, NotFound
from flipgate.core.workloads.autoscalers import READ, Autoscaler
from flipgate.core.workloads.scaled_objects import ScaledObject
from flipgate.steps.acting.acting import Acting, Authority

TRIES: Final = 5
SECONDS: Final = 5.0
"""For one write of those that users may wait for."""


def hold_each(acting: Acting, found: Iterable[tuple[Autoscaler, int]]) -> None:
    """Has these leave what they scale at so many pods, before it is scaled to that. What may not be written is said,
    with what to type."""
    for each, count in found:
        try:
            hold(acting, each, count)
        except Forbidden as error:
            left = f"is left as it is, and may scale {each.deployment} up from {count} pods"
            acting.world.say(f"{each} {left}: {error}. {each.hold_by_hand(count)}")


def hold(acting: Acting, each: Autoscaler, count: int = 0) -> None:
    """Has one leave what it scales at so many pods, and notes what stood there. Does nothing where it is so."""
    _write(acting, each, lambda found: found.holding(count))


def let_go(acting: Acting, scaled: ScaledObject) -> None:
    """Puts back what stood there before it was paused. Does nothing where flipgate did not pause it."""
    _write(acting, scaled, lambda found: found.letting_go())


def take_back(acting: Authority, found: Iterable[Autoscaler], *, over_unrecorded: bool = False) -> None:
    """Takes these for a side that is brought up again, and puts back what stood there before its rest: what that has
    sent is refused from here on. What may not be written is said, with what to type. Raises LostLease like `stamp`."""
    for each in found:
        try:
            _take_back(acting, each, over_unrecorded)
        except Forbidden as error:
            if each.before is not None:
                acting.world.say(f"{each} is left as it was at rest: {error}. {each.let_go_by_hand}")


def _take_back(acting: Authority, each: Autoscaler, over_unrecorded: bool) -> None:
    def take(found: Autoscaler) -> None:
        if isinstance(acting.epoch, int) and not (over_unrecorded and stamps.unrecorded(found.stamp)):
            found.need_ours(acting.epoch)
        operations = [*found.tests(), *found.stamping(acting.new_stamp()), *found.letting_go()]
        with suppress(NotFound):
            acting.cluster.patch(address_of(found), operations, timeout=SECONDS)

    _until_taken(acting, each, take)


def _write(acting: Acting, each: Autoscaler, changes: Callable[[Autoscaler], list[dict[str, Any]]]) -> None:
    """Makes these changes, if there are any. Raises LostLease when a later actor has stamped it."""

    def change(found: Autoscaler) -> None:
        acting.check_lease()
        if operations := changes(found):
            fenced = found.fenced(acting.epoch, acting.renewed(found.stamp), *operations)
            acting.cluster.patch(address_of(found), fenced)

    _until_taken(acting, each, change)


def _until_taken(acting: Authority, each: Autoscaler, write: Callable[[Autoscaler], None]) -> None:
    """Reads and tries again where somebody has written it since: KEDA writes to its own all the time. One that is gone
    needs nothing."""
    for left in reversed(range(TRIES)):
        try:
            write(each)
            return
        except Conflict:
            if not left:
                raise
        obj = acting.cluster.find(address_of(each))
        again = READ[each.kind](obj, each.namespace) if obj else None
        if again is None:
            return
        each = again
