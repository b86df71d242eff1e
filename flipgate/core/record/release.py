"""A release and its life so far.

It is identified by the hash of what it would run, so the same build announced twice is the same release.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import reduce
from typing import Any

from pydantic import AwareDatetime, Field

from flipgate.core.record.chain import DECISION, OPENED, PHASE, Chain, facts_of
from flipgate.core.record.phases import TERMINAL, TRANSITIONS, Phase, Reason
from flipgate.core.values.base import Model, but
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.stored import Address, Name, Sentence, Text
from flipgate.core.values.text import SENTENCE_BYTES, cut, cut_middle
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.values.who import Identity


class PhaseChange(Model):
    """One change of phase: when, why, and in a sentence."""

    phase: Phase
    reason: Reason
    at: datetime
    message: Text = ""


class FrozenEvidence(Model):
    """One gate's verdict with its evidence, frozen as people saw it."""

    gate: Name
    verdict: Name
    detail: Sentence
    output: Text = Field(default="", exclude_if=lambda text: not text)
    """What a program that was asked wrote, as far as it is kept."""
    seconds: float | None = Field(default=None, exclude_if=lambda seconds: seconds is None)
    """How long it took to find out."""


CHECKS = "checks"
PREFLIGHT = "preflight"
BAKE = "bake"
EXPAND = "expand"
LEAVING = "live databases"
CARRIED = "carried over"

PROOFS_KEPT = 20
"""Gates of one judgement or decision that are kept; those that did not pass before those that did."""
DETAIL_KEPT = 200
"""Characters of what one gate found."""
SEEN_KEPT = 100
"""Rows of what a person saw who decided that are kept, whole: what differs is among them."""
OUTPUT_KEPT = 2_000
"""Characters of what a program wrote that was asked."""
NOT_KEPT = "not kept"
"""In the place of evidence for which there was no room."""
NONE_KEPT = f"{NOT_KEPT}, for want of room"
"""The same in the place of all that one judgement found."""
SHOWN_KEPT = 50
"""Traefik replicas whose figures are kept."""
JUDGEMENTS_KEPT = 12
DECISIONS_KEPT = 12
COMMITS_KEPT = 12
"""How much all of it may be together: core/record/size.py."""


class Judgement(Model):
    """What one step found (`step` is one of the words above, or of hooks), kept for the history."""

    step: Name
    at: AwareDatetime
    proofs: tuple[FrozenEvidence, ...]


class Decided(Model):
    """A person's decision on a question about this release, with the evidence they saw, kept for the history."""

    kind: Name
    decision: Name
    by: Name
    via: Name
    reason: Text
    at: AwareDatetime
    evidence: tuple[FrozenEvidence, ...] = ()
    identity: Identity | None = Field(default=None, exclude_if=lambda identity: identity is None)
    """The proven name, and what of the policy it fits; without it `by` is a claim."""
    question: Name = Field(default="", exclude_if=lambda question: not question)
    """The id of the question that it answers."""
    ticks: tuple[Name, ...] = Field(default=(), exclude_if=lambda ticks: not ticks)
    """What they said is so, by its names in the file of then."""


class Shown(Model):
    """What one Traefik replica showed while a move was proven, in milliseconds since the first patch. None: no such
    answer came, or the time of the patch is not known."""

    replica: Name
    first_new_answer_ms: float | None = None
    """The first answer of the new side."""
    last_old_answer_ms: float | None = None
    """The last answer of the old side."""


class Stopped(Model):
    """What ended a pipeline's run while its release was open."""

    pipeline: Name
    reason: Name
    fact: Text
    at: AwareDatetime
    run: Address = ""
    """The run's page, or its id."""
    question: Name = ""
    """The question whose yes the run had; empty without one."""
    withdrawn: bool = False
    """That yes is void, and a person is asked again."""


class QueuedImage(Model):
    """An image that was built while no release could be opened: it waits for the open one to end."""

    image: Address
    at: datetime
    by: Name
    again: Name = Field(default="", exclude_if=lambda mark: not mark)
    """The mark under which it is released though the reference may be live (`again_mark`); empty without one."""


class RefusedBuild(Model):
    """A build event that started nothing, for CI does not hear it."""

    fact: Sentence
    at: datetime


class Commit(Model):
    """A commit of flipgate's in the team's repository."""

    what: Name
    """`deploy`, `flip`, `roll back` or `revert`."""
    commit: Name
    at: AwareDatetime


class Kept(Model):
    """What became of the end of a release's soak: how often a person moved it, and how long the old side stays beyond
    it."""

    ends: int = 0
    """How often the end was moved: each has a run of its own."""
    early: AwareDatetime | None = None
    """When a person wanted to be asked before the end; None once that is answered, or nobody did."""
    since: AwareDatetime | None = None
    """When for the first time since the end nobody had answered in time, or somebody said no."""
    days: int = 0
    """How many of the days since then were told."""


