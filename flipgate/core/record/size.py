"""How much is stored: a record, and a finished release, in at most LIMIT_BYTES, whatever happened to them.

A ConfigMap takes 1 MiB, and refuses every write beyond it, the way back's too. Each text is bounded where it enters a
stored value (`core/values/text.py`), each list by count; where that is too much together, what is needed least is cut
or left out, in the order of SHORTER, and what is left of it says so. Never cut: phases, what runs on the sides, the
images that wait, the open journal entry, the newest entry of each step, the question with its basis and the decision
on it, and the newest undelivered message of the newest release.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import Any, Final

from pydantic import TypeAdapter

from flipgate.core.record.announcement import Announcement
from flipgate.core.record.chain import LINKS_KEPT
from flipgate.core.record.conditions import DRIFTED
from flipgate.core.record.intent import side_of, without_counts
from flipgate.core.record.intents import (
    REST_SIDE,
)
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import EntryState, JournalEntry, Record
from flipgate.core.record.release import NONE_KEPT, Decided, FrozenEvidence, Judgement, PhaseChange, Release
from flipgate.core.record.schema import schema_of
from flipgate.core.values.base import but
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.text import fitted
from flipgate.core.values.verdicts import combine

LIMIT_BYTES: Final = 940 * 1024
"""Of what is written, in UTF-8, well below what a ConfigMap takes. What is never cut has some 965 KB at most: of
MOST_SERVICES services, with the longest names and images there may be, on two sides, in two releases, and waiting."""
SHORT_BYTES: Final = 200
"""Of a text that was cut for the sake of the others."""
FEW: Final = 20
"""Of a list that was cut for the sake of the others."""

JOURNAL: Final = TypeAdapter(tuple[JournalEntry, ...])


@dataclass(frozen=True)
class Finished:
    """A release that has ended, with its journal: one object of the history."""

    release: Release
    journal: tuple[JournalEntry, ...]


def written(record: Record) -> tuple[Record, str]:
    """The record as it is stored, and the JSON that is."""
    record, text = _versioned(record)
    for shorter in SHORTER:
        if len(text.encode()) <= LIMIT_BYTES:
            break
        record, text = _versioned(shorter(record))
    return record, text


def _versioned(record: Record) -> tuple[Record, str]:
    """The record under the schema that its readers need to know, and its JSON."""
    schema: dict[str, Any] = {"schema_version": schema_of(record)}  # type checkers know it by its alias
    record = but(record, **schema)
    return record, record.model_dump_json(by_alias=True, indent=1)


def written_release(finished: Finished) -> tuple[str, str]:
    """The JSON of a finished release and of its journal, as they are stored."""
    texts = _texts(finished)
    for shorter in SHORTER_RELEASE:
        if sum(len(text.encode()) for text in texts) <= LIMIT_BYTES:
            break
        finished = shorter(finished)
        texts = _texts(finished)
    return texts


def _texts(finished: Finished) -> tuple[str, str]:
    release = finished.release.model_dump_json(by_alias=True, indent=1)
    return release, JOURNAL.dump_json(finished.journal, by_alias=True, indent=1).decode()


def _newest(entries: Sequence[JournalEntry], steps: Collection[str] | None = None) -> frozenset[int]:
    """The open entry, and the newest of each step (of `steps`, or of any) and side."""
    by_step: dict[Hashable, int] = {
        (entry.step, side_of(entry.intent)): entry.id for entry in entries if steps is None or entry.step in steps
    }
    return frozenset([*by_step.values(), *(entry.id for entry in entries if entry.state is EntryState.BEGUN)])


def _without_older_counts(entries: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    newest = _newest(entries, {REST_SIDE})  # what a rest left is compared with what is there
    return tuple(entry if entry.id in newest else but(entry, intent=without_counts(entry.intent)) for entry in entries)


def _short_outcomes(entries: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    newest = _newest(entries, {DRIFTED})  # who finds the same drift again tells nobody
    return tuple(
        entry if entry.id in newest else but(entry, outcome=fitted(entry.outcome, SHORT_BYTES)) for entry in entries
    )


def _last_entries(entries: Sequence[JournalEntry]) -> tuple[JournalEntry, ...]:
    newest = _newest(entries) | {entry.id for entry in entries[-FEW:]}
    return tuple(entry for entry in entries if entry.id in newest)


def _summed(proofs: tuple[FrozenEvidence, ...]) -> tuple[FrozenEvidence, ...]:
    """Many gates' evidence as one line that says how many there were."""
    if len(proofs) < 2:
        return proofs
    return (FrozenEvidence(gate=f"{len(proofs)} gates", verdict=combine(proofs), detail=NONE_KEPT),)


