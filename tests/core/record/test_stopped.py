"""A run that failed with its release open: what is noted, who is told, and what becomes of the yes it had."""

from __future__ import annotations

import pytest

from flipgate.core.record import approvals
from flipgate.core.record import record as records
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import Phase, QuestionKind, Reason
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.release import Stopped
from flipgate.core.record.stopped import FACT_KEPT, Failure, again, failure, forget_stop, last_attempt, note_stop
from flipgate.core.values.base import but
from flipgate.core.values.errors import FlipgateError, LostLease, PermanentError, Refused, TemporaryError
from flipgate.core.values.verdicts import Verdict
from tests.core.builders import BAKING, BLUE, DARK, GREEN, LIVE, approval, at, question, record, release

NAME = release().name
VERDICT = Failure("CannotSee", "Traefik: no replica shows blue", verdict=True)
FAULT = Failure("Unreachable", "no answer")
ABOUT_THE_OLD_SIDE = {"kind": QuestionKind.SCALE_DOWN}


def approved(**more: object) -> Record:
    return record(release=release(*DARK), question=question(), approval=approval(), **more)


def stopped(before: Record, why: Failure = VERDICT, *, pipeline: str = "flip-traffic", seconds: float = 30) -> Record:
    return note_stop(before, NAME, pipeline, why, actor="flip shop", run="http://prefect/run/7", now=at(seconds))


def stop_of(now: Record) -> Stopped:
    stop = records.need_release(now).stopped
    assert stop
    return stop


def test_a_verdict_takes_the_yes_and_says_so_in_record_journal_and_message() -> None:
    after = stopped(approved())
    stop = stop_of(after)
    assert (stop.pipeline, stop.reason, stop.fact, stop.at) == ("flip-traffic", "CannotSee", VERDICT.fact, at(30))
    assert (stop.question, stop.withdrawn, stop.run) == (question().id, True, "http://prefect/run/7")
    assert (after.question, after.approval) == (None, None)
    entry, message = after.journal[-1], after.outbox[-1]
    assert (entry.step, entry.release, entry.actor) == ("FlipStopped", NAME, "flip shop")
    assert (message.reason, message.release, message.side) == ("FlipStopped", NAME, GREEN)
    for said in (entry.outcome, message.text):
        assert "CannotSee" in said
        assert VERDICT.fact in said
        assert "The yes of ana is void: reconcile has a person asked again within five minutes" in said
        assert "flipgate flip shop" in said


def test_a_side_that_somebody_wrote_is_brought_up_once_more() -> None:
    changed = Failure("SideChanged", "web is shop/web:9", verdict=True)
    told = (
        "The yes of ana is void: nobody is asked until the side is brought up once more: flipgate deploy shop --image "
    )
    assert told in stopped(approved(), changed).outbox[-1].text
    baking = stopped(record(release=release(*BAKING)), changed).outbox[-1].text
    assert "at once: flipgate flip shop" in baking, "users are there: nothing is brought up under them"


@pytest.mark.parametrize("answer", [None, approval()], ids=["open", "yes"])
def test_where_gates_do_not_pass_nobody_is_asked_and_everybody_is_told_what_goes_on(answer: object) -> None:
    bad = failure(Refused("ratio: unknown: no number", reason="GatesNotPassed"))
    after = stopped(but(approved(), approval=answer), bad)
    assert (after.question, after.approval, stop_of(after).withdrawn) == (None, None, answer is not None)
    message = after.outbox[-1]
    assert message.reason == "GatesNotPassed"
    assert "and the flip waits (GatesNotPassed): ratio: unknown: no number" in message.text
    assert "once the gates pass, which it asks every five minutes; at once: flipgate flip shop" in message.text
    assert 'past the gates: flipgate flip shop --break-glass --reason "..."' in message.text


