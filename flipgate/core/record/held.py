"""Stop and go: whether a move may begin now, and a person's word that passes what holds it back.

Only what moves users on, or gives up the way back to them, is held: the flip and the scale-down, each before it begins.
What has begun goes on, and so does everything that protects users; rolling back asks nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from flipgate.core.record.approvals import Granted, accept
from flipgate.core.record.freeze import BreakGlass, Freeze
from flipgate.core.record.going_on import asked
from flipgate.core.record.phases import QuestionKind, asked_in
from flipgate.core.record.record import Condition, ConditionStatus, Record, announce, journaled
from flipgate.core.record.release import Decided
from flipgate.core.record.who_may import WhoMay, not_heard
from flipgate.core.spec.windows import Window, is_open, opens_next
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.unread import Unread
from flipgate.core.values.verdicts import Evidence, Verdict, not_passed

HELD: Final = "Held"
"""The type of the condition, and what the state of a run is called that has ended for it."""
BREAK_GLASS: Final = "break-glass"
"""The decision of a person who passes what holds a move back, beside yes and no."""


@dataclass(frozen=True)
class Held:
    """Why a move may not begin now: who stopped it, or when a window opens."""

    reason: Why
    fact: str
    thaw: str = ""
    """What ends it when it is typed; empty where time does."""
    freeze: Freeze | None = None
    opens: datetime | None = None
    """When the next window opens, in UTC, where windows are declared and none is open."""

    @property
    def text(self) -> str:
        """All of it in a sentence without its end."""
        if self.opens is None or self.reason is Why.WINDOW_CLOSED:
            return self.fact
        return f"{self.fact}; no window is open either, the next opens {_clock(self.opens)}"


def held_back(
    record: Record, everywhere: Freeze | Unread | None, windows: tuple[Window, ...], now: datetime
) -> Held | None:
    """Why moves of this application may not begin now; None where they may. `everywhere` is the freeze of all
    applications: one that cannot be read holds them back, too."""
    return next(_holding(record, everywhere, windows, now, None), None)


def move_held(
    record: Record, kind: QuestionKind, everywhere: Freeze | Unread | None, windows: tuple[Window, ...], now: datetime
) -> Held | None:
    """Why this move of the open release may not begin now; None where it may, on a person's word (BreakGlass) too. That
    passes no freeze that is newer than itself."""
    return next(_holding(record, everywhere, windows, now, glass_of(record, kind, now)), None)


def glass_of(record: Record, kind: QuestionKind, now: datetime) -> BreakGlass | None:
    """Returns a person's word that passes what holds this move of the open release back; None without one."""
    release, glass = record.release, record.glass
    return glass if glass and release and glass.counts(kind, release.name, now) else None


def _holding(
    record: Record,
    everywhere: Freeze | Unread | None,
    windows: tuple[Window, ...],
    now: datetime,
    glass: BreakGlass | None,
) -> Iterator[Held]:
    """Yields what holds moves back, people's own stops first. Each says when the next window opens, where none is."""
    closed = not is_open(windows, now)
    opens = opens_next(windows, now) if closed else None
    if record.frozen and not _passed(record.frozen, glass):
        thaw = f'flipgate thaw {record.application} --reason "..."'
        yield Held(Why.FROZEN, f"{record.application} is {_said(record.frozen)}", thaw, record.frozen, opens)
    if isinstance(everywhere, Freeze) and not _passed(everywhere, glass):
        said = f"all applications are {_said(everywhere)}"
        yield Held(Why.FROZEN, said, 'flipgate thaw --reason "..."', everywhere, opens)
    if isinstance(everywhere, Unread) and not glass:
        said = f"whether all applications are frozen is not known: {everywhere.why}"
        yield Held(Why.FREEZE_UNKNOWN, said, opens=opens)
    if opens and not glass:
        said = f"no window is open now ({'; '.join(map(str, windows))}); the next opens {_clock(opens)}"
        yield Held(Why.WINDOW_CLOSED, said, opens=opens)


def _passed(freeze: Freeze, glass: BreakGlass | None) -> bool:
    return glass is not None and freeze.at <= glass.at


def _said(freeze: Freeze) -> str:
    return f"frozen since {_clock(freeze.at)} by {freeze.said_by}: {freeze.reason}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def refusal(held: Held, kind: QuestionKind, application: str) -> Refused:
    """Returns the refusal of a move that is held back."""
    passing = f'flipgate {kind} {application} --break-glass --reason "..."'
    return Refused(
        f"is held back: {held.text}",
        obj=f"the {kind.replace('-', ' ')} of {application}",
        reason=held.reason,
        untouched="all routes and both sides; a yes stands until its question expires",
        next_command=f"{held.thaw or f'flipgate status {application}'}; or past it: {passing}",
    )


