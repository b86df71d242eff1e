"""What the cluster remembers of one application, and every change that can be made to it, as pure functions.

It is one JSON document in a ConfigMap. Each write tests the version read (`adapters/store.py`), so these functions know
nothing of concurrency: they take a record and the clock, and give the next record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from pydantic import AwareDatetime, Field

from flipgate.core.record.announcement import Announcement, InChat
from flipgate.core.record.chain import SHOWN_DIGITS
from flipgate.core.record.clones import CloneMade
from flipgate.core.record.compared import Compared
from flipgate.core.record.freeze import BreakGlass, Freeze
from flipgate.core.record.intents import MOVE_ROUTES, Move
from flipgate.core.record.ledger import Migration
from flipgate.core.record.maintenance import Maintenance
from flipgate.core.record.merge_request import MergeRequest
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import AFTER_TRAFFIC, ASKED_IN, Phase, QuestionKind, Reason
from flipgate.core.record.planned import Part
from flipgate.core.record.release import FrozenEvidence, PhaseChange, QueuedImage, RefusedBuild, Release
from flipgate.core.record.stopped_databases import StoppedDatabase
from flipgate.core.record.ticks import Tick
from flipgate.core.record.who_may import WhoMay
from flipgate.core.values.base import Model, but
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.stored import Address, Mapped, Name, Sentence, Text
from flipgate.core.values.text import valid
from flipgate.core.values.verdicts import Evidence
from flipgate.core.values.who import Identity, shown

FIRST_SCHEMA, SCHEMA_VERSION = 1, 2  # and the newest. Which of them is written: core/record/schema.py
JOURNAL_KEPT = 60
"""Entries kept in the record: some five releases' worth. How much all of it may be: core/record/size.py."""
OUTBOX_KEPT = 200  # untold messages, while a chat is away; the oldest go first, the journal has what they said


class ConditionStatus(StrEnum):
    """As Kubernetes' own conditions have it. Unknown never counts as True."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class Condition(Model):
    """Something that is so, or not, beside the phase. `type` and `reason` are treated as API."""

    type: Name
    status: ConditionStatus
    reason: Name
    message: Text
    since: datetime
    """When it got its status, on its `side` if it is of one; reason and message may have changed since."""
    side: Side | None = None
    changed: Name = Field(default="", exclude_if=lambda word: not word)
    """What others have changed of it, in one word (`conditions.changes`): people hear of it anew when it is another."""
    looked_at: AwareDatetime | None = Field(default=None, exclude_if=lambda moment: moment is None)
    """When that was seen, of what `status` does not look at itself."""
    basis: Name = Field(default="", exclude_if=lambda word: not word)
    """One word for what it was judged by, where that need not be looked at again while it is the same."""


class EntryState(StrEnum):
    """`begun` is an open entry: the world may or may not have changed, look before acting."""

    BEGUN = "begun"
    DONE = "done"
    UNDONE = "undone"


class JournalEntry(Model):
    """What a step was about to do, and what it did."""

    id: int
    step: Name
    state: EntryState
    actor: Name
    at: datetime
    ended: datetime | None = None
    release: Name | None = None
    intent: Mapped = {}
    """What it was about to do, as `core/record/intents.py` writes and reads it."""
    outcome: Text = ""


class Question(Model):
    """What a person is asked. `basis` is the hash of what would change; an approval is bound to it."""

    id: Name
    kind: QuestionKind
    release: Name
    basis: Name
    summary: Sentence
    changes: tuple[Sentence, ...] = ()
    look_first: tuple[Address, ...] = Field(default=(), exclude_if=lambda lines: not lines)
    """Commands to look at the dark side with before one decides."""
    content: dict[Address, tuple[Name, ...]] = Field(default={}, exclude_if=lambda known: not known)
    """By reference the digests that pods ran: a yes is bound to them."""
    services: dict[Name, Sentence] = Field(default={}, exclude_if=lambda known: not known)
    """Where the Services lead that the routes would name, by name: a yes is bound to that, too."""
    plan: tuple[Part, ...] = Field(default=(), exclude_if=lambda plan: not plan)
    compared: tuple[Compared, ...] = Field(default=(), exclude_if=lambda rows: not rows)
    who_may: WhoMay | None = Field(default=None, exclude_if=lambda may: may is None)
    """Who may say yes, where the policy says that."""
    ticks: tuple[Tick, ...] = Field(default=(), exclude_if=lambda ticks: not ticks)
    gates: Name = Field(default="", exclude_if=lambda word: not word)
    """One word for the gates that have to pass, as the file had them: a yes is bound to that, too."""
    evidence: tuple[FrozenEvidence, ...] = ()
    asked_at: datetime
    expires_at: datetime
    flow_run: Name = ""
    url: Address = ""


class Decision(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"
    EXPIRED = "expired"
    EXTEND = "extend"
    ROLLBACK = "rollback"


class Approval(Model):
    """A person's decision on one question. `spent_by` names the journal entry of the one move it allowed; `identity` is
    the proven name, which `by` is a claim without."""

    question: Name
    kind: QuestionKind
    basis: Name
    decision: Decision
    by: Name
    via: Name
    reason: Text
    at: datetime
    spent_by: int | None = None
    identity: Identity | None = Field(default=None, exclude_if=lambda identity: identity is None)
    ticks: tuple[Name, ...] = Field(default=(), exclude_if=lambda ticks: not ticks)

    @property
    def said_by(self) -> str:
        """Who it is from, as that is shown. That nobody decided is flipgate's own word."""
        return self.by if self.decision is Decision.EXPIRED else shown(self.by, self.identity)

    @property
    def unspent(self) -> bool:
        """Whether it is a yes that no move has used yet."""
        return self.decision is Decision.APPROVE and self.spent_by is None


