"""The end of a release's soak: a person moves it later, wants to be asked before it, or nobody answers and the old side
is kept. Every change to the record that these make.

Keeping the way back longer is safe, and anybody's, as a no is. To be asked early is no yes: whoever may say yes is
asked.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from flipgate.core.record.approvals import answered, lapse, withdraw
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.planned import as_evidence
from flipgate.core.record.record import Decision, Record, announce, journaled, update_release
from flipgate.core.record.release import Decided, Kept, Release
from flipgate.core.record.who_may import identify
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import fitted
from flipgate.core.values.who import Speaker

MOST_HOURS: Final = 720
"""How far from now the end of a soak may be moved, thirty days, and the most that is added at once."""
USUAL_HOURS: Final = 24
"""What the form has filled in."""
EARLY: Final = "early"
"""The decision of a person who wants to be asked before the end of the soak, beside yes and no."""
DAY: Final = timedelta(days=1)
REASON_BYTES: Final = 500
"""Of a person's reason that is repeated each day."""


def extend(record: Record, hours: int, by: Speaker, via: str, reason: str, now: datetime, *, only: str = "") -> Record:
    """Returns the record with the end of the soak so many hours later: than now, or than the present end where that is
    still to come. An open question about the old side is withdrawn. One journal entry, one message.

    Raises Refused (WrongPhase) where no release is live, (QuestionGone) where the question `only` is not open any more,
    (AlreadyAnswered) where a person wants users back; BadInput for more than MOST_HOURS.
    """
    release = _live(record, "keep")
    if only and (record.question is None or record.question.id != only):
        raise Refused("the question is gone: nothing waits for this answer", reason=Why.QUESTION_GONE)
    said = answered(record)
    if said and said.decision is Decision.ROLLBACK:
        raise Refused(f"{said.said_by} wants users back: {said.reason}", reason=Why.ALREADY_ANSWERED)
    begins = max(now, release.settle_after or now)
    end = _later(record.application, begins, hours, now)
    kept = release.kept or Kept()
    # What held it before this end says nothing of the run that asks at the new one, under a key of its own.
    moved = but(release, settle_after=end, kept=Kept(ends=kept.ends + 1), stopped=None, held=None)
    decided = _decided(record, Decision.EXTEND, by, via, reason, now)
    fact = (
        f"kept {hours} h longer by {decided.by} via {via}: {reason}. {release.side.other} stays up as the way back "
        f"until {_clock(end)}; until then nobody is asked about it"
    )
    changed = but(withdraw(record), release=moved.decided(decided))
    return _told(changed, Why.SOAK_EXTENDED, f"{kept.ends + 1}", decided.by, fact, now)


def ask_early(record: Record, by: Speaker, reason: str, now: datetime) -> Record:
    """Returns the record with a person's word that the old side's rest is asked about before the soak ends. Unchanged
    where that is over, or somebody wants it already. Raises Refused (WrongPhase) where no release is live."""
    release = _live(record, "scale down early")
    if not release.soaks(now):
        return record
    decided = _decided(record, EARLY, by, "cli", reason, now)
    kept = but(release.kept or Kept(), early=now)
    fact = (
        f"{decided.by} wants the scale-down before the soak ends at {_clock(release.settle_after or now)}: {reason}. A "
        f"person is asked now; without a yes the soak goes on"
    )
    changed = but(record, release=but(release, kept=kept).decided(decided))
    return _told(changed, Why.EARLY_SCALE_DOWN, now.isoformat(), decided.by, fact, now)


def keep(record: Record, now: datetime) -> Record:
    """Returns the record of a live release whose question about the old side had no yes: that stays, and each day says
    so. Before the end of the soak, where somebody had wanted to be asked early, the soak goes on."""
    release = record.release
    if release is None or release.phase is not Phase.LIVE:
        return record
    before = release.kept or Kept()
    over = release.settle_after is None or now >= release.settle_after
    after = but(before, early=None, since=before.since or (now if over else None))
    return record if after == before else update_release(record, lambda each: but(each, kept=after))


def lapsed(record: Record, actor: str, now: datetime) -> Record:
    """Returns the record with an expired question about the old side noted as answered by nobody, where the run that
    asks again comes before reconcile has noted that."""
    question = record.question
    if question is None or question.kind is not QuestionKind.SCALE_DOWN or now <= question.expires_at:
        return record
    fact = f"nobody decided before {question.expires_at:%Y-%m-%d %H:%M} UTC"
    return keep(lapse(record, fact, by=actor, via="run", now=now), now)


