"""The authority to change the cluster's objects, as a type: a function that takes none has no way to write."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flipgate.adapters.cluster import Cluster
from flipgate.adapters.lease import Lease
from flipgate.core.record.record import Record
from flipgate.core.spec.application import Application
from flipgate.core.values import stamps
from flipgate.core.values.errors import LostLease

if TYPE_CHECKING:
    from flipgate.steps.acting.world import World

SEAL: Final = object()
"""For World alone."""


class Authority:
    """May write to the cluster's objects, by `cluster`, until its block ends; `world` is for looking.

    `epoch` goes into each stamp. `record` is what was known when it began, None where nothing was. It cannot be made by
    hand: without the Lease, as this one is, only by `world.acting_without_lease()`, which says who may.
    """

    def __init__(self, seal: object, world: World, cluster: Cluster, epoch: int | str, record: Record | None) -> None:
        if seal is not SEAL:
            raise TypeError("an Acting is made only by world.acting(): take the Lease first")
        self.world, self.epoch, self.record = world, epoch, record
        self.cluster = cluster.guarded(self._before_a_write)
        self.wrote = False
        """Whether any write on the cluster's objects was sent, answered or not; those of the record are none."""
        self._over = False

    @property
    def application(self) -> Application:
        """The application that it acts on."""
        return self.world.application

    def new_stamp(self) -> str:
        """A stamp of this epoch that was never written before."""
        return self.stamp_of(self.epoch)

    def stamp_of(self, epoch: int | str) -> str:
        """A stamp of another epoch that was never written before: for who writes on a side without taking it."""
        if epoch == stamps.UNRECORDED:
            return stamps.unrecorded_stamp(self.world.now(), self.world.nonce())
        return stamps.make(epoch, self.world.nonce())

    def check_lease(self) -> None:
        """Does nothing: this authority holds no Lease that it could lose."""

    def confirm_lease(self) -> None:
        """Does nothing: this authority holds no Lease that it could lose."""

    def close(self) -> None:
        """Ends the authority: every later write by it is refused."""
        self._over = True

    def _before_a_write(self) -> None:
        self._need_time()
        self.wrote = True

    def _need_time(self) -> None:
        if self._over:
            raise LostLease(
                "is over, and its Lease given back",
                obj=f"this step on {self.application.name}",
                untouched="everything from here on",
                next_command=f"flipgate status {self.application.name}",
            )


class Acting(Authority):
    """An Authority that holds the Lease, under an epoch of its own. `record` is the record as it was read then.

    `world.store` refuses each write once the record is of another epoch, and once this is over. Made by
    `world.acting()`, and by nobody else.
    """

    epoch: int
    record: Record
    entry: int = 0
    """The journal's entry that is open by this very authority; 0 where none is, as far as it was heard."""

    def __init__(self, seal: object, world: World, cluster: Cluster, record: Record, lease: Lease) -> None:
        super().__init__(seal, world, cluster, record.epoch, record)
        store = world.store.with_epoch(record.epoch, cluster.guarded(self._need_time))
        self.world = replace(world, store=store, memory=None)
        self._lease = lease

    def renewed(self, stamp: str | None) -> str:
        """The stamp that a write leaves on an object that bore this one, which takes no side."""
        return stamps.renewed(stamp, self.epoch, self.world.nonce())

    def check_lease(self) -> None:
        """Raises LostLease when this actor has been taken over."""
        self._lease.check()

    def confirm_lease(self) -> None:
        """Asks the API server whether this actor has been taken over, and raises LostLease if so."""
        self._lease.confirm()