def _summed_evidence(release: Release) -> Release:
    """The release with verdicts in the place of evidence."""
    judgements = tuple(but(each, proofs=_summed(each.proofs)) for each in release.judgements)
    decisions = tuple(but(each, evidence=_summed(each.evidence)) for each in release.decisions)
    return but(release, judgements=judgements, decisions=decisions)


def _without_output(release: Release) -> Release:
    """The release without what programs wrote: what is said of it in a sentence stays."""
    judgements = tuple(
        but(each, proofs=tuple(but(proof, output="") for proof in each.proofs)) for each in release.judgements
    )
    return but(release, judgements=judgements)


def _older_evidence(release: Release) -> Release:
    """The same, but for what was said last."""
    summed = _summed_evidence(release)
    decisions = (*summed.decisions[:-1], *release.decisions[-1:])
    return but(_older_judgements(release), decisions=decisions)


def _older_judgements(release: Release) -> Release:
    """The release with verdicts in the place of what checks and bake found, but for what they said last."""
    summed = _summed_evidence(release).judgements
    return but(release, judgements=(*summed[:-1], *release.judgements[-1:]))


def _short_words(release: Release) -> Release:
    """The release with short texts, but for the change that says how it stands, and why users went back."""
    changes = tuple(
        change if n == len(release.changes) or change.phase is Phase.ROLLING_BACK else _short_change(change)
        for n, change in enumerate(release.changes, 1)
    )
    decisions = tuple(but(each, reason=fitted(each.reason, SHORT_BYTES)) for each in release.decisions)
    return but(release, changes=changes, decisions=decisions)


def _short_change(change: PhaseChange) -> PhaseChange:
    return but(change, message=fitted(change.message, SHORT_BYTES))


def _bare(release: Release) -> Release:
    """What a release cannot do without: what it runs, and its newest changes of phase after the first: all that its
    chain has links of."""
    first, others = release.changes[:1], release.changes[1:]
    others = (*(but(each, message=fitted(each.message, FEW)) for each in others[:-FEW]), *others[-FEW:])
    judgements: tuple[Judgement, ...] = release.judgements[-2:]
    decisions = (*map(_summed_ticks, release.decisions[:-1]), *release.decisions[-1:])
    changes = (*first, *others[-LINKS_KEPT:])
    short = but(release, changes=changes, judgements=judgements, decisions=decisions, shown=())
    return _summed_evidence(_short_words(short))


def _summed_ticks(said: Decided) -> Decided:
    """A decision with how many ticks it had in their place."""
    return but(said, ticks=(f"{len(said.ticks)} ticks",)) if len(said.ticks) > 1 else said


def _of_releases(record: Record, change: Callable[[Release], Release]) -> Record:
    release = _resealed(change(record.release)) if record.release else None
    return but(record, release=release, last=change(record.last) if record.last else None)


def _resealed(release: Release) -> Release:
    """The release with its chain over what is left of it. One that has ended keeps its chain: people know its head, and
    its copy in the history has all of it."""
    if release.chain is None or release.phase.row.ended:
        return release
    return but(release, chain=release.chain.resealed(release.model_dump(mode="json", by_alias=True)))


def _newest_messages(messages: Iterable[Announcement]) -> frozenset[str]:
    """The ids of the newest message of each release."""
    return frozenset({message.release: message.id for message in messages}.values())


