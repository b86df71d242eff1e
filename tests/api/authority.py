"""Who writes in a test without a verb of its own: without a Lease, or under an entry of the journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from flipgate.core.record.intent import Intent
from flipgate.core.values import stamps
from flipgate.steps.acting.journal import Entry, journal
from flipgate.steps.acting.world import World

T = TypeVar("T")


def unleased(
    world: World, verb: Callable[..., T], *arguments: Any, epoch: int | str = stamps.UNRECORDED, **more: Any
) -> T:
    """One verb of those that change the cluster's objects, as a rollback does it that has neither Lease nor record."""
    with world.acting_without_lease(epoch) as acting:
        return verb(acting, *arguments, **more)


@contextmanager
def journaled(world: World, intent: Intent) -> Iterator[Entry]:
    """A step of this actor's, while the block works."""
    with world.acting() as acting, journal(acting, intent) as entry:
        yield entry
