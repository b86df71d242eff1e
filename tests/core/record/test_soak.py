"""The end of a soak: how far it may be moved, and on which days an old side that is kept is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flipgate.core.record.approvals import lapse
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.release import Kept
from flipgate.core.record.soak import MOST_HOURS, ask_early, extend, keep, lapsed, tell_kept, untold_days
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput
from tests.core.builders import ANA, DARK, GREEN, LIVE, approval, at, question, record, refuses, release

HOUR, DAY = 3_600.0, 86_400.0


def live(end: float = HOUR, **facts: object) -> Record:
    return record(release=release(*LIVE, settle_after=at(end), **facts), active=GREEN)


def asked(end: float = 0, **facts: object) -> Record:
    return but(live(end), question=question(kind=QuestionKind.SCALE_DOWN, expires_at=at(DAY)), **facts)


def longer(before: Record, hours: int, now: float = 0) -> Record:
    return extend(before, hours, ANA, "cli", "the fix comes tomorrow", at(now))


def end_of(after: Record) -> object:
    assert after.release
    return after.release.settle_after


def test_it_is_later_than_the_present_end_or_than_now_where_that_has_passed() -> None:
    assert end_of(longer(live(HOUR), 2)) == at(3 * HOUR)
    assert end_of(longer(live(-5 * HOUR), 2)) == at(2 * HOUR)
    twice = longer(longer(live(HOUR), 2), 2)
    assert end_of(twice) == at(5 * HOUR)
    assert twice.release
    assert twice.release.kept == Kept(ends=2)
    assert [each.decision for each in twice.release.decisions] == ["extend", "extend"]
    assert len({message.id for message in twice.outbox}) == 2


@pytest.mark.parametrize(("end", "hours", "fits"), [(0, MOST_HOURS, True), (0, MOST_HOURS + 1, False), (0, 0, False)])
def test_it_is_no_further_away_than_the_most(end: float, hours: int, fits: bool) -> None:
    if fits:
        assert end_of(longer(live(end), hours)) == at(hours * HOUR)
        with pytest.raises(BadInput, match="none may be added"):
            longer(longer(live(end), hours), 1)
        return
    with pytest.raises(BadInput, match=f"from 1 to {MOST_HOURS} may be added"):
        longer(live(end), hours)


def test_a_question_goes_with_its_yes_and_a_word_that_users_are_wanted_back_stays() -> None:
    assert longer(asked(), 1).question is None
    assert longer(but(asked(), approval=approval(kind=QuestionKind.SCALE_DOWN)), 1).approval is None
    with refuses("AlreadyAnswered", "wants users back"):
        longer(but(asked(), approval=approval(decision=Decision.ROLLBACK)), 1)


@pytest.mark.parametrize("phases", [DARK, (*LIVE, Phase.SETTLING)])
def test_nothing_else_than_a_live_release_is_kept(phases: tuple[Phase, ...]) -> None:
    with refuses("WrongPhase"):
        longer(record(release=release(*phases)), 1)
    with refuses("WrongPhase"):
        ask_early(record(release=release(*phases)), ANA, "why", at())


def test_to_be_asked_early_ends_with_the_answer_and_the_soak_goes_on() -> None:
    early = ask_early(live(), ANA, "its nodes are needed", at(1))
    assert early.release
    assert not early.release.soaks(at(2))
    assert ask_early(early, ANA, "again", at(3)) == early, "once"
    after = keep(early, at(5)).release
    assert after
    assert after.soaks(at(6))
    assert after.kept
    assert after.kept.since is None, "it is no day beyond the soak"
    assert ask_early(live(-1), ANA, "why", at()) == live(-1), "it is over"


def test_each_day_is_told_once_and_days_that_nobody_came_by_are_not_told_later() -> None:
    kept = keep(asked(), at(DAY))
    for seconds, told in ((DAY, 1), (DAY + 60, 0), (2 * DAY - 1, 0), (2 * DAY, 2), (5 * DAY + 1, 5), (5 * DAY + 2, 0)):
        assert untold_days(kept, at(seconds)) == told
        before = kept
        kept = tell_kept(kept, "3 pods", "reconcile", at(seconds))
        assert (kept == before) is not told
    assert [entry.step for entry in kept.journal] == ["OldSideKept"] * 3
    assert "blue is kept, day 5: nobody has answered whether it may rest. It has 3 pods;" in kept.outbox[-1].text
    again = longer(kept, 1, 6 * DAY)
    assert untold_days(again, at(8 * DAY)) == 0, "the days begin anew"


def test_that_nobody_decided_is_kept_once_of_many_in_a_row() -> None:
    first = lapsed(asked(), "run", at(DAY + 1))
    second = lapse(but(first, question=question(kind=QuestionKind.SCALE_DOWN)), "again", by="run", via="run", now=at(0))
    assert second.release
    assert [each.decision for each in second.release.decisions] == ["expired"]
    assert lapsed(asked(), "run", at(1)) == asked(), "its time is not over"
    assert timedelta(days=30) == timedelta(hours=MOST_HOURS)
