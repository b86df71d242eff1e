"""Users that are sent to a side while no release changes its phase for it: announced and journaled like any other way
back."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Record, announce
from flipgate.core.values.sides import Side

ROLLBACK: Final = "Rollback"
"""The step of its journal entries."""


def note_sent(record: Record, to: Side, reason: Reason, message: str, *, actor: str, now: datetime) -> Record:
    """Returns the record with one journal entry and one message that say who sent users to `to`, and why; where a
    release is on its way back, its own phases say so.

    The entry stands with the release that is open, or with the last one: that is where a person looks for it.
    """
    if record.phase is Phase.ROLLING_BACK:
        return record
    release = record.newest
    return announce(
        records.journaled(record, ROLLBACK, actor, now, f"{reason}: {message}; all users to {to}"),
        f"{ROLLBACK}/epoch-{record.epoch}/{reason}",
        release=release.name if release else "",
        side=to.other,
        text=f"{record.application}: all users to {to} ({reason}). {message}",
        reason=reason,
        at=now,
    )
