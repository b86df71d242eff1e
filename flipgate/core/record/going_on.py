"""Who goes on with a release: which pipeline, under which key, and whether a run of it still will."""

from __future__ import annotations

from datetime import datetime, timedelta

from flipgate.core.record.approvals import answered
from flipgate.core.record.phases import Phase
from flipgate.core.record.pipelines import epoch_key, question_key, release_key
from flipgate.core.record.record import Decision, Question, Record
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why

COMPLETED, FAILED, CRASHED, CANCELLED = "COMPLETED", "FAILED", "CRASHED", "CANCELLED"
"""Prefect's types of states in which a run has ended."""
FAULTY = frozenset({FAILED, CRASHED})
ENDED = FAULTY | {COMPLETED, CANCELLED}
SUSPENDED = "PAUSED"
AT_WORK = frozenset({"PENDING", "RUNNING"})
"""States that Prefect shows of a run for ever when its machine is lost."""

DOORBELL = timedelta(minutes=2)
"""From a decision to its run at work it takes seconds. After this long, with nobody at work, no run has heard of it."""
AT_MOST = timedelta(minutes=10)
"""A run asks its question, or has the Lease, long before this: one that Prefect shows at work for longer is dead."""


SETTLE_TRIES = 5
"""Looks through Traefik after the old side rested that reconcile has made by itself: then a person has to act."""


@dataclass(frozen=True)
class Run:
    """One flow run: its id, its name, the page that shows it, its state's type, and when it began, if it has."""

    id: str
    name: str
    url: str
    state: str = ""
    started: datetime | None = None


def goes_on(record: Record, now: datetime) -> bool:
    """Whether a run has to go on where no step is half done. Not where a person is waited for, where their decision has
    just been made and its run is on its way, or where a person said no to the old side's rest: nobody is asked again
    for that. Where nobody answered in time, another one asks; so it does where a run that asked failed then, which
    waits for nobody."""
    question, decided = asked(record), answered(record)
    if question is None:
        return not seen_in_vain(record)
    if decided is None:
        return asked_in_vain(record, question)
    if now - decided.at < DOORBELL:
        return False
    return record.phase is Phase.DARK or decided.decision is not Decision.REJECT


def asked_in_vain(record: Record, question: Question) -> bool:
    """Whether the run that asked has failed since, before it slept or once it was woken: its page takes no answer. One
    that had failed before, and was run again, waits."""
    stopped = record.release.stopped if record.release else None
    if stopped is None or not question.flow_run or stopped.at < question.asked_at:
        return False
    return stopped.run.endswith(question.flow_run)


def seen_in_vain(record: Record) -> bool:
    """Whether the old side rests, and a Traefik replica has not shown the live one in as many looks as are made."""
    release = record.release
    if release is None or release.phase is not Phase.SETTLING or release.stopped is None:
        return False
    since = [each for each in record.journal if each.release == release.name and each.at >= release.since]
    stops = sum(each.step == Why.SCALE_DOWN_STOPPED for each in since)
    return release.stopped.reason == Why.TRAFFIC_NOT_PROVEN and stops >= SETTLE_TRIES


def key_of(record: Record, pipeline: str, now: datetime, *, changed: bool = False) -> str:
    """Returns the key of the run that goes on, so that whoever starts it starts the same one.

    The first of a release; one more for each question whose decision nobody has heard, and each time its move was held
    back, or its gates did not pass: that run has ended well, and whatever stops the next ones, it is not begun again.
    Else one for each epoch: something was settled (`changed`), or a phase goes on that somebody was at work in.
    """
    release, kept = (record.release.name, record.release.kept) if record.release else ("", None)
    held = record.release.held if record.release else None
    if changed or not record.phase.row.asks:
        return epoch_key(pipeline, record.application, record.epoch)
    question, decided = asked(record), answered(record)
    unheard = question is not None and decided is not None and now - decided.at >= DOORBELL
    if question and unheard:
        return question_key(pipeline, record.application, question.id, held)
    if held:
        return question_key(pipeline, record.application, release, held)
    return release_key(pipeline, record.application, release, kept.ends if kept else 0)


def will_act(run: Run, record: Record, now: datetime, *, ended: frozenset[str] = FAULTY) -> bool:
    """Whether this run still goes on with the release by itself, while nobody holds the Lease.

    One in a state of `ended` does not: how it ended says whether another is wanted, unless a question was asked in vain
    since, or it ended well and a yes is not used: its move was held back. Nor does one that is suspended for a question
    that is gone, or was decided long since; nor one that is at work by Prefect's word alone. Of a question that was
    decided there is no second run at work.
    """
    question, decided = asked(record), answered(record)
    if run.state in ENDED:
        vain = question is not None and decided is None and asked_in_vain(record, question)
        unheard = decided is not None and decided.unspent and now - decided.at >= DOORBELL
        held = run.state == COMPLETED and question is not None and unheard
        return run.state not in ended and not vain and not held
    if run.state == SUSPENDED:
        its_own = question is not None and question.flow_run == run.id
        return its_own and (decided is None or now - decided.at < DOORBELL)
    return question is not None or _is_alive(run, now)


def will_open(run: Run, now: datetime) -> bool:
    """Whether this run still opens a release of what waits: it does that first of all. One that has ended, in whatever
    way, has not, or nothing would wait."""
    return run.state not in ENDED and _is_alive(run, now)


def _is_alive(run: Run, now: datetime) -> bool:
    """Whether a run that has not ended still comes to its work. One whose machine is lost is at work by Prefect's word
    for ever."""
    return run.state not in AT_WORK or run.started is None or now - run.started < AT_MOST


def gates_held(record: Record) -> bool:
    """Whether nobody is asked about the open release because its gates did not pass when they were asked last."""
    stop = record.release.stopped if record.release else None
    return asked(record) is None and record.phase.row.asks and bool(stop and stop.reason == Why.GATES_NOT_PASSED)


def asked(record: Record) -> Question | None:
    """Returns the question that the phase is for, until what it allows has begun."""
    question = record.question
    if question is None or not record.phase.row.asks or record.phase.row.question is not question.kind:
        return None
    return question