class Release(Model):
    """What a side would run, and how far it has come."""

    id: Name
    attempt: int = 1
    application_hash: Name
    side: Side
    images: dict[Name, Address]
    wanted: dict[Name, int]
    again: dict[Name, Name] = Field(default={}, exclude_if=lambda marks: not marks)
    """The services whose reference was released again, by this release or by the one that was live, each with its mark:
    somebody said that it had other content."""
    databases: Name = Field(default="", exclude_if=lambda word: not word)
    """One word for the databases that its side comes up on, where they are not simply shared."""
    opened_by: Name
    changes: tuple[PhaseChange, ...]
    settle_after: datetime | None = None
    moved_at: datetime | None = None
    first_new_answer_ms: float | None = None
    """Of the proof of its move: the first answer of the new side through any replica."""
    last_old_answer_ms: float | None = None
    """The last answer of the old side through any replica."""
    shown: tuple[Shown, ...] = ()
    """The same of each replica, at most SHOWN_KEPT of them."""
    decisions: tuple[Decided, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    commits: tuple[Commit, ...] = Field(default=(), exclude_if=lambda commits: not commits)
    """At most COMMITS_KEPT of them, the newest."""
    stopped: Stopped | None = None
    """Gone with the next phase, and when a run acts again."""
    taken_in: int = Field(default=0, exclude_if=lambda epoch: not epoch)
    """The epoch whose last writes on its side were a stamp on all of it, before it was called dark; 0: not known."""
    held: AwareDatetime | None = Field(default=None, exclude_if=lambda held: held is None)
    """When a run last ended well for its move was held back, or gates did not pass: it is not begun again, so that who
    goes on from then has another key. Gone with the next phase."""
    kept: Kept | None = Field(default=None, exclude_if=lambda kept: kept is None)
    chain: Chain | None = Field(default=None, exclude_if=lambda chain: chain is None)
    """A link for each change of phase and each decision; None of a release that was opened before there were chains."""

    @property
    def phase(self) -> Phase:
        return self.changes[-1].phase

    @property
    def head(self) -> str:
        """The hash of its newest link; empty without a chain."""
        return self.chain.head if self.chain else ""

    @property
    def since(self) -> datetime:
        return self.changes[-1].at

    @property
    def flipped_at(self) -> datetime | None:
        """When its move began: right before the patch, so what comes after may be its doing."""
        return next((change.at for change in reversed(self.changes) if change.phase is Phase.FLIPPING), self.moved_at)

    def soaks(self, now: datetime) -> bool:
        """Whether the soak still goes on, and nobody wants to be asked before its end."""
        early = self.kept is not None and self.kept.early is not None
        return self.settle_after is not None and now < self.settle_after and not early

    @property
    def dark_since(self) -> datetime | None:
        """Since when it is dark, with its checks passed; None where it is not."""
        return self.since if self.phase is Phase.DARK else None

    @property
    def name(self) -> str:
        """The name of this attempt, for people and for idempotency keys: `3f2a9c01d4e8-1`."""
        return f"{self.id}-{self.attempt}"

    def chained(self, before: str) -> Release:
        """Returns the release with a chain that continues this hash, over what it was opened with."""
        chain: Chain | None = Chain(before=before).linked(
            OPENED, self.name, self.changes[0].at, facts_of(_stored(self))
        )
        return but(self, chain=reduce(_linked, self.changes, chain))

    def advanced(self, phase: Phase, reason: Reason, now: datetime, message: str = "") -> Release:
        """Returns the release one phase on. Raises Refused when the table has no such step."""
        if reason not in TRANSITIONS.get(self.phase, {}).get(phase, frozenset()):
            raise Refused(
                f"is `{self.phase}` and cannot become `{phase}` for {reason}",
                obj=f"release {self.name}",
                reason=Why.NO_SUCH_TRANSITION,
            )
        change = PhaseChange(phase=phase, reason=reason, at=now, message=message)
        return but(self, changes=(*self.changes, change), stopped=None, held=None, chain=_linked(self.chain, change))

    def judged(self, step: str, evidence: Iterable[Evidence], now: datetime) -> Release:
        """Returns the release with what a step's gates said, kept small: the first judgement and the newest. Of the
        preflight, which a run that is begun again asks anew, the newest alone: what it said before has been mended."""
        new = Judgement(step=step, at=now, proofs=_kept(_measured(evidence)))
        kept = (each for each in self.judgements if not each.step == step == PREFLIGHT)
        return but(self, judgements=_newest((*kept, new)))

    def noted(self, step: str, evidence: Iterable[Evidence], now: datetime) -> Release:
        """Returns the release with what was found at a step that is judged piece by piece, in one judgement: what was
        said of the same pieces before goes, the others stay."""
        new = _measured(evidence)
        names = {proof.gate for proof in new}
        before = next((each for each in self.judgements if each.step == step), None)
        kept = tuple(proof for proof in before.proofs if proof.gate not in names) if before else ()
        said = Judgement(step=step, at=now, proofs=_kept((*kept, *new)))
        if before is None:
            return but(self, judgements=_newest((*self.judgements, said)))
        return but(self, judgements=tuple(said if each is before else each for each in self.judgements))

    def committed(self, what: str, commit: str, now: datetime) -> Release:
        """Returns the release with a commit in the team's repository; one that is noted already is not noted again."""
        if any(each.commit == commit for each in self.commits):
            return self
        new = Commit(what=what, commit=commit, at=now)
        return but(self, commits=(*self.commits, new)[-COMMITS_KEPT:])

    def decided(self, said: Decided) -> Release:
        """Returns the release with a decision on a question about it, and what was shown with it: the newest."""
        kept = but(said, evidence=_kept(said.evidence, SEEN_KEPT, SENTENCE_BYTES))
        decisions = (*self.decisions, kept)[-DECISIONS_KEPT:]
        return but(self, decisions=decisions, chain=_linked(self.chain, kept))


def _newest(said: tuple[Judgement, ...]) -> tuple[Judgement, ...]:
    """The first of these judgements and the newest. Only of a bake there is another each time that it is begun again:
    what else was found once is not run again for it."""
    over = max(0, len(said) - JUDGEMENTS_KEPT)
    gone = [number for number, each in enumerate(said[:-1]) if number and each.step == BAKE][:over]
    kept = [each for number, each in enumerate(said) if number not in gone]
    return (kept[0], *kept[1:][1 - JUDGEMENTS_KEPT :])


def _linked(chain: Chain | None, said: PhaseChange | Decided) -> Chain | None:
    """Returns the chain with a link for what is stored of this; without a chain, none begins in its midst."""
    if chain is None:
        return None
    of, what = (PHASE, said.phase) if isinstance(said, PhaseChange) else (DECISION, said.decision)
    return chain.linked(of, what, said.at, _stored(said))


def _stored(value: Model) -> dict[str, Any]:
    return value.model_dump(mode="json", by_alias=True)


def frozen(evidence: Iterable[Evidence]) -> tuple[FrozenEvidence, ...]:
    """Returns the evidence as it is shown to people, and stored with a question."""
    return tuple(FrozenEvidence(gate=e.gate, verdict=e.verdict, detail=_detail(e)) for e in evidence)


def _measured(evidence: Iterable[Evidence]) -> tuple[FrozenEvidence, ...]:
    """Returns the evidence as a judgement keeps it: with what programs wrote, and how long it took."""
    found = tuple(evidence)
    return tuple(
        but(proof, output=cut_middle(each.output, OUTPUT_KEPT), seconds=each.seconds)
        for proof, each in zip(frozen(found), found, strict=True)
    )


def _detail(evidence: Evidence) -> str:
    return f"{evidence.answer} (wanted {evidence.threshold})" if evidence.threshold else evidence.answer


def _kept(
    proofs: Iterable[FrozenEvidence], most: int = PROOFS_KEPT, longest: int = DETAIL_KEPT
) -> tuple[FrozenEvidence, ...]:
    """Returns at most so many of them, what each found cut to so many characters. Where some are left out, the last
    one says how many."""
    short = [but(proof, detail=cut(proof.detail, longest)) for proof in proofs]
    if len(short) <= most:
        return tuple(short)
    ranks: dict[str, int] = {Verdict.UNKNOWN: 1, Verdict.INFO: 2, Verdict.PASS: 3}
    short.sort(key=lambda proof: ranks.get(proof.verdict, 0))
    left = short[most - 1 :]
    return (
        *short[: most - 1],
        FrozenEvidence(gate=f"{len(left)} more", verdict=left[0].verdict, detail=NOT_KEPT),
    )


ID_DIGITS = 12
"""Hexadecimal digits of an id: enough to be unique in one application's history, short enough to say aloud."""


def release_id(rendered: Mapping[str, Any], again: Mapping[str, str] | None = None) -> str:
    """Returns the content hash of what a side would run: rendered workloads and their configuration, names only for
    Secrets; and the marks of what is released `again`, whose reference does not tell its content.
    """
    whole = {"rendered": rendered, "again": again} if again else rendered
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:ID_DIGITS]


def attempts(names: Iterable[str], identity: str) -> int:
    """Returns the highest attempt of the release of this id among these names, 0 without any. By the names alone: one
    that cannot be read has been made all the same, and its number must not be given out twice."""
    numbers = [name.removeprefix(f"{identity}-") for name in names if name.startswith(f"{identity}-")]
    return max((int(number) for number in numbers if number.isdecimal()), default=0)


def again_mark(word: str) -> str:
    """Returns the mark of a word by which somebody says that a reference has other content: the same word, an event's
    id told twice, is the same release. Empty for none."""
    return hashlib.sha256(word.encode()).hexdigest()[:ID_DIGITS] if word else ""


def phase_seconds(release: Release, now: datetime) -> dict[str, float]:
    """Returns how long each phase lasted, in seconds; the present one until `now`."""
    out: dict[str, float] = {}
    ends = [change.at for change in release.changes[1:]] + [now]
    for change, end in zip(release.changes, ends, strict=True):
        lasted = 0.0 if change.phase in TERMINAL else (end - change.at).total_seconds()
        out[change.phase] = round(out.get(change.phase, 0.0) + lasted, 3)
    return out