class Record(Model):
    """All that is remembered of an application."""

    schema_version: int = Field(default=FIRST_SCHEMA, alias="schema")
    application: Name
    epoch: int = 0
    holder: Name = ""
    """Who works under this epoch, or did last."""
    active: Side
    """The side the last finished step left the traffic on: for comparing with the routes, never for deciding."""
    sides: dict[Side, Occupant]
    release: Release | None = None
    last: Release | None = None
    queued: dict[Name, QueuedImage] = Field(default={}, exclude_if=lambda images: not images)  # core/record/queue.py
    refused_build: RefusedBuild | None = Field(default=None, exclude_if=lambda build: build is None)  # the last one
    journal: tuple[JournalEntry, ...] = ()
    question: Question | None = None
    approval: Approval | None = None
    outbox: tuple[Announcement, ...] = ()
    left_out: int = Field(default=0, exclude_if=lambda count: not count)  # messages let go undelivered of late
    threads: dict[Name, Name] = {}
    in_chat: tuple[InChat, ...] = Field(default=(), exclude_if=lambda messages: not messages)
    conditions: tuple[Condition, ...] = ()
    dark_preview: tuple[Sentence, ...] = Field(default=(), exclude_if=lambda names: not names)
    """The routes that a dark preview may consist of: they are taken away by this, whatever the file says by then."""
    frozen: Freeze | None = Field(default=None, exclude_if=lambda freeze: freeze is None)  # until somebody thaws it
    glass: BreakGlass | None = Field(default=None, exclude_if=lambda glass: glass is None)  # gone with the open release
    merge_request: MergeRequest | None = Field(default=None, exclude_if=lambda request: request is None)
    migrations: tuple[Migration, ...] = Field(default=(), exclude_if=lambda entries: not entries)  # the oldest first
    maintenance: Maintenance | None = Field(default=None, exclude_if=lambda flag: flag is None)
    clones: tuple[CloneMade, ...] = Field(default=(), exclude_if=lambda clones: not clones)
    stopped: tuple[StoppedDatabase, ...] = Field(default=(), exclude_if=lambda databases: not databases)
    written_down: Text = ""
    """The last rollback without a record that was written down since: its mark is not obeyed again."""

    @property
    def open_entry(self) -> JournalEntry | None:
        """The entry of a step that began and did not end, if any: there is at most one."""
        return next((e for e in reversed(self.journal) if e.state is EntryState.BEGUN), None)

    @property
    def phase(self) -> Phase:
        return self.release.phase if self.release else Phase.SETTLED

    @property
    def releases(self) -> tuple[Release, ...]:
        """The releases remembered here, newest first. One that is rolled back stays open until its side rests."""
        return tuple(each for each in (self.release, self.last) if each)

    @property
    def newest(self) -> Release | None:
        """The open release; the one before where none is open."""
        return self.release or self.last

    @property
    def under_way(self) -> Release | None:
        """The open release, unless it has ended."""
        return self.release if self.release and not self.release.phase.row.ended else None

    @property
    def ended(self) -> Release | None:
        """The release that ended last; None while another is under way."""
        return None if self.under_way else self.newest

    def named(self, name: str) -> Release | None:
        """The release of this name, if it is remembered here: the history has all that have ended."""
        return next((each for each in self.releases if each.name == name), None)

    def ran_on(self, side: Side) -> bool:
        """Whether anything ever ran on the side. False only where `init` noted that nothing did: no way back."""
        occupant = self.sides.get(side)
        return occupant is None or bool(occupant.images)

    def ran_without(self, side: Side, service: str) -> bool:
        """Whether the side is known to have run without this service, which a later release added on the other side.
        One with pods noted there ran, though nobody could note its image when users left."""
        occupant = self.sides.get(side)
        if occupant is None or not occupant.images:
            return False
        return service not in occupant.images and not occupant.replicas.get(service)

    def left_by_users(self, side: Side) -> bool:
        """Whether users left the side in the open release's move: what is noted of it is what it had right then."""
        return self.release is not None and self.release.side is side.other and self.phase in AFTER_TRAFFIC

    @property
    def both_protected(self) -> bool:
        """True while traffic moves: neither side is dark then."""
        return self.phase.row.both_protected or ((entry := self.open_entry) is not None and entry.step == MOVE_ROUTES)


