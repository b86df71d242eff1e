"""Stamps: our epoch on a side's workloads, the steadier fence. Status updates do not change it, other actors' do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flipgate.core.errors import NotFound
from flipgate.core.sides import Side
from flipgate.core.view import EPOCH, SideState, View
from flipgate.steps.look import look, paths_of, side_of
from flipgate.steps.world import World


def stamp(world: World, side: Side, epoch: int | str) -> SideState:
    """Writes our epoch on the side's workloads, so that a stale scale-down, deploy or clean-up of it is refused.
    Returns the side as it was when it was stamped: each write's answer shows its workload.

    By name, without a list first: right after a write, an API server keeps a consistent list waiting for its cache to
    catch up, up to 100 ms. A workload that is not there is left out: nothing can be scaled down in it.
    """
    part = {"metadata": {"annotations": {EPOCH: str(epoch)}}}

    def one(path: str) -> Mapping[str, Any] | None:
        try:
            return world.cluster.merge(path, part, timeout=5.0)
        except NotFound:
            return None

    return side_of(world, side, world.each(one, paths_of(world, side)))


def stamped_look(world: World, side: Side) -> View:
    """A look at everything, after a side that was never stamped has been: what was adopted bears no stamp yet.

    Without one only the resourceVersion could be tested, and that changes with every pod that comes or goes.
    """
    view = look(world)
    if all(each.epoch for each in view.sides[side].stamped):
        return view
    stamp(world, side, world.store.epoch if world.store.epoch is not None else world.store.read().epoch)
    return look(world)
