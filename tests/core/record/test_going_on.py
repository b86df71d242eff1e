"""Which run goes on with a release, under which key, and when the one that is there will not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from flipgate.core.record.going_on import AT_MOST, DOORBELL, ENDED, Run, gates_held, goes_on, key_of, will_act
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.release import Kept
from flipgate.core.record.soak import extend
from flipgate.core.record.stopped import Failure, forget_stop, note_stop
from flipgate.core.values.base import but
from flipgate.core.values.who import Speaker
from tests.core.builders import BAKING, DARK, GREEN, LIVE, approval, at, question, record, release

SOON, LATE = at(10 + DOORBELL.total_seconds() - 1), at(10 + DOORBELL.total_seconds())
"""Of a decision that was made at 10 s."""
RUN = "run-1"
FIRST = "flip-traffic-shop-3f2a9c01d4e8-1"


def dark(answer: Any = None, **asked: Any) -> Record:
    return record(release=release(*DARK), question=question(flow_run=RUN, **asked), approval=answer)


def live(answer: Any = None) -> Record:
    asked = question(kind=QuestionKind.SCALE_DOWN, flow_run=RUN)
    return record(release=release(*LIVE), active=GREEN, question=asked, approval=answer)


NO = approval(decision=Decision.REJECT)
OVER = approval(decision=Decision.EXPIRED)
BACK = approval(decision=Decision.ROLLBACK)


STATES = {
    "dark, not asked": (record(release=release(*DARK)), at(0), True),
    "asked": (dark(), LATE, False),
    "yes, its run is on its way": (dark(approval()), SOON, False),
    "yes, and nobody heard": (dark(approval()), LATE, True),
    "no, its run is on its way": (dark(NO), SOON, False),
    "no, and nobody heard": (dark(NO), LATE, True),
    "live, asked": (live(), LATE, False),
    "live, yes": (live(approval()), LATE, True),
    "live, no": (live(NO), LATE, False),
    "live, nobody in time, its run is on its way": (live(OVER), SOON, False),
    "live, nobody in time, and nobody asks again": (live(OVER), LATE, True),
    "live, users are wanted back, and nobody heard": (live(BACK), LATE, True),
    "live, not asked": (record(release=release(*LIVE), active=GREEN), at(0), True),
    "flipping": (but(dark(approval(spent_by=7)), release=release(*LIVE[:3])), at(11), True),
}


@pytest.mark.parametrize(("remembered", "now", "wanted"), STATES.values(), ids=STATES.keys())
def test_a_run_goes_on_where_nobody_is_waited_for(remembered: Record, now: datetime, wanted: bool) -> None:
    assert goes_on(remembered, now) is wanted


def test_each_time_that_gates_held_a_release_the_run_that_goes_on_is_another() -> None:
    def held(seconds: float) -> Record:
        why = Failure("GatesNotPassed", "ratio: fail: 2", verdict=True)
        return note_stop(dark(), "3f2a9c01d4e8-1", "flip-traffic", why, actor="a", run="r", now=at(seconds))

    assert gates_held(held(20))
    assert not gates_held(dark())
    assert key_of(held(20), "flip-traffic", LATE) == f"{FIRST}-held-20260301T120020.000000"
    assert key_of(held(20), "flip-traffic", LATE) != key_of(held(21), "flip-traffic", LATE)


@pytest.mark.parametrize("first", ["GatesNotPassed", "Frozen"])
@pytest.mark.parametrize(
    "later", [Failure("Unreachable", "no answer"), Failure("ChecksFailed", "web: 500", verdict=True)]
)
@pytest.mark.parametrize("acted", [False, True], ids=["before it was at work", "at work"])
def test_what_stops_a_run_after_a_hold_has_another_go_on_and_not_the_one_that_ended_well(
    first: str, later: Failure, acted: bool
) -> None:
    """The first run has its key for good, and ended well: nobody begins it again, and nobody would ever be asked."""
    held = note_stop(dark(), "3f2a9c01d4e8-1", "flip-traffic", Failure(first, "no"), actor="a", run="r", now=at(20))
    on_it = but(forget_stop(held) if acted else held, question=question(), approval=approval())
    failed = note_stop(on_it, "3f2a9c01d4e8-1", "flip-traffic", later, actor="a", run="r", now=at(40))
    assert (failed.question is None) is later.verdict
    key = key_of(failed, "flip-traffic", LATE)
    assert key.endswith("-held-20260301T120020.000000")
    assert key == key_of(but(failed, release=forget_stop(failed).release), "flip-traffic", LATE), "as often as it stops"


def test_a_soak_that_a_person_keeps_longer_has_the_run_of_its_new_end_whatever_held_it_before() -> None:
    why = Failure("GatesNotPassed", "ratio: fail: 2", verdict=True)
    held = note_stop(live(), "3f2a9c01d4e8-1", "scale-down", why, actor="a", run="r", now=at(20))
    longer = extend(held, 24, Speaker("ana"), "cli", "a match", at(30))
    assert not gates_held(longer)
    assert key_of(longer, "scale-down", LATE) == "scale-down-shop-3f2a9c01d4e8-1-end-1"


def test_the_key_is_the_same_for_all_who_start_it() -> None:
    asked = record(release=release(*DARK), epoch=4)
    assert key_of(asked, "flip-traffic", LATE) == FIRST
    assert key_of(asked, "flip-traffic", LATE, changed=True) == "flip-traffic-shop-epoch-4"
    assert key_of(dark(), "flip-traffic", LATE) == FIRST
    assert key_of(dark(approval()), "flip-traffic", SOON) == FIRST
    assert key_of(dark(approval()), "flip-traffic", LATE) == f"flip-traffic-shop-{question().id}"
    other = dark(approval(), id="flip-2")
    assert key_of(other, "flip-traffic", LATE) == "flip-traffic-shop-flip-2", "one more for each question"
    baking = record(release=release(*BAKING), epoch=9)
    assert key_of(baking, "flip-traffic", LATE) == "flip-traffic-shop-epoch-9"
    assert key_of(live(), "scale-down", LATE) == "scale-down-shop-3f2a9c01d4e8-1"
    moved = record(release=release(*LIVE, kept=Kept(ends=2)), active=GREEN)
    assert key_of(moved, "scale-down", LATE) == "scale-down-shop-3f2a9c01d4e8-1-end-2", "a run for each end of the soak"


@pytest.mark.parametrize("state", ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"])
def test_a_run_that_has_not_ended_acts(state: str) -> None:
    assert will_act(Run(RUN, "", "", state, at(0)), record(release=release(*DARK)), at(60))


@pytest.mark.parametrize(
    ("state", "again"), [("FAILED", True), ("CRASHED", True), ("COMPLETED", False), ("CANCELLED", False)]
)
def test_one_that_failed_is_gone_on_from_and_one_that_was_ended_only_on_demand(state: str, again: bool) -> None:
    run = Run(RUN, "", "", state)
    assert will_act(run, record(release=release(*DARK)), at(60)) is not again
    assert not will_act(run, record(release=release(*DARK)), at(60), ended=ENDED)


def test_a_run_that_sleeps_acts_while_its_own_question_waits_for_an_answer() -> None:
    asleep = Run(RUN, "", "", "PAUSED")
    assert will_act(asleep, dark(), LATE)
    assert will_act(asleep, dark(approval()), SOON)
    assert not will_act(asleep, dark(approval()), LATE)
    assert not will_act(asleep, record(release=release(*DARK)), LATE)
    assert not will_act(Run("another", "", "", "PAUSED"), dark(), LATE)


def test_a_run_that_is_at_work_for_ever_is_dead_but_of_a_decided_question_there_is_no_second_one() -> None:
    killed = Run(RUN, "", "", "RUNNING", at(0))
    late = at(AT_MOST.total_seconds())
    assert not will_act(killed, record(release=release(*DARK)), late)
    assert will_act(killed, record(release=release(*DARK)), at(AT_MOST.total_seconds() - 1))
    assert will_act(killed, dark(approval()), late)


def stopped(of: Record, run: str) -> Record:
    """The record once a run has failed, as that run notes it."""
    assert of.release
    stop = Failure("Unreachable", "Prefect did not answer as expected")
    return note_stop(of, of.release.name, of.release.phase.row.pipeline, stop, actor="", run=run, now=at(5))


@pytest.mark.parametrize("run", [RUN, f"https://prefect.example/runs/flow-run/{RUN}"])
@pytest.mark.parametrize("asked", [dark(), live()], ids=["flip", "scale-down"])
def test_a_person_is_asked_again_where_the_run_that_asked_has_failed(asked: Record, run: str) -> None:
    assert goes_on(stopped(asked, run), LATE), "its page takes no answer, and the message says that reconcile goes on"
    assert not goes_on(stopped(asked, "another-run"), LATE)


def test_a_yes_is_on_its_way_though_the_run_that_asked_failed_before() -> None:
    assert not goes_on(stopped(dark(approval()), RUN), SOON)
    assert goes_on(stopped(dark(approval()), RUN), LATE)


def test_a_run_that_failed_before_it_asked_and_was_run_again_waits_for_its_answer() -> None:
    again = stopped(dark(asked_at=at(6)), RUN)
    assert not goes_on(again, LATE), "another run would ask, too, and make its question void"


@pytest.mark.parametrize("state", ["COMPLETED", "CANCELLED"])
def test_how_an_earlier_run_ended_says_nothing_of_a_question_that_was_asked_in_vain_since(state: str) -> None:
    """After a no to the old side's rest, say, a person has typed `flipgate scale-down`, and that run has failed."""
    before = Run("an earlier run", "", "", state)
    assert will_act(before, live(), LATE), "a person is waited for"
    assert not will_act(before, stopped(live(), RUN), LATE), "the message says that reconcile goes on"
    assert will_act(before, stopped(live(approval()), RUN), SOON)