def begin(
    record: Record, step: str, actor: str, now: datetime, intent: Mapping[str, Any]
) -> tuple[Record, JournalEntry]:
    """Opens a journal entry for what is about to happen. Raises Refused while another is open: finish or undo that
    first."""
    if entry := record.open_entry:
        raise Refused(
            f"entry {entry.id} ({entry.step} by {entry.actor}) is still open",
            obj=f"journal of {record.application}",
            reason=Why.JOURNAL_OPEN,
            untouched="routes and sides",
        )
    last = record.journal[-1].id if record.journal else 0
    release = record.release.name if record.release else None
    entry = JournalEntry(
        id=last + 1, step=step, state=EntryState.BEGUN, actor=actor, at=now, release=release, intent=dict(intent)
    )
    return _with_entry(record, entry), entry


def end(record: Record, entry_id: int, state: EntryState, now: datetime, outcome: str) -> Record:
    """Closes a journal entry with what did happen; a finished move also sets which side is active now.

    An entry that is no longer open is left as it is: another actor has settled it.
    """
    opened = record.open_entry
    moved = opened is not None and opened.id == entry_id and opened.step == MOVE_ROUTES and state is EntryState.DONE
    journal = tuple(
        but(entry, state=state, ended=now, outcome=outcome)
        if entry.id == entry_id and entry.state is EntryState.BEGUN
        else entry
        for entry in record.journal
    )
    ended = but(record, journal=journal)
    return but(ended, active=Move.read(opened.intent).to) if moved and opened is not None else ended


def open_release(record: Record, release: Release, now: datetime) -> Record:
    """Makes `release` the open one. Raises Refused while another is open and has not ended."""
    if busy := record.under_way:
        raise Refused(
            f"release {busy.name} is open and `{busy.phase}`", reason=Why.RELEASE_OPEN, untouched="both sides"
        )
    release = release.chained(record.newest.head if record.newest else "")
    opened = but(record, release=release, last=record.newest, question=None, approval=None, refused_build=None)
    return _announce(_phase_journaled(opened, release.changes[-1], release.opened_by), release, release.changes[-1])


