"""The journal: a step writes what it is about to do, does it, and writes what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flipgate.core.record import record as records
from flipgate.core.record.intent import Intent
from flipgate.core.record.intents import (
    MOVE_ROUTES,
)
from flipgate.core.record.record import EntryState, JournalEntry
from flipgate.core.values.errors import LostLease, Refused, about
from flipgate.steps.acting.acting import Acting

BEGUN_AGAIN = "begun again right after"


@dataclass
class Entry:
    """The open entry, as the block under `journal` sees it. Set `outcome` to say what was done."""

    entry: JournalEntry
    outcome: str = "done"


@contextmanager
def journal(
    acting: Acting,
    intent: Intent,
    *,
    also: Callable[[records.Record, int], records.Record] | None = None,
    again: bool = False,
    part: bool = False,
) -> Iterator[Entry]:
    """Writes an entry before and after the block. Its two edges are the crash points.

    `also` makes further changes in the very write that opens the entry (it is given the record and the entry's id).
    `again`: an open entry of the same step is closed by that write, too, so that no crash falls between the two.
    `part`: where this very authority has a step open, this is a part of that, and writes no entry of its own.

    A refusal closes the entry as undone: who refuses has left the world as it was, or has put it back. Any other
    failure leaves it open: nobody knows what happened, so the next run or reconcile looks, and finishes or backs out.
    """
    world = acting.world
    whole = world.store.read().open_entry if part and acting.entry else None
    if whole and whole.id == acting.entry:
        yield Entry(whole)
        return
    now = world.now()
    noted: list[JournalEntry] = []

    def write(record: records.Record) -> records.Record:
        stale = record.open_entry
        if again and stale and stale.step == intent.step:
            record = records.end(record, stale.id, EntryState.UNDONE, now, BEGUN_AGAIN)
        changed, entry = records.begin(record, intent.step, world.actor, now, intent.written())
        noted[:] = [entry]
        acting.entry = entry.id  # also where its answer is lost
        return also(changed, entry.id) if also else changed

    world.store.update(write)
    open_entry = Entry(noted[0])
    try:
        with about(world.application.name):
            yield open_entry
    except Refused as error:
        if not isinstance(error, LostLease):
            close(acting, noted[0].id, EntryState.UNDONE, str(error))
        raise
    close(acting, noted[0].id, EntryState.DONE, open_entry.outcome)


@contextmanager
def within_what_is_open(acting: Acting) -> Iterator[None]:
    """Has what the block does as a `part` be one of the step that is open, whoever has left it open: for what a way
    back needs before it takes that entry's place."""
    before, open_entry = acting.entry, acting.world.store.read().open_entry
    acting.entry = open_entry.id if open_entry else before
    try:
        yield
    finally:
        acting.entry = before


def close_open(acting: Acting, record: records.Record, step: str, state: EntryState, outcome: str) -> None:
    """Ends the entry that the record has open, where it is of this step."""
    entry = record.open_entry
    if entry and entry.step == step:
        close(acting, entry.id, state, outcome)


def close(acting: Acting, entry: int, state: EntryState, outcome: str) -> None:
    """Ends an entry in the record."""
    world = acting.world
    world.store.update(lambda record: records.end(record, entry, state, world.now(), outcome))
    if acting.entry == entry:
        acting.entry = 0


def begin_again(acting: Acting) -> None:
    """Closes the entry that a fault has left open under this very authority: nobody else works on its step, and who
    begins it again looks first, and does what is missing. Does nothing where there is none.

    Not for a move of users: that is recovered, and a person may have to be asked again. Raises as the store does.
    """
    open_entry = acting.world.store.read().open_entry if acting.entry else None
    if open_entry and open_entry.id == acting.entry and open_entry.step != MOVE_ROUTES:
        close(acting, open_entry.id, EntryState.UNDONE, "a fault; done again right after")
