"""What became of a release, in a sentence: the last word of a run whose release has ended, or is another run's now."""

from __future__ import annotations

from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record
from flipgate.core.record.release import PhaseChange, Release


def became(record: Record, name: str) -> str:
    """Returns what the release of this name is by now: phase, reason, when, by whom and why, without its name.

    For example `was rolled back (RollbackRequested) at 2026-03-01 12:01:09 UTC by ana: checkout is slow`.
    """
    release = record.named(name)
    if release is None:
        return f"is not the open release: flipgate history {record.application} {name} tells what became of it"
    change = release.changes[-1]
    cause = _cause(release)
    word = change.phase.row.word or f"is `{change.phase}`"
    when = f"{'since' if word.startswith('is ') else 'at'} {change.at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{word} ({cause.reason}) {when}{_by(record, cause)}"


def _cause(release: Release) -> PhaseChange:
    """Returns the change that says why. For a way back that has arrived, it is the one with which it began."""
    if release.phase is not Phase.ROLLED_BACK:
        return release.changes[-1]
    began = (change for change in reversed(release.changes) if change.phase is Phase.ROLLING_BACK)
    return next(began, release.changes[-1])


def _by(record: Record, change: PhaseChange) -> str:
    if change.phase.row.says_who and change.message:
        return f" by {change.message}"
    actor = next((e.actor for e in record.journal if e.step == f"Phase:{change.phase}" and e.at == change.at), "")
    return "".join([f" by {actor}" if actor else "", f": {change.message}" if change.message else ""])
