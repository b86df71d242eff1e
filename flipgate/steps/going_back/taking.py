"""Takes a side: stamps it, so that whatever others have sent to it before is refused."""

from __future__ import annotations

from functools import partial

from flipgate.core.values.sides import Side
from flipgate.core.workloads.view import SideState
from flipgate.steps.acting.acting import Acting, Authority
from flipgate.steps.going_back.attempted import attempted, patiently
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.moving.stamp import stamp


def take(acting: Authority, side: Side) -> tuple[SideState | None, tuple[str, ...]]:
    """Stamps a side, over any stamp but a later rollback's, so that all others' writes on it are refused. Returns the
    side as it was when it was stamped; None, and why, where it could not be."""
    taken: list[SideState] = []
    notes = attempted(f"stamp {side}", lambda: taken.append(_stamped(acting, side, over_unrecorded=True)))
    return (taken[0] if taken else None), notes


def take_patiently(acting: Acting, side: Side, *, over_unrecorded: bool = True) -> tuple[str, ...]:
    """The same where it could not be taken twice, once users are there and nobody waits: a scale-down that hangs on its
    way empties it else, and a hand-over starts its workers beside the others, or stops those that were just handed
    back. Who sends nobody back leaves a side that an unrecorded rollback has taken (not `over_unrecorded`). Returns
    what is left to do."""
    taking = partial(_stamped, acting, side, over_unrecorded=over_unrecorded)
    return attempted(f"stamp {side}", lambda: patiently(acting, f"stamping {side}", taking))


def _stamped(acting: Authority, side: Side, *, over_unrecorded: bool) -> SideState:
    return stamp(acting, look_at_side(acting.world, side), over_unrecorded=over_unrecorded)
