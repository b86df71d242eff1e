"""The journal's entries of one release: out of the record, and of two looks put together."""

from __future__ import annotations

from collections.abc import Iterable

from flipgate.core.record.record import JournalEntry


def entries_of(journal: Iterable[JournalEntry], release: str) -> tuple[JournalEntry, ...]:
    """Returns the journal's entries that began while this release was the open one."""
    return tuple(entry for entry in journal if entry.release == release)


def merged(older: Iterable[JournalEntry], newer: Iterable[JournalEntry]) -> tuple[JournalEntry, ...]:
    """Merges one release's entries from two looks: the record's journal is bounded, and an open entry ends."""
    entries = {entry.id: entry for entry in (*older, *newer)}
    return tuple(entries[number] for number in sorted(entries))
