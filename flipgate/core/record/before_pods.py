"""What a release that comes up is at before its side has any pod of it: what pods there are, are of another one."""

from __future__ import annotations

from flipgate.core.record.intent import in_words
from flipgate.core.record.intents import BRING_UP
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release


def before_pods(record: Record, release: Release) -> str:
    """Returns that in words; empty once the side is written for this release, so that its pods can be counted."""
    occupant, entry = record.sides.get(release.side), record.open_entry
    if (occupant and occupant.release == release.name) or (entry and entry.step == BRING_UP):
        return ""
    doing = f"{entry.step} ({in_words(entry.intent)})" if entry else "preflight, hooks, databases"
    return f"before its pods: {doing}"