def advance(record: Record, phase: Phase, reason: Reason, now: datetime, *, actor: str, message: str = "") -> Record:
    """Takes the open release one phase on: one reason, one journal entry, one announcement. Raises Refused when the
    table has no such step.

    A question that the new phase has no use for goes, and its answer with it: what it allowed is over.
    """
    release = need_release(record).advanced(phase, reason, now, message)
    change = release.changes[-1]
    changed = but(record, release=release)
    if record.question is None or phase not in ASKED_IN[record.question.kind]:
        changed = but(changed, question=None, approval=None)
    if changed.glass and not changed.glass.lasts(phase):
        changed = but(changed, glass=None)
    if phase.row.ended and not phase.row.stays_open:
        changed = but(changed, release=None, last=release)
    return _announce(_phase_journaled(changed, change, actor), release, change)


def settled(record: Record) -> Record:
    """Returns the record without its rolled back release as the open one, once the side of that is at rest: what was
    live before is settled again."""
    if record.release is None or not record.phase.row.stays_open:
        return record
    return but(record, release=None, last=record.release)


def occupied(record: Record, side: Side, occupant: Occupant) -> Record:
    """Returns the record with this occupant on one side; the other side's stays."""
    return but(record, sides={**record.sides, side: occupant})


def update_release(record: Record, change: Callable[[Release], Release]) -> Record:
    """Returns the record with some facts of the open release filled in (never its phases)."""
    return but(record, release=change(need_release(record)))


def judged(record: Record, step: str, evidence: Sequence[Evidence], now: datetime) -> Record:
    """Returns the record with what the gates of a step said, kept with the open release; unchanged without evidence."""
    if record.release is None or not evidence:
        return record
    return but(record, release=record.release.judged(step, evidence, now))


def need_release(record: Record) -> Release:
    """Returns the open release. Raises Refused (NoOpenRelease) when there is none."""
    if record.release is None:
        raise Refused("has no open release", reason=Why.NO_OPEN_RELEASE, untouched="both sides")
    return record.release


def journaled(record: Record, step: str, actor: str, at: datetime, outcome: str) -> Record:
    """Returns the record with a journal entry for what this very write does, so that it is never half done."""
    last, release = record.journal[-1].id if record.journal else 0, record.newest
    entry = JournalEntry(
        id=last + 1,
        step=step,
        state=EntryState.DONE,
        actor=actor,
        at=at,
        ended=at,
        release=release.name if release else None,
        outcome=outcome,
    )
    return _with_entry(record, entry)


def _phase_journaled(record: Record, change: PhaseChange, actor: str) -> Record:
    outcome = f"{change.reason}: {change.message}" if change.message else str(change.reason)
    return journaled(record, f"Phase:{change.phase}", actor, change.at, outcome)


def _with_entry(record: Record, entry: JournalEntry) -> Record:
    """Returns the record with one entry more; the oldest go first, but an open one stays until it has ended."""
    over = len(record.journal) + 1 - JOURNAL_KEPT
    kept = tuple(old for n, old in enumerate(record.journal) if n >= over or old.state is EntryState.BEGUN)
    return but(record, journal=(*kept, entry))


def _announce(record: Record, release: Release, change: PhaseChange) -> Record:
    """Returns the record with the announcement of a change of phase; of an end with the head of the release's chain."""
    key = f"{release.name}/{len(release.changes)}/{change.phase}/{change.reason}"
    head = f", chain {release.head[:SHOWN_DIGITS]}" if change.phase.row.ended and release.head else ""
    text = f"{record.application} {release.name} on {release.side}: {change.phase} ({change.reason}){head}"
    return announce(
        record,
        key,
        release=release.name,
        side=release.side,
        text=f"{text}. {change.message}" if change.message else text,
        reason=change.reason,
        at=change.at,
    )


def announce(record: Record, key: str, **said: Any) -> Record:
    """Returns the record with one message more in the outbox (`said`: an Announcement's fields); the oldest go first.
    Its id is made of what happened (`key`), so that one that is made twice is recognised as one."""
    message = Announcement(id=str(uuid5(NAMESPACE_URL, valid(f"{record.application}/{key}"))), **said)
    outbox = (*record.outbox, message)
    over = max(0, len(outbox) - OUTBOX_KEPT)
    return but(record, outbox=outbox[over:], left_out=record.left_out + over)