def test_a_gate_that_comes_and_goes_is_told_once_until_somebody_was_asked_again() -> None:
    def held(before: Record, seconds: float) -> Record:
        bad = failure(Refused("ratio: fail: 2", reason="GatesNotPassed"))
        return stopped(before, bad, seconds=seconds)

    first = held(record(release=release(*DARK)), 30)
    again = held(first, 330)
    assert stop_of(again).at == at(330), "who goes on has another key"
    assert (len(again.outbox), len(again.journal)) == (len(first.outbox), len(first.journal))
    asked = held(but(again, question=question()), 660)
    assert (asked.question, len(asked.outbox)) == (None, len(first.outbox) + 1), "the question is gone"


def test_a_fault_leaves_the_yes_for_the_next_run() -> None:
    after = stopped(approved(), FAULT)
    assert (after.question, after.approval) == (question(), approval())
    assert (stop_of(after).question, stop_of(after).withdrawn) == (question().id, False)
    assert "The yes stands until 2026-03-01 12:01 UTC: reconcile goes on with it" in after.outbox[-1].text


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (approval(decision=Decision.REJECT), 30),
        (approval(), 61),
        (approval(spent_by=7), 30),
        (None, 30),
    ],
    ids=["no", "expired", "spent", "not yet answered"],
)
def test_only_a_yes_that_stands_is_taken(answer: object, seconds: float) -> None:
    before = but(approved(), approval=answer)
    after = stopped(before, seconds=seconds)
    assert (after.question, after.approval) == (before.question, before.approval)
    assert (stop_of(after).question, stop_of(after).withdrawn) == ("", False)


def test_after_the_move_a_verdict_takes_nothing() -> None:
    baking = record(release=release(*BAKING), question=question(), approval=approval(spent_by=7), active=GREEN)
    after = stopped(baking)
    assert after.approval == baking.approval
    assert "Users stay where they are: reconcile goes on within five minutes" in after.outbox[-1].text


def test_the_old_side_s_question_is_taken_and_announced_as_its_own() -> None:
    live = record(release=release(*LIVE), active=GREEN)
    live = but(live, question=question(**ABOUT_THE_OLD_SIDE), approval=approval(**ABOUT_THE_OLD_SIDE))
    after = stopped(live, pipeline="scale-down")
    assert (after.question, after.outbox[-1].reason, after.journal[-1].step) == (None, *["ScaleDownStopped"] * 2)
    assert "flipgate scale-down shop" in after.outbox[-1].text


@pytest.mark.parametrize(
    "before",
    [
        record(),
        record(release=release(*LIVE), active=GREEN),
        record(release=release(*DARK, attempt=2)),
        record(release=release(*LIVE, Phase.ROLLING_BACK)),
    ],
    ids=["nothing open", "live", "another release", "rolling back"],
)
def test_a_run_that_has_nothing_to_do_any_more_notes_nothing(before: Record) -> None:
    assert stopped(before) == before


def test_another_at_work_stops_nobody_after_the_move() -> None:
    held = Failure("LeaseHeld", "is held by flip shop")
    baking = record(release=release(*BAKING), active=GREEN)
    assert stopped(baking, held) == baking
    assert stopped(approved(), held).approval == approval(), "and takes no yes before it"


def test_it_is_over_with_the_next_phase_and_when_a_run_acts_again() -> None:
    after = stopped(approved(), FAULT)
    assert forget_stop(after).release == approved().release
    assert forget_stop(approved()) == approved()
    moved = records.advance(after, Phase.FLIPPING, Reason.APPROVED, at(40), actor="flip shop")
    assert records.need_release(moved).stopped is None


def test_who_is_asked_again_sees_what_stopped_the_run_before() -> None:
    after = stopped(approved())
    (seen,) = last_attempt(after, "flip-traffic")
    assert (seen.gate, seen.verdict) == ("last attempt", Verdict.INFO)
    assert seen.answer == f"stopped at 2026-03-01 12:00:30 UTC (CannotSee): {VERDICT.fact}"
    assert last_attempt(after, "scale-down") == last_attempt(approved(), "flip-traffic") == ()
    again = approvals.pose(after, question(id="flip-2"))
    assert stop_of(again), "it is seen beside the new question"


