"""Found by Python before the program (tests/dying.py): what the record is told decides when this process dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from flipgate.adapters.store import Store
from flipgate.core.record.record import EntryState, Record

STEP, EDGE = os.environ["TESTS_DIE_AT"].split(":")
update = Store.update


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(store: Store, change: Callable[[Record], Record]) -> Record:
    """`Store.update`, which kills the process before the write that ends an entry, or after the one that begins it."""
    before: set[int] = set()

    def watched(record: Record) -> Record:
        before.update(entry.id for entry in record.journal)
        changed = change(record)
        if EDGE == "done" and (_ended(record, changed) or _advanced(record, changed)):
            die()
        return changed

    written = update(store, watched)
    opened = written.open_entry
    if EDGE == "begun" and opened and opened.step == STEP and opened.id not in before:
        die()
    return written


def _ended(record: Record, changed: Record) -> bool:
    entry = record.open_entry
    if entry is None or entry.step != STEP:
        return False
    return any(each.id == entry.id and each.state is EntryState.DONE for each in changed.journal)


def _advanced(record: Record, changed: Record) -> bool:
    return record.phase != STEP and changed.phase == STEP


Store.update = dying  # type: ignore[method-assign]
