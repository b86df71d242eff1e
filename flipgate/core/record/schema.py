"""Which schema something is stored under: the lowest whose readers understand all that it says.

An older flipgate refuses a higher one in words of its own (NewerRecord); a key or a word that it does not know it would
take for garbled. Whatever is added to a stored value is therefore written only where it says something, and is a line
here. What readers of the first one understand is tests/core/record/schema-1.json; a test holds each line against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from flipgate.core.record.phases import Reason
from flipgate.core.record.record import FIRST_SCHEMA, SCHEMA_VERSION, Decision, Record
from flipgate.core.record.release import Release

NEW_REASONS: Final = frozenset(
    {
        Reason.CLAIM_NOT_BOUND,
        Reason.DEPLOYMENT_PAUSED,
        Reason.HOOK_FAILED,
        Reason.PODS_HELD_BACK,
        Reason.PODS_REFUSED,
        Reason.PREFLIGHT_FAILED,
        Reason.SCALED_BY_ANOTHER,
        Reason.OVERLAY_NOT_SET,
        Reason.PUSH_REFUSED,
        Reason.NOT_APPLIED,
        Reason.DATABASE_DIRTY,
        Reason.MIGRATION_FAILED,
        Reason.CLONE_FAILED,
    }
)


def schema_of(record: Record) -> int:
    """Returns the schema that the record has to be stored under."""
    return SCHEMA_VERSION if any(_news(record)) or _new_words(record.releases) else FIRST_SCHEMA


def schema_of_release(release: Release) -> int:
    """The same of a finished release."""
    return SCHEMA_VERSION if any(_of_release(release)) or _new_words([release]) else FIRST_SCHEMA


def _news(record: Record) -> Iterator[object]:
    """Yields what readers of the first schema do not know; it is written where it is not empty."""
    yield record.queued
    yield record.refused_build
    yield record.dark_preview
    yield from (condition.changed or condition.looked_at or condition.basis for condition in record.conditions)
    yield record.merge_request or record.maintenance or record.migrations or record.clones or record.stopped
    yield record.frozen or record.glass
    yield record.question and record.question.look_first
    yield record.question and (record.question.content or record.question.services or record.question.who_may)
    yield record.question and (record.question.ticks or record.question.gates)
    yield record.question and (record.question.plan or record.question.compared)
    yield record.approval and record.approval.ticks
    yield record.approval and (record.approval.identity or record.approval.decision is Decision.ROLLBACK)
    yield record.in_chat
    yield from (message.question for message in record.outbox)
    yield from (occupant.roles or occupant.accepted or occupant.suspended for occupant in record.sides.values())
    for release in record.releases:
        yield from _of_release(release)


def _of_release(release: Release) -> Iterator[object]:
    yield release.again or release.databases or release.taken_in
    yield release.kept or release.held
    yield release.commits
    yield from (decided.identity or decided.question or decided.ticks for decided in release.decisions)
    yield release.chain
    proofs = (proof for judgement in release.judgements for proof in judgement.proofs)
    yield from (proof.output or proof.seconds is not None for proof in proofs)


def _new_words(releases: Iterable[Release]) -> bool:
    return any(change.reason in NEW_REASONS for release in releases for change in release.changes)