def _short_in_chat(record: Record) -> Record:
    kept = (but(m, text=fitted(m.text, SHORT_BYTES), said=fitted(m.said, SHORT_BYTES)) for m in record.in_chat)
    return but(record, in_chat=tuple(kept))


def _short_messages(record: Record) -> Record:
    """The record with short messages, but for the newest of each release."""
    newest = _newest_messages(record.outbox)
    return but(record, outbox=tuple(m if m.id in newest else _short_message(m) for m in record.outbox))


def _short_message(message: Announcement) -> Announcement:
    return but(message, text=fitted(message.text, SHORT_BYTES), url="")


def _last_messages(record: Record) -> Record:
    """The newest message of each of the FEW newest releases, all but the last of them short."""
    newest = _newest_messages(record.outbox)
    kept = [message for message in record.outbox if message.id in newest][-FEW:]
    left_out = record.left_out + len(record.outbox) - len(kept)
    return but(record, outbox=(*map(_short_message, kept[:-1]), *kept[-1:]), left_out=left_out)


def _short_question(record: Record) -> Record:
    question = record.question
    if question is None:
        return record
    changes, evidence = question.changes, question.evidence
    if len(changes) > FEW:
        changes = (*changes[: FEW - 1], f"{len(changes) - FEW + 1} more left out")
    if len(evidence) > FEW:
        evidence = (*evidence[: FEW - 1], *_summed(evidence[FEW - 1 :]))
    changes = tuple(fitted(line, 2 * SHORT_BYTES) for line in changes)
    plan = tuple(but(part, lines=(fitted(part.short, 2 * SHORT_BYTES),)) for part in question.plan)
    evidence = tuple(but(proof, detail=fitted(proof.detail, SHORT_BYTES)) for proof in evidence)
    return but(
        record, question=but(question, changes=changes, plan=plan, compared=(), evidence=evidence, look_first=())
    )


def _short_builds(record: Record) -> Record:
    """The record with the images that wait, and little of who built them, or of a build that was refused."""
    queued = {name: but(each, by=fitted(each.by, FEW)) for name, each in record.queued.items()}
    refused = record.refused_build
    short = but(refused, fact=fitted(refused.fact, SHORT_BYTES)) if refused else None
    return but(record, queued=queued, refused_build=short)


def _short_ledger(record: Record) -> Record:
    """The newest migrations, and little of who made them."""
    kept = (
        but(each, by=fitted(each.by, FEW), ended_by=fitted(each.ended_by, FEW)) for each in record.migrations[-FEW:]
    )
    return but(record, migrations=tuple(kept))


def _journal(change: Callable[[Sequence[JournalEntry]], tuple[JournalEntry, ...]]) -> Callable[[Record], Record]:
    return lambda record: but(record, journal=change(record.journal))


SHORTER: Final[tuple[Callable[[Record], Record], ...]] = (
    _journal(_without_older_counts),
    lambda record: but(record, last=_summed_evidence(record.last) if record.last else None),
    lambda record: _of_releases(record, _without_output),
    _short_messages,
    _short_in_chat,
    _journal(_short_outcomes),
    lambda record: _of_releases(record, _older_evidence),
    lambda record: _of_releases(record, _short_words),
    _short_question,
    _last_messages,
    lambda record: _of_releases(record, _bare),
    _short_builds,
    _short_ledger,
    _journal(_last_entries),
)
"""What is cut, or left out, while the record is too long: what is needed least goes first."""

SHORTER_RELEASE: Final[tuple[Callable[[Finished], Finished], ...]] = (
    lambda done: Finished(done.release, _without_older_counts(done.journal)),
    lambda done: Finished(done.release, _short_outcomes(done.journal)),
    lambda done: Finished(_without_output(done.release), done.journal),
    lambda done: Finished(_older_judgements(done.release), _last_entries(done.journal)),
    lambda done: Finished(_older_evidence(done.release), done.journal),
    lambda done: Finished(_bare(done.release), _last_entries(done.journal)),
)
"""The same of a finished release, whose chain is never made anew: what that is of goes last."""
