"""A run that failed with its release still open. The record notes it, so that people see it and another run can go on
without asking Prefect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from flipgate.core.record import record as records
from flipgate.core.record.approvals import Granted, accept, withdraw
from flipgate.core.record.freeze import ENDS_WELL, HOLDS
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.pipelines import DEPLOY_DARK, FLIP_TRAFFIC, SCALE_DOWN
from flipgate.core.record.record import Record, announce
from flipgate.core.record.release import Release, Stopped
from flipgate.core.values.base import but
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.text import cut
from flipgate.core.values.verdicts import Evidence, Verdict

DEPLOY_STOPPED, FLIP_STOPPED, SCALE_DOWN_STOPPED = Why.DEPLOY_STOPPED, Why.FLIP_STOPPED, Why.SCALE_DOWN_STOPPED
REASONS: Mapping[str, str] = MappingProxyType(
    {DEPLOY_DARK: DEPLOY_STOPPED, FLIP_TRAFFIC: FLIP_STOPPED, SCALE_DOWN: SCALE_DOWN_STOPPED}
)
"""Of the announcement and the journal entry, by pipeline. Treated as API."""
VERBS: Mapping[str, str] = MappingProxyType(
    {DEPLOY_DARK: "deploy", FLIP_TRAFFIC: QuestionKind.FLIP, SCALE_DOWN: QuestionKind.SCALE_DOWN}
)
PASSING = frozenset({Why.LEASE_HELD, Why.LOST_LEASE, Why.JOURNAL_OPEN}) | HOLDS
"""Refusals that say nothing of the release: somebody else is at work, or the move may not begin yet."""
FACT_KEPT = 600
"""Characters of what a run failed with."""


@dataclass(frozen=True)
class Failure:
    """What a run failed with. `verdict`: flipgate looked and said no, so that the same run again ends the same way."""

    reason: str
    fact: str
    verdict: bool = False


def failure(error: Exception) -> Failure:
    """Returns any exception as a reason and a sentence, cut to what is kept."""
    reason, fact = str(getattr(error, "reason", "") or type(error).__name__), str(error)
    if isinstance(error, FlipgateError):
        fact = error.named_fact
    short = cut(" ".join(fact.split()).rstrip("."), FACT_KEPT)
    return Failure(reason, short, isinstance(error, Refused) and reason not in PASSING)


def note_stop(
    record: Record, name: str, pipeline: str, why: Failure, *, actor: str, run: str, now: datetime, tell: bool = True
) -> Record:
    """Returns the record with what stopped the pipeline's run; unchanged when such a run has nothing to do any more.

    A verdict before anything was changed takes a yes that stands with it: a person is asked again, and told of it. A
    fault leaves the yes standing, for the next run. Where gates do not pass nobody is asked: an open question goes,
    too. One journal entry, and one message unless `tell` is false; none where reconcile has tried a deploy again, and
    what stops it is the same, nor where gates hold a release that they held before, and nobody was asked since.
    """
    release = record.release
    if release is None or release.name != name or release.phase.row.pipeline != pipeline:
        return record
    if why.reason == Why.LEASE_HELD and not release.phase.row.asks:
        return record  # another run is at work on it
    if why.reason == Why.STILL_SOAKING:
        return record  # a person keeps the old side longer: a run comes at the new end
    question = record.question
    stood = question is not None and isinstance(accept(record.approval, question, question.basis, now), Granted)
    void = stood and why.verdict and release.phase.row.asks
    stop = Stopped(
        pipeline=pipeline,
        reason=why.reason,
        fact=why.fact,
        at=now,
        run=run,
        question=question.id if question and stood else "",
        withdrawn=void,
    )
    follows = what_follows(record, release, stop)
    held = now if why.reason in ENDS_WELL else release.held
    changed = records.update_release(record, lambda each: but(each, stopped=stop, held=held))
    before, unasked = release.stopped, why.reason == Why.GATES_NOT_PASSED and release.phase.row.asks
    known = before is not None and (before.pipeline, before.reason) == (pipeline, why.reason)
    if known and (pipeline == DEPLOY_DARK or (unasked and question is None)):
        return changed  # nobody was asked since: a gate that comes and goes would tell it every five minutes
    changed = records.journaled(changed, REASONS[pipeline], actor, now, f"{why.reason}: {why.fact}. {follows}")
    if tell:
        changed = _told(changed, release, stop, follows)
    return withdraw(changed) if void or unasked else changed


def what_follows(record: Record, release: Release, stop: Stopped) -> str:
    """Returns who goes on after a stop, and when, in a sentence without its end."""
    if dark_side_changed(release, stop):
        said = f"The yes of {record.approval.said_by} is void: n" if stop.withdrawn and record.approval else "N"
        return f"{said}obody is asked until the side is brought up once more: {at_once(record, release, stop)}"
    soon = f"{when(stop)}; at once: {at_once(record, release, stop)}"
    if stop.reason == Why.GATES_NOT_PASSED:
        soon = f'{soon}; past the gates: {again(record, release, stop.pipeline)} --break-glass --reason "..."'
    if stop.pipeline == DEPLOY_DARK:
        end = f'flipgate rollback {record.application} --reason "..."'
        return f"Users saw nothing of it: reconcile goes on {soon}; to end it: {end}"
    if stop.withdrawn:
        said = f" of {record.approval.said_by}" if record.approval else ""
        return f"The yes{said} is void: reconcile has a person asked again {soon}"
    if stop.question and record.question:
        until = f"{record.question.expires_at:%Y-%m-%d %H:%M} UTC"
        if stop.reason in HOLDS:
            passing = f'{again(record, release, stop.pipeline)} --break-glass --reason "..."'
            return f"The yes stands until {until}: once it may, reconcile goes on with it; past it: {passing}"
        return f"The yes stands until {until}: reconcile goes on with it {soon}"
    if release.phase.row.half_way:
        return f"Users stay where they are: reconcile goes on {soon}"
    return f"Reconcile goes on {soon}"


def when(stop: Stopped) -> str:
    """Returns when reconcile goes on after a stop."""
    if stop.reason == Why.GATES_NOT_PASSED:
        return "once the gates pass, which it asks every five minutes"
    return "within five minutes"


def dark_side_changed(release: Release, stop: Stopped) -> bool:
    """Whether somebody has written to a dark side: until it is brought up once more, whoever asks about it is stopped
    by the same."""
    return stop.reason == Why.SIDE_CHANGED and release.phase is Phase.DARK


def at_once(record: Record, release: Release, stop: Stopped) -> str:
    """Returns what a person types who does not wait for reconcile."""
    return again(record, release, DEPLOY_DARK if dark_side_changed(release, stop) else stop.pipeline)


def again(record: Record, release: Release, pipeline: str) -> str:
    """Returns what has a pipeline go on with this release: of a deploy with the images that were asked for, as far as
    the record knows what users have."""
    command = f"flipgate {VERBS[pipeline]} {record.application}"
    if pipeline != DEPLOY_DARK:
        return command
    live = record.sides.get(release.side.other)
    had = live.images if live else {}
    asked = {name for name, image in release.images.items() if had.get(name) != image} | release.again.keys()
    images = sorted(each for each in release.images.items() if not asked or each[0] in asked)
    return " ".join([command, *(f"--image {name}={image}" for name, image in images)])


def forget_stop(record: Record) -> Record:
    """Returns the record without a stop, since a run acts again."""
    if record.release is None or record.release.stopped is None:
        return record
    return records.update_release(record, lambda each: but(each, stopped=None))


def last_attempt(record: Record, pipeline: str) -> tuple[Evidence, ...]:
    """Returns what stopped the run before, for whoever is asked again. It decides nothing."""
    stop = record.release.stopped if record.release else None
    if stop is None or stop.pipeline != pipeline:
        return ()
    answer = f"stopped at {stop.at:%Y-%m-%d %H:%M:%S} UTC ({stop.reason}): {stop.fact}"
    return (Evidence("last attempt", Verdict.INFO, pipeline, "record", answer, ""),)


def _told(record: Record, release: Release, stop: Stopped, follows: str) -> Record:
    held = stop.reason in ENDS_WELL
    reason = stop.reason if held else REASONS[stop.pipeline]
    what = VERBS[stop.pipeline].replace("-", " ")
    done = "waits" if held else "stopped"
    text = f"{record.application} {release.name} on {release.side}: `{release.phase}`, and the {what} {done} "
    return announce(
        record,
        f"{release.name}/{reason}/{stop.at.isoformat()}",
        release=release.name,
        side=release.side,
        text=f"{text}({stop.reason}): {stop.fact}. {follows}.",
        reason=reason,
        url=stop.run if stop.run.startswith("http") else "",
        at=stop.at,
    )
