"""What a database's own programs say: its schema's version, whether a migration of it stopped half way, and when it was
last backed up."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import isnan, nan
from typing import Final

from flipgate.core.record.ledger import DIRTY
from flipgate.core.values.foreign import printable
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.verdicts import Evidence, Verdict

LONGEST_VERSION: Final = 80
SAID_SHOWN: Final = 120
AHEAD: Final = timedelta(minutes=5)
"""How far the clock of whoever makes backups may be before ours."""
_VERSION: Final = re.compile(rf"(?P<version>[\w.+:-]{{1,{LONGEST_VERSION}}})(?P<dirty>\s+\(?dirty\)?)?", re.IGNORECASE)
CLEAN: Final = "a version that is not dirty"


@dataclass(frozen=True)
class Version:
    """The version of a schema. Dirty: a migration to it, or from it, stopped half way."""

    word: str
    dirty: bool = False

    def __str__(self) -> str:
        return f"{self.word}{DIRTY}" if self.dirty else self.word


def read_version(output: str) -> Version | None:
    """Reads the last line: a version, and `dirty` behind it where that is so. None where it says something else."""
    found = _VERSION.fullmatch(_last_line(output))
    return Version(found["version"], bool(found["dirty"])) if found else None


def judge_version(name: str, ran: Evidence) -> tuple[Evidence, Version | None]:
    """Judges what the program said that prints the version: dirty fails, and what is no version is unknown."""
    found = replace(ran, gate=name, threshold=CLEAN)
    if ran.verdict is not Verdict.PASS:
        return replace(found, verdict=Verdict.UNKNOWN, answer=f"the version is not known: {ran.answer}"), None
    version = read_version(ran.output)
    if version is None:
        said = printable(_last_line(ran.output), SAID_SHOWN) or "nothing"
        fact = f"the version is not known: the last line says {said}, and has to be VERSION or VERSION dirty"
        return replace(found, verdict=Verdict.UNKNOWN, answer=fact), None
    verdict = Verdict.FAIL if version.dirty else Verdict.PASS
    return replace(found, verdict=verdict, answer=str(version)), version


def judge_migration(name: str, ran: Evidence, before: Version, after: Version | None) -> Evidence:
    """Judges a migration that was run: by its program's end, and by the version that the database has since. One after
    which nobody can say the version, or which left it dirty, has not passed, however it ended."""
    came_to = f"from {before} to {after}" if after and after != before else f"at {before}: nothing to do"
    found = replace(ran, gate=name)
    if after is None:
        verdict = Verdict.FAIL if ran.verdict is Verdict.FAIL else Verdict.UNKNOWN
        return replace(found, verdict=verdict, answer=f"from {before} to a version that is not known: {ran.answer}")
    if ran.verdict is not Verdict.PASS:
        stays = f"the database is at {after}" if after != before else f"the database is still at {before}"
        return replace(found, answer=f"{stays}: {ran.answer}")
    if after.dirty:
        return replace(found, verdict=Verdict.FAIL, answer=f"{came_to}, half applied: {ran.answer}")
    return replace(found, answer=f"{came_to}; {ran.answer}")


def judge_backup(name: str, ran: Evidence, within_hours: float, now: datetime) -> Evidence:
    """Judges how old the newest backup is, by the time that its program's last line says (ISO 8601, with its zone)."""
    wanted = f"not older than {within_hours:g} h"
    found = replace(ran, gate=name, threshold=wanted)
    if ran.verdict is not Verdict.PASS:
        return replace(found, verdict=Verdict.UNKNOWN, answer=f"when it was made is not known: {ran.answer}")
    said = _last_line(ran.output)
    made = _moment(said)
    if made is None:
        fact = f"the last line says {printable(said, SAID_SHOWN) or 'nothing'}, and has to be a time with its zone"
        return replace(found, verdict=Verdict.UNKNOWN, answer=f"when it was made is not known: {fact}")
    shown = f"made {made.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if made > now + AHEAD:
        return replace(found, verdict=Verdict.UNKNOWN, answer=f"{shown}, which has not come yet")
    age = max(timedelta(), now - made)
    verdict = Verdict.FAIL if age > timedelta(hours=within_hours) else Verdict.PASS
    return replace(found, verdict=verdict, answer=f"{shown}, {age.total_seconds() / 3600:.1f} h ago")


def _moment(text: str) -> datetime | None:
    """A time with its zone; None for anything else: in whose zone it would be nobody knows."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def judge_lag(name: str, ran: Evidence) -> Evidence:
    """Judges how much was not carried over yet, by the number on its program's last line: nothing may lag."""
    found = replace(ran, gate=name, threshold="0")
    if ran.verdict is not Verdict.PASS:
        return replace(found, verdict=Verdict.UNKNOWN, answer=f"how much lags is not known: {ran.answer}")
    said = _last_line(ran.output)
    try:
        lag = float(said)
    except ValueError:
        lag = nan
    if isnan(lag):
        fact = f"the last line says {printable(said, SAID_SHOWN) or 'nothing'}, and has to be a number"
        return replace(found, verdict=Verdict.UNKNOWN, answer=f"how much lags is not known: {fact}")
    return replace(found, verdict=Verdict.FAIL if lag else Verdict.PASS, answer=f"{lag:g}")