def days_kept(release: Release, now: datetime) -> int:
    """Returns for which day the old side is kept, since nobody answered or somebody said no; 0 where it is not."""
    since = release.kept.since if release.kept else None
    if release.phase is not Phase.LIVE or since is None or now < since:
        return 0
    return (now - since) // DAY + 1


def untold_days(record: Record, now: datetime) -> int:
    """Returns the day that is to be told by now; 0 where it is told, or nothing is kept."""
    release = record.release
    if release is None or release.kept is None or not record.ran_on(release.side.other):
        return 0
    days = days_kept(release, now)
    return days if days > release.kept.days else 0


def tell_kept(record: Record, costs: str, actor: str, now: datetime) -> Record:
    """Returns the record with one message and one journal entry for this day on which the old side is kept, whose id is
    the day's; unchanged where it is told."""
    release, days = record.release, untold_days(record, now)
    if release is None or release.kept is None or not days:
        return record
    name, old = record.application, release.side.other
    fact = (
        f"{old} is kept, day {days}: {why_kept(release)}. It has {costs}; the way back stays open. To give it up: "
        f"flipgate scale-down {name}; to keep it without being told each day: "
        f'flipgate extend {name} --hours {USUAL_HOURS} --reason "..."'
    )
    kept = but(release.kept, days=days)
    changed = update_release(record, lambda each: but(each, kept=kept))
    return _told(changed, Why.OLD_SIDE_KEPT, f"{kept.ends}/{days}", actor, fact, now)


def why_kept(release: Release) -> str:
    """Returns why the old side is up beyond its soak: what was said last about it."""
    said = [each for each in release.decisions if each.kind == QuestionKind.SCALE_DOWN]
    if said and said[-1].decision == Decision.REJECT:
        return f"{said[-1].by} said no to its rest: {fitted(said[-1].reason, REASON_BYTES)}"
    return "nobody has answered whether it may rest"


def _live(record: Record, what: str) -> Release:
    release = record.release
    if release is None or release.phase is not Phase.LIVE:
        raise Refused(
            f"is `{record.phase}`: only of a `live` release there is an old side to {what}",
            obj=f"release {release.name}" if release else "",
            reason=Why.WRONG_PHASE,
            untouched="everything",
        )
    return release


def _later(application: str, begins: datetime, hours: int, now: datetime) -> datetime:
    most = now + timedelta(hours=MOST_HOURS)
    left = int((most - begins) / timedelta(hours=1))
    if not 1 <= hours <= left:
        allowed = f"from 1 to {left}" if left > 0 else "none"
        raise BadInput(
            f"is {hours}: {allowed} may be added to {_clock(begins)}. A soak ends at {_clock(most)} at the latest, "
            f"{MOST_HOURS} h from now",
            obj="--hours",
            next_command=f'flipgate extend {application} --hours {max(1, min(USUAL_HOURS, left))} --reason "..."'
            if left > 0
            else f"flipgate status {application}",
        )
    return begins + timedelta(hours=hours)


def _decided(record: Record, decision: str, by: Speaker, via: str, reason: str, now: datetime) -> Decided:
    """What a person said, with what they were shown where a question was open."""
    asked = record.question if record.question and record.question.kind is QuestionKind.SCALE_DOWN else None
    return Decided(
        kind=QuestionKind.SCALE_DOWN,
        decision=decision,
        by=by.name,
        via=via,
        reason=reason,
        at=now,
        evidence=(*asked.evidence, *as_evidence(asked.plan)) if asked else (),
        identity=identify(by.caller, None),
        question=asked.id if asked and decision == Decision.EXTEND else "",  # to be asked early answers nothing
    )


def _told(record: Record, reason: Why, key: str, by: str, fact: str, at: datetime) -> Record:
    release = record.release
    assert release is not None, "it is live"
    return announce(
        journaled(record, reason, by, at, fact),
        f"{release.name}/{reason}/{key}",
        release=release.name,
        side=release.side,
        text=f"{record.application} {release.name}: {fact}",
        reason=reason,
        at=at,
    )


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