@pytest.mark.parametrize(
    ("error", "reason", "fact", "verdict"),
    [
        (
            Refused("is not Ready.", obj="side green", reason="TooFewReady"),
            "TooFewReady",
            "side green: is not Ready",
            True,
        ),
        (Refused("is held", reason="LeaseHeld"), "LeaseHeld", "is held", False),
        (LostLease("was lost"), "LostLease", "was lost", False),
        (TemporaryError("500"), "TemporaryError", "500", False),
        (PermanentError("403", obj="path"), "PermanentError", "path: 403", False),
        (FlipgateError("so\n  it is"), "FlipgateError", "so it is", False),
        (KeyError("web"), "KeyError", "'web'", False),
        (ValueError("x" * 2 * FACT_KEPT), "ValueError", "x" * (FACT_KEPT - 1) + "…", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_any_exception_has_a_reason_and_a_sentence(error: Exception, reason: str, fact: str, verdict: bool) -> None:
    assert failure(error) == Failure(reason, fact, verdict)


AWAY = Failure("Forbidden", "branch main of https://git.example/c.git: git fetch: authentication failed")
RUNS = Occupant(since=at(), images={"web": "acme/web:1", "mailer": "acme/mailer:1"})
DEPLOYING = release(images={"web": "acme/web:2", "mailer": "acme/mailer:1"})


def test_a_deploy_that_a_fault_stopped_says_why_and_who_goes_on_and_is_told_once() -> None:
    before = but(record(release=DEPLOYING, sides={BLUE: RUNS}), outbox=())
    first = stopped(before, AWAY, pipeline="deploy-dark")
    (message,) = first.outbox
    assert (message.reason, first.journal[-1].step) == ("DeployStopped", "DeployStopped")
    follows = (
        "Users saw nothing of it: reconcile goes on within five minutes; at once: flipgate deploy shop --image "
        'web=acme/web:2; to end it: flipgate rollback shop --reason "..."'
    )
    for said in (first.journal[-1].outcome, message.text):
        assert AWAY.fact in said
        assert follows in said
    tried = stopped(first, but_later(AWAY), pipeline="deploy-dark", seconds=330)
    assert (tried.outbox, tried.journal) == (first.outbox, first.journal), "reconcile tries every five minutes"
    assert stop_of(tried).at == at(330)
    other = stopped(tried, FAULT, pipeline="deploy-dark", seconds=630)
    assert len(other.outbox) == 2


@pytest.mark.parametrize(
    ("had", "marked", "asked"),
    [
        ({"web": "acme/web:1", "mailer": "acme/mailer:1"}, {}, ["web=acme/web:2"]),
        ({"web": "acme/web:2", "mailer": "acme/mailer:1"}, {"mailer": "7"}, ["mailer=acme/mailer:1"]),
        ({"web": "acme/web:2", "mailer": "acme/mailer:1"}, {}, ["mailer=acme/mailer:1", "web=acme/web:2"]),
        ({}, {}, ["mailer=acme/mailer:1", "web=acme/web:2"]),
    ],
    ids=["one", "the same with other content", "configuration alone", "a first release"],
)
def test_what_goes_on_with_a_deploy_repeats_the_images_that_were_asked_for(
    had: dict[str, str], marked: dict[str, str], asked: list[str]
) -> None:
    live = record(release=DEPLOYING, sides={BLUE: Occupant(since=at(), images=had)})
    line = again(live, but(DEPLOYING, again=marked), "deploy-dark")
    assert line.split(" --image ") == ["flipgate deploy shop", *asked]


def but_later(why: Failure) -> Failure:
    """The same fault in other words: git says for how long it waited."""
    return Failure(why.reason, f"{why.fact} after 31 s")


def test_when_the_side_is_up_what_stopped_it_before_is_gone() -> None:
    held_up = stopped(record(release=DEPLOYING), AWAY, pipeline="deploy-dark")
    up = records.advance(held_up, Phase.DARK, Reason.CHECKS_PASSED, at(60), actor="deploy shop")
    assert records.need_release(up).stopped is None