def shown(held: Held) -> Evidence:
    """Returns what whoever is asked is told of it: their yes is kept, and the move waits."""
    answer = f"{held.text}; a yes is kept, and the move waits"
    return Evidence("held back", Verdict.INFO, "freezes and windows", "record", answer, "")


def condition(held: Held, now: datetime) -> Condition:
    """Returns the condition Held: True; Unknown where a freeze could not be read."""
    status = ConditionStatus.UNKNOWN if held.reason is Why.FREEZE_UNKNOWN else ConditionStatus.TRUE
    since = held.freeze.at if held.freeze else now
    return Condition(type=HELD, status=status, reason=held.reason, message=held.text, since=since)


def yes_that_waits(record: Record, now: datetime) -> QuestionKind | None:
    """Returns the move that a yes stands for and that has not begun; None without one."""
    question = asked(record)
    if question is None or not isinstance(accept(record.approval, question, question.basis, now), Granted):
        return None
    return question.kind


def freeze(record: Record, frozen: Freeze) -> Record:
    """Returns the record with the application frozen: one journal entry, one message. Unchanged where it is frozen."""
    if record.frozen:
        return record
    fact = f"{_said(frozen)}. Users stay where they are; rolling back works"
    return _told(but(record, frozen=frozen), Why.FROZEN, frozen.said_by, fact, frozen.at)


def thaw(record: Record, by: str, reason: str, now: datetime) -> Record:
    """Returns the record with the application thawed: one journal entry, one message. Unchanged where it was not
    frozen."""
    if record.frozen is None:
        return record
    fact = f"thawed by {by}: {reason}. It was {_said(record.frozen)}"
    return _told(but(record, frozen=None), Why.THAWED, by, fact, now)


def break_glass(record: Record, glass: BreakGlass, may: WhoMay | None) -> Record:
    """Returns the record with a person's word that passes what holds the open release's move back, and the file's
    gates: kept with the release (and so in its chain), in the journal, and told by a message of its own.

    Raises Refused (NoOpenRelease, WrongPhase) where no release has that move before it, and as a yes of somebody who
    may not give one.
    """
    release = record.release
    if release is None or release.phase.row.pipeline != asked_in(glass.kind).row.pipeline:
        raise Refused(
            f"is `{record.phase}`: no {glass.kind.replace('-', ' ')} is to come, or under way",
            obj=f"release {release.name}" if release else "",
            reason=Why.WRONG_PHASE,
            untouched="everything",
        )
    if void := not_heard(glass.identity, glass.said_by, may):
        raise Refused(void.fact, obj=f"release {release.name}", reason=void.reason, untouched="everything")
    said = Decided(
        kind=glass.kind,
        decision=BREAK_GLASS,
        by=glass.said_by,
        via="cli",
        reason=glass.reason,
        at=glass.at,
        identity=glass.identity,
    )
    passes = f"The {glass.kind.replace('-', ' ')} passes older freezes, closed windows and the file's gates"
    fact = f"BREAK-GLASS by {glass.said_by}: {glass.reason}. {passes}"
    changed = but(record, glass=glass, release=release.decided(said))
    return _told(changed, Why.BREAK_GLASS, glass.said_by, fact, glass.at)


def glass_said(glass: BreakGlass | None) -> str:
    """Returns what is said of it behind a person's yes; empty without one."""
    return f"; break-glass by {glass.said_by}: {glass.reason}" if glass else ""


def passed(evidence: Iterable[Evidence], glass: BreakGlass | None) -> tuple[Evidence, ...]:
    """Returns what the file's gates said, where a person has passed them: what did not pass is only shown then."""
    found = tuple(evidence)
    if glass is None:
        return found
    bad = not_passed(found)
    said = f"passed by break-glass of {glass.said_by}"
    return tuple(
        replace(each, verdict=Verdict.INFO, answer=f"{each.verdict}, {said}: {each.answer}") if each in bad else each
        for each in found
    )


def _told(record: Record, reason: Why, by: str, fact: str, at: datetime) -> Record:
    release = record.newest
    changed = journaled(record, reason, by, at, fact)
    return announce(
        changed,
        f"{reason}/{changed.journal[-1].id}/{at.isoformat()}",
        release=release.name if release else "",
        side=release.side if release else record.active,
        text=f"{record.application}{f' {release.name}' if release else ''}: {fact}",
        reason=reason,
        at=at,
    )
