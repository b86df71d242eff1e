"""Others who act in the last moment before an actor writes."""

from __future__ import annotations

from collections.abc import Callable

from flipgate.adapters.lease import Lease
from flipgate.adapters.store import Store
from flipgate.core.record.record import Record
from flipgate.steps.acting.world import World


class Meddling(Lease):
    """A Lease in whose check somebody else acts: the last moment before a step writes. Each deed is done once."""

    def __init__(self, world: World, *deeds: Callable[[], object]) -> None:
        super().__init__(world._cluster, world.store.namespace, world.application.name, world.actor, world.now)
        self._deeds = list(deeds)

    def check(self) -> None:
        if self._deeds:
            self._deeds.pop(0)()

    def confirm(self) -> None:
        """Nobody has taken it."""


def meddled_with(world: World, *deeds: Callable[[], object]) -> World:
    """The actor, in whose next Lease others meddle."""
    world._new_lease = lambda: Meddling(world, *deeds)
    return world


class Overtaken(Store):
    """A store whose first write is late: somebody else has stolen the Lease by then."""

    def __init__(self, store: Store, thief: Lease) -> None:
        self.__dict__.update(store.__dict__)
        self.thief: Lease | None = thief

    def update(self, change: Callable[[Record], Record]) -> Record:
        thief, self.thief = self.thief, None
        if thief:
            thief.acquire(steal=True)
        return super().update(change)
