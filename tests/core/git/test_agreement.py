"""The condition RoutesInGit: kept, told when Git stays behind, and told once when it no longer is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from flipgate.core.git.agreement import (
    STAYS_SECONDS,
    agreed,
    agrees,
    awaits_merge,
    basis_of,
    has_led,
    is_away,
    is_behind,
    left_to_a_person,
    let_go,
    noted,
    request_over,
    requested,
)
from flipgate.core.record import conditions
from flipgate.core.record import record as records
from flipgate.core.record.intent import Intent
from flipgate.core.record.intents import (
    CommitRoutes,
    Move,
)
from flipgate.core.record.merge_request import MergeRequest
from flipgate.core.record.record import EntryState, Record
from flipgate.core.spec.git import GitSpec
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.base import but
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from tests.core.builders import BLUE, GREEN, LIVE, NOW, record, release
from tests.core.git.test_manifest import API, PLACES

SPEC = GitSpec.model_validate({"repository": "https://git.example/x/y", "routes": ["a"]})
LATER = NOW + timedelta(seconds=STAYS_SECONDS + 1)
MUCH_LATER = LATER + timedelta(seconds=300)


def known(found: Record) -> tuple[str, str]:
    condition = conditions.condition_of(found.conditions, conditions.ROUTES_IN_GIT)
    assert condition is not None
    return condition.reason, condition.message


def test_git_is_looked_at_again_when_anything_is_another_that_its_answer_depends_on() -> None:
    spec = GitSpec.model_validate({"repository": "https://git.example/x/y", "routes": ["a"]})
    known = ("0" * 40, spec, (API,), PLACES, BLUE)
    moved = {**PLACES, BLUE: replace(PLACES[BLUE], namespace="elsewhere")}
    others = ("1" * 40, but(spec, branch="next"), (), moved, GREEN)
    words = {basis_of(*known), basis_of(*known)} | {
        basis_of(*known[:n], o, *known[n + 1 :]) for n, o in enumerate(others)
    }
    assert len(words) == 6
    quiet = noted(record(release=release(*LIVE)), agrees(BLUE, "", NOW, "word"), NOW)
    assert agreed(quiet, Traffic(()), BLUE) == "word"
    assert agreed(quiet, Traffic(()), GREEN) is None
    behind = noted(quiet, is_behind(BLUE, "away", NOW), NOW)
    assert agreed(behind, Traffic(()), BLUE) is None


def test_git_that_stays_behind_is_told_once_and_its_end_once() -> None:
    quiet = but(record(release=release(*LIVE)), outbox=())
    first = noted(quiet, is_behind(GREEN, "the server is away", NOW), NOW)
    assert known(first) == (Why.GIT_BEHIND, "the server is away")
    assert not first.outbox
    stays = noted(first, is_behind(GREEN, "still away", LATER), LATER)
    assert known(stays) == (Why.GIT_STAYS_BEHIND, "still away")
    (told,) = stays.outbox
    assert (told.reason, told.side) == (Why.GIT_STAYS_BEHIND, GREEN)
    assert "Git could not be brought to lead to green, as the routes do, for 5 minutes: still away" in told.text
    again = noted(but(stays, outbox=()), is_behind(GREEN, "still away", MUCH_LATER), MUCH_LATER)
    assert not again.outbox
    over = noted(again, agrees(GREEN, "commit abc leads to green", MUCH_LATER), MUCH_LATER)
    assert known(over)[0] == Why.GIT_AGREES
    assert [each.reason for each in over.outbox] == [Why.GIT_AGREES]


def test_git_that_is_left_as_it_is_for_a_drift_is_told_by_the_drift_alone() -> None:
    first = noted(but(record(), outbox=()), left_to_a_person(BLUE, "main", NOW), NOW)
    assert known(first)[0] == Why.DRIFTED
    later = noted(first, left_to_a_person(BLUE, "main", LATER), LATER)
    behind = noted(later, is_behind(BLUE, "pushed, not applied", MUCH_LATER), MUCH_LATER)
    assert known(behind)[0] == Why.GIT_BEHIND, "it has minutes of its own once the drift is settled"
    assert not behind.outbox


def test_what_git_said_before_users_were_moved_is_no_word_of_where_they_are() -> None:
    found = noted(but(record(), journal=()), agrees(GREEN, "", NOW), NOW)
    assert has_led(found, GREEN)
    assert not has_led(found, BLUE)

    def stepped(before: Record, intent: Intent, state: EntryState = EntryState.DONE) -> Record:
        begun, entry = records.begin(before, intent.step, "ana", LATER, intent.written())
        return records.end(begun, entry.id, state, LATER, "")

    moved = stepped(found, Move(GREEN, back=True))
    assert not has_led(moved, GREEN), "it was found before users went away and came back"
    assert not has_led(stepped(moved, CommitRoutes(GREEN), EntryState.UNDONE), GREEN)
    assert has_led(stepped(moved, CommitRoutes(GREEN)), GREEN)
    assert not has_led(stepped(moved, CommitRoutes(GREEN)), BLUE)


def test_who_is_behind_for_a_moment_tells_nobody() -> None:
    first = noted(but(record(), outbox=()), is_behind(GREEN, "pushed, not applied", NOW), NOW)
    over = noted(first, agrees(GREEN, "commit abc leads to green", NOW), NOW)
    assert not over.outbox
    assert known(over)[0] == Why.GIT_AGREES


def test_git_that_is_only_away_is_told_as_that_and_what_comes_after_it_by_itself() -> None:
    """Nothing is wrong in the cluster then; a Flux that does not apply what is pushed later is another matter."""
    quiet = but(record(release=release(*LIVE)), outbox=())
    first = noted(quiet, is_away(GREEN, "503", NOW), NOW)
    assert known(first)[0] == Why.GIT_BEHIND
    stays = noted(first, is_away(GREEN, "503", LATER), LATER)
    assert known(stays)[0] == Why.GIT_AWAY
    (told,) = stays.outbox
    assert told.reason == Why.GIT_AWAY
    assert f"Git is away, and since {NOW:%Y-%m-%d %H:%M:%S} UTC not known to lead to green: 503; nothing is wrong" in (
        told.text
    )
    assert "elsewhere" not in told.text
    again = noted(but(stays, outbox=()), is_away(GREEN, "503", MUCH_LATER), MUCH_LATER)
    assert not again.outbox
    pushed = noted(again, is_behind(GREEN, "pushed, not applied", MUCH_LATER), MUCH_LATER)
    assert known(pushed) == (Why.GIT_BEHIND, "pushed, not applied")
    assert [each.text.partition(": ")[2] for each in pushed.outbox] == ["Git is there again: pushed, not applied"]
    at_last = MUCH_LATER + timedelta(seconds=STAYS_SECONDS + 1)
    stuck = noted(but(pushed, outbox=()), is_behind(GREEN, "not applied", at_last), at_last)
    assert [each.reason for each in stuck.outbox] == [Why.GIT_STAYS_BEHIND]
    over = noted(but(pushed, outbox=()), agrees(GREEN, "commit abc leads to green", at_last), at_last)
    assert not over.outbox


REQUEST = MergeRequest(branch="flipgate/shop/a-1-green", to=GREEN, at=NOW, commit="0" * 40, url="https://git.example/7")


def test_a_pending_merge_is_no_git_that_stays_behind_however_long_it_takes() -> None:
    first = requested(but(record(), outbox=()), REQUEST, NOW)
    (told,) = first.outbox
    assert (told.reason, told.url) == (Why.AWAITS_MERGE, REQUEST.url)
    quiet = noted(but(first, outbox=()), awaits_merge(REQUEST, SPEC, NOW), NOW)
    later = noted(requested(quiet, REQUEST, LATER), awaits_merge(REQUEST, SPEC, MUCH_LATER), MUCH_LATER)
    assert known(later)[0] == Why.AWAITS_MERGE
    assert "since 2026-03-01 12:00:00 UTC" in known(later)[1]
    assert not later.outbox


def test_git_that_was_away_while_a_merge_is_waited_for_is_told_once_and_its_end_once() -> None:
    pending = noted(but(record(), outbox=()), awaits_merge(REQUEST, SPEC, NOW), NOW)
    first = noted(pending, is_away(GREEN, "503", LATER), LATER)
    assert not first.outbox
    away = noted(first, is_away(GREEN, "503", MUCH_LATER), MUCH_LATER)
    assert [each.reason for each in away.outbox] == [Why.GIT_AWAY]
    back = noted(but(away, outbox=()), awaits_merge(REQUEST, SPEC, MUCH_LATER), MUCH_LATER)
    assert known(back)[0] == Why.AWAITS_MERGE
    (told,) = back.outbox
    assert told.text.startswith("shop")
    assert "Git is there again: " in told.text
    quiet = noted(but(back, outbox=()), awaits_merge(REQUEST, SPEC, MUCH_LATER), MUCH_LATER)
    assert not quiet.outbox


def test_what_is_merged_has_its_time_to_be_applied() -> None:
    pending = noted(but(record(), outbox=()), awaits_merge(REQUEST, SPEC, NOW), NOW)
    merged = noted(pending, is_behind(GREEN, "Flux has not applied it", MUCH_LATER), MUCH_LATER)
    assert known(merged)[0] == Why.GIT_BEHIND
    assert not merged.outbox
    stays = noted(merged, is_behind(GREEN, "still not", MUCH_LATER), MUCH_LATER)
    assert [each.reason for each in stays.outbox] == [Why.GIT_STAYS_BEHIND]


@pytest.mark.parametrize(
    ("request_", "active", "reasons"),
    [
        (REQUEST, GREEN, [Why.GIT_AGREES]),
        (REQUEST, BLUE, [Why.REQUEST_WITHDRAWN]),
        (but(REQUEST, commit=""), BLUE, []),
        (None, BLUE, []),
    ],
    ids=["merged", "users elsewhere", "never opened", "none"],
)
def test_the_end_of_a_request_is_told_to_who_was_asked(
    request_: MergeRequest | None, active: Side, reasons: list[str]
) -> None:
    over = request_over(but(record(), merge_request=request_, outbox=()), active, NOW)
    assert over.merge_request is None
    assert [each.reason for each in over.outbox] == reasons


def test_a_branch_that_is_left_is_not_said_to_change_nothing() -> None:
    over = request_over(but(record(), merge_request=REQUEST, outbox=()), BLUE, NOW, left=True)
    (told,) = over.outbox
    assert (over.merge_request, told.reason) == (None, Why.REQUEST_WITHDRAWN)
    assert told.text.endswith("so it is left, and leads to green still: delete it")


def test_what_is_known_of_git_goes_with_the_section_of_the_file() -> None:
    spec = GitSpec.model_validate({"repository": "https://git.example/x/y", "routes": ["a"]})
    pending = noted(but(record(), merge_request=REQUEST), awaits_merge(REQUEST, SPEC, NOW), NOW)
    assert let_go(pending, spec, NOW) is pending
    quiet = but(pending, outbox=())
    for left in (None, but(spec, routes=(), overlays={"blue": "a", "green": "b"})):
        gone = let_go(quiet, left, NOW)
        (told,) = gone.outbox
        assert (gone.merge_request, gone.conditions, told.reason) == (None, (), Why.REQUEST_WITHDRAWN)
        assert told.text.endswith(f"{REQUEST.name} is left; close it, it leads to green")
        assert let_go(gone, left, LATER) == gone
