"""Stamps a side: after that, every write on it that was prepared before is refused, however late it arrives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from flipgate.adapters.addresses import address_of
from flipgate.core.values import stamps
from flipgate.core.values.errors import Conflict, NotFound
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import taken_whole
from flipgate.core.workloads.view import SideState, Stamped, View, read_meta
from flipgate.steps.acting.acting import Acting, Authority
from flipgate.steps.looking.look import look, read_taken_out, side_of

TRIES = 5
STAMP_SECONDS = 5.0


def stamp(acting: Authority, state: SideState, *, over_unrecorded: bool = False) -> SideState:
    """Takes a side: a new stamp of this actor's epoch on each of its objects. Returns the side as it was when it was
    stamped: each write's answer shows its object.

    Each write tests the stamp that was read, and is planned anew where another one stands there by now: a stamp never
    goes down. An object that is gone is left out: nothing can be scaled down in it. Raises LostLease where a later
    epoch stands, or an unrecorded one unless `over_unrecorded`; Conflict after TRIES losses.
    """
    found = acting.world.each(lambda each: _stamp(acting, each, acting.epoch, over_unrecorded), _objects(state))
    return side_of(acting.world, state.side, found)


def stamp_unless_taken(acting: Acting, state: SideState, taken_in: int) -> SideState:
    """`stamp`, but where the side was stamped whole in epoch `taken_in` and nobody has acted since, this actor neither:
    then it is returned as it was seen. Who waits for a move waits for no write on each workload so."""
    if not acting.wrote and taken_whole((each.stamp for each in state.stamped), taken_in, acting.epoch):
        return state
    return stamp(acting, state)


def stamp_taken_out(acting: Acting) -> None:
    """Takes what works on either side and was taken out of the file, before it is handed back: a hand-over forward may
    have a write on its way that stops it."""
    world, record = acting.world, acting.world.store.read()
    for side in Side:
        stamp(acting, read_taken_out(world, record, side, world.say), over_unrecorded=True)


def stamp_each(acting: Acting, found: Iterable[Stamped]) -> None:
    """Takes these: a stamp of this actor's epoch on each that bears another. Raises LostLease like `stamp`."""
    others = [each for each in found if stamps.epoch_of(each.stamp) != acting.epoch]
    acting.world.each(lambda each: _stamp(acting, each, acting.epoch, over=False), others)


def stamp_anew(acting: Authority, found: Iterable[Stamped]) -> None:
    """Takes these, whatever stamp they bear."""
    acting.world.each(lambda each: _stamp(acting, each, acting.epoch, over=True), [*found])


def stamp_unstamped(acting: Authority, state: SideState) -> bool:
    """Stamps what bears no stamp yet: it came after the side was adopted or stamped. Whether there was anything.

    It gets the epoch of the side's others, the first where there are none: nobody takes the side by that.
    """
    bare = [each for each in _objects(state) if each.stamp is None]
    epochs = [found for each in state.stamped if (found := stamps.epoch_of(each.stamp)) is not None]
    acting.world.each(lambda each: _stamp(acting, each, max(epochs, default=0), over=False), bare)
    return bool(bare)


def need_ours(acting: Acting, state: SideState) -> None:
    """Raises LostLease where anything of the side was stamped later than this actor's epoch, or by a rollback that
    could not be recorded: the side is that actor's then, and all of it is left alone."""
    for each in state.stamped:
        each.need_ours(acting.epoch)


def stamped_look(acting: Acting, side: Side, view: View | None = None) -> View:
    """A look at everything, after what bears no stamp on this side has been given one: `view`, where it was seen under
    this Lease and nothing lacked one."""
    view = view or look(acting.world)
    # Once more, because fences have to be older than the routes they rest on: the routes are read after the stamps.
    return look(acting.world) if stamp_unstamped(acting, view.sides[side]) else view


def _objects(state: SideState) -> list[Stamped]:
    """What the side is made of, each once: two mixed services may share a ConfigMap."""
    return list({address_of(each): each for each in state.stamped}.values())


def _stamp(acting: Authority, read: Stamped, epoch: int | str, over: bool) -> Mapping[str, Any] | None:
    for left in reversed(range(TRIES)):
        if isinstance(epoch, int) and not (over and stamps.unrecorded(read.stamp)):
            read.need_ours(epoch)
        operations = [*read.tests(), *read.stamping(acting.stamp_of(epoch))]
        try:
            return acting.cluster.patch(address_of(read), operations, timeout=STAMP_SECONDS)
        except NotFound:
            return None
        except Conflict:
            if not left:
                raise
            obj = acting.cluster.find(address_of(read))
            if obj is None:
                return None
            read = replace(read, **read_meta(obj["metadata"]))
    raise AssertionError("not reached: the last loss is raised")
