"""What `flipgate history` knows of releases. The dictionaries made here are what `-o json` prints; keys are API."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from flipgate.cli._databases import as_data as migration_data
from flipgate.cli._print import commits, iso
from flipgate.core.record.entries import entries_of, merged
from flipgate.core.record.held import BREAK_GLASS
from flipgate.core.record.ledger import Migration
from flipgate.core.record.phases import TERMINAL, QuestionKind
from flipgate.core.record.record import Decision, JournalEntry, Record
from flipgate.core.record.release import FrozenEvidence, Release, phase_seconds
from flipgate.core.record.story import Moment, pick, story
from flipgate.core.values.errors import FlipgateError, NotFound, PermanentError, Unreachable
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.verdicts import combine

if TYPE_CHECKING:
    from flipgate.adapters.store import Store


@dataclass(frozen=True)
class Found:
    """One release with its journal; what could not be read of either is told beside it."""

    release: Release
    journal: tuple[JournalEntry, ...]
    problems: tuple[FlipgateError, ...] = ()
    migrations: tuple[Migration, ...] = ()
    """What the ledger has of it, as long as that stands in the record."""


def find(store: Store, word: str) -> Found:
    """The release of this name, or of a name that begins so, from the record and from the history.

    Either tells what it has when the other cannot be read. Raises BadInput, NotFound or PermanentError for a word that
    names no one release that can be read.
    """
    record, unread = _record(store)
    kept, own = store.names(), _of_record(record)
    try:
        name = pick(word, [*kept, *own], store.name)
    except NotFound as error:
        error.fact += "".join(f"; {each.obj} {each.fact}" for each in unread)
        raise
    finished, journal, problems = _finished(store, name) if name in kept else (None, (), ())
    release = own.get(name) or finished
    if release is None:
        raise problems[0]
    recorded = entries_of(record.journal, name) if record else ()
    ledger = tuple(each for each in record.migrations if each.release == name) if record else ()
    return Found(release, merged(journal, recorded), (*unread, *problems), ledger)


def _record(store: Store) -> tuple[Record | None, tuple[FlipgateError, ...]]:
    try:
        return store.find(), ()
    except Unreachable:
        raise
    except FlipgateError as error:
        return None, (error,)


def _of_record(record: Record | None) -> dict[str, Release]:
    return {release.name: release for release in reversed(record.releases)} if record else {}


def _finished(store: Store, name: str) -> tuple[Release | None, tuple[JournalEntry, ...], tuple[PermanentError, ...]]:
    try:
        release, journal, problem = store.finished(name)
    except PermanentError as error:
        return None, (), (error,)
    return release, journal, (problem,) if problem else ()


def release_data(release: Release, now: datetime) -> dict[str, Any]:
    """A release in the list of releases, and the head of its story."""
    last = release.changes[-1]
    changes = [
        {"phase": str(c.phase), "reason": str(c.reason), "at": iso(c.at), "message": c.message} for c in release.changes
    ]
    return {
        "name": release.name,
        "id": release.id,
        "attempt": release.attempt,
        "side": str(release.side),
        "phase": str(last.phase),
        "reason": str(last.reason),
        "message": last.message,
        "openedBy": release.opened_by,
        "approvedBy": _approver(release),
        "openedAt": iso(release.changes[0].at),
        "endedAt": iso(last.at) if last.phase in TERMINAL else None,
        "movedAt": iso(release.moved_at),
        "firstNewAnswerMs": release.first_new_answer_ms,
        "lastOldAnswerMs": release.last_old_answer_ms,
        "images": dict(release.images),
        "commits": commits(release),
        "phaseSeconds": phase_seconds(release, now),
        "changes": changes,
    }


def as_data(application: str, found: Found, now: datetime) -> dict[str, Any]:
    """The whole story."""
    release = found.release
    return {
        "application": application,
        **release_data(release, now),
        "settleAfter": iso(release.settle_after),
        "wanted": dict(release.wanted),
        "shown": [each.model_dump(by_alias=True) for each in release.shown],
        "decisions": [
            {**each.model_dump(exclude={"evidence"}), "at": iso(each.at), "evidence": _evidence(each.evidence)}
            for each in release.decisions
        ],
        "judgements": [
            {
                "step": each.step,
                "verdict": str(combine(each.proofs)),
                "at": iso(each.at),
                "evidence": _evidence(each.proofs),
            }
            for each in release.judgements
        ],
        "migrations": [migration_data(each) for each in found.migrations],
        "journal": [entry.model_dump(mode="json", by_alias=True) for entry in found.journal],
        "timeline": [_moment(each) for each in story(release, found.journal, now)],
        "problems": [{"of": problem.obj, "fact": problem.fact} for problem in found.problems],
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "at": iso(moment.at),
        "kind": str(moment.kind),
        "what": moment.what,
        "text": moment.text,
        "by": moment.by,
        "seconds": moment.seconds,
        "open": moment.open,
        "evidence": _evidence(moment.evidence),
    }


def _evidence(proofs: tuple[FrozenEvidence, ...]) -> list[dict[str, str]]:
    return [proof.model_dump() for proof in proofs]


def _approver(release: Release) -> str | None:
    """Who said yes to the flip, unless a no came after it."""
    said = [e for e in release.decisions if e.kind == QuestionKind.FLIP and e.decision != BREAK_GLASS]
    return said[-1].by if said and said[-1].decision == Decision.APPROVE else None
