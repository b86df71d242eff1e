"""What is found piece by piece at a step, kept with its release, which may have ended meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flipgate.core.record.record import Record
from flipgate.core.values.base import but
from flipgate.core.values.verdicts import Evidence


def noted(record: Record, release: str, step: str, evidence: Sequence[Evidence], now: datetime) -> Record:
    """Returns the record with what was found piece by piece at a step, kept with the release of this name, which may
    have ended; unchanged where that is not remembered here."""
    if record.release and record.release.name == release:
        return but(record, release=record.release.noted(step, evidence, now))
    if record.last and record.last.name == release:
        return but(record, last=record.last.noted(step, evidence, now))
    return record
