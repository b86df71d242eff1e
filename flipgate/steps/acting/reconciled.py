"""When reconcile last succeeded: it writes this down, and everybody else warns people when it is overdue.

It is looked at beside what people wait for, so nothing here raises for what cannot be read, or takes long.
"""

from __future__ import annotations

from flipgate.core.record.record import Condition, Record
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.unwatched import Reconciled, judge_unwatched
from flipgate.steps.acting.world import World

PATIENCE_SECONDS = 2.0


def read_reconciled(world: World) -> Reconciled | Unread | None:
    """When reconcile last succeeded; None where it never did, and why it could not be read."""
    try:
        return world.store.reconciled(timeout=PATIENCE_SECONDS)
    except FlipgateError as error:
        return Unread(error.named_fact)


def judge(world: World, record: Record) -> Condition:
    """Unwatched as it is now."""
    return judge_unwatched(read_reconciled(world), record, world.now())
