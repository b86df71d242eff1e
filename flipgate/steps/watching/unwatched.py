"""Announces, once an outage, that reconcile does not run any more, and once that it runs again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flipgate.core.record.record import ConditionStatus
from flipgate.core.values.errors import FlipgateError
from flipgate.core.way_back.unwatched import note_end, note_outage
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.reconciled import judge
from flipgate.steps.acting.world import World


def look_whether_watched(world: World, warn: Callable[[str], None]) -> None:
    """Judges Unwatched where a flow begins: `warn` gets the warning, and an outage is announced once. Never fails the
    flow."""
    try:
        record = world.store.find()
        if record is None:
            return
        found = judge(world, record)
        if found.status is not ConditionStatus.FALSE:
            warn(f"{found.type} is {found.status} ({found.reason}): {found.message}")
        if note_outage(record, found) != record:
            # Judged again with the record that is written: whoever stood still in between tells of no outage that has
            # been told, and has ended, meanwhile.
            write(world, lambda now: note_outage(now, judge(world, now)))
    except FlipgateError as error:
        world.say(f"whether reconcile still runs was not looked at: {error}")


def note_success(world: World) -> None:
    """Notes that reconcile has been through the application without a fault; announces the end of an outage that was
    announced.

    Raises FlipgateError when that could not be noted: this run is then as good as none, and its own log says why.
    """
    now = world.now()
    try:
        record = world.store.read()  # before the note, after which nothing is remembered
    finally:
        world.store.note_reconciled(now)
    if note_end(record, now) != record:
        write(world, partial(note_end, now=now))
