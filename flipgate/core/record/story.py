"""The story of one release: what its phases, decisions, judgements and journal tell, in the order it happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from itertools import chain, pairwise
from operator import itemgetter

from flipgate.core.record.intent import in_words
from flipgate.core.record.phases import TERMINAL
from flipgate.core.record.record import Decision, EntryState, JournalEntry
from flipgate.core.record.release import Decided, FrozenEvidence, Judgement, PhaseChange, Release
from flipgate.core.values.errors import BadInput, NotFound
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.nearest import hint
from flipgate.core.values.verdicts import combine, not_passed


class Kind(StrEnum):
    """What a moment is of."""

    JUDGEMENT = "judgement"
    DECISION = "decision"
    PHASE = "phase"
    STEP = "step"


@dataclass(frozen=True)
class Moment:
    """One thing that happened. `what` is a phase, a decision, or a step's name; `seconds` is how long it lasted, None
    where that means nothing; `open` says that it goes on, or that nobody knows how it ended."""

    at: datetime
    kind: Kind
    what: str
    text: str
    by: str = ""
    seconds: float | None = None
    open: bool = False
    evidence: tuple[FrozenEvidence, ...] = ()


def story(release: Release, journal: Sequence[JournalEntry], now: datetime) -> tuple[Moment, ...]:
    """Returns all that is remembered of a release, in order. Phases come from the release, other steps from its
    journal."""
    threads = (  # what happened at the same time is told in this order
        [_judgement(said) for said in release.judgements],
        [_decision(said) for said in release.decisions],
        _phases(release, journal, now),
        [_step(entry) for entry in journal if not entry.step.startswith("Phase:")],
    )
    ordered = sorted(chain.from_iterable(map(_no_earlier, threads)), key=itemgetter(0))
    return tuple(moment for _, moment in ordered)


def pick(word: str, names: Iterable[str], application: str) -> str:
    """Returns the release that a person means, by its name, or by the beginning of its name and of no other.

    Raises BadInput when several begin so, NotFound when none does.
    """
    known = sorted(set(names))
    found = [word] if word in known else [name for name in known if word and name.startswith(word)]
    if len(found) == 1:
        return found[0]
    of = f'release "{word}" of {application}'
    if found:
        raise BadInput(
            f"is the beginning of {len(found)} releases: {', '.join(found)}",
            obj=of,
            next_command=f"flipgate history {application} {found[-1]}",
        )
    raise NotFound(
        f"is not in the history; {hint(word, known)}",
        obj=of,
        untouched="everything",
        next_command=f"flipgate history {application}",
    )


def _no_earlier(moments: Iterable[Moment]) -> Iterator[tuple[datetime, Moment]]:
    """Yields each moment with a time that is never before that of the one ahead of it: several machines' clocks wrote
    them."""
    latest: datetime | None = None
    for moment in moments:
        latest = moment.at if latest is None else max(latest, moment.at)
        yield latest, moment


def _phases(release: Release, journal: Iterable[JournalEntry], now: datetime) -> list[Moment]:
    actors = {(entry.step, entry.at): entry.actor for entry in journal}
    ends = [later.at for _, later in pairwise(release.changes)] + [now]
    return [
        _phase(change, end, actors.get((f"Phase:{change.phase}", change.at), ""), change is release.changes[-1])
        for change, end in zip(release.changes, ends, strict=True)
    ]


def _phase(change: PhaseChange, end: datetime, actor: str, last: bool) -> Moment:
    text = f"{change.reason}: {change.message}" if change.message else str(change.reason)
    moment = Moment(change.at, Kind.PHASE, str(change.phase), text, actor)
    return moment if change.phase in TERMINAL else replace(moment, seconds=_between(change.at, end), open=last)


def _step(entry: JournalEntry) -> Moment:
    going = entry.state is EntryState.BEGUN
    intent = in_words(entry.intent)
    text = {
        EntryState.BEGUN: f"begun ({intent}), and not ended" if intent else "begun, and not ended",
        EntryState.DONE: entry.outcome,
        EntryState.UNDONE: f"undone: {entry.outcome}",
    }[entry.state]
    seconds = _between(entry.at, entry.ended) if entry.ended else None
    return Moment(entry.at, Kind.STEP, entry.step, text, entry.actor, seconds, going)


def _judgement(said: Judgement) -> Moment:
    verdict = combine(said.proofs)
    bad = ", ".join(proof.gate for proof in not_passed(said.proofs))
    text = f"{verdict}: {bad}" if bad else str(verdict)
    return Moment(said.at, Kind.JUDGEMENT, said.step, text, evidence=said.proofs)


def _decision(said: Decided) -> Moment:
    """Returns the moment of a decision. An expiry is nobody's decision, so it says who noted it."""
    whom = f"{said.by} via {said.via}"
    by = f"nobody; noted by {whom}" if said.decision == Decision.EXPIRED else whom
    ticked = f"; ticked: {', '.join(said.ticks)}" if said.ticks else ""
    text = f"{said.kind}: {said.reason}{ticked}"
    return Moment(said.at, Kind.DECISION, said.decision, text, by, evidence=said.evidence)


def _between(start: datetime, end: datetime) -> float:
    return round(max(0.0, (end - start).total_seconds()), 3)
