"""The condition RoutesInGit: kept, told when Git stays behind, and told once when it no longer is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from flipgate.core.git.agreement import (
    STAYS_SECONDS,
    agrees,
    awaits_merge,
    is_behind,
    noted,
    request_over,
    requested,
)
from flipgate.core.record import conditions
from flipgate.core.record.merge_request import MergeRequest
from flipgate.core.record.record import Record
from flipgate.core.values.base import but
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from tests.core.builders import BLUE, GREEN, LIVE, NOW, record, release

LATER = NOW + timedelta(seconds=STAYS_SECONDS + 1)
MUCH_LATER = LATER + timedelta(seconds=300)


def known(found: Record) -> tuple[str, str]:
    condition = conditions.condition_of(found.conditions, conditions.ROUTES_IN_GIT)
    assert condition is not None
    return condition.reason, condition.message


def test_git_that_stays_behind_is_told_once_and_its_end_once() -> None:
    quiet = but(record(release=release(*LIVE)), outbox=())
    first = noted(quiet, is_behind(GREEN, "the server is away", NOW), NOW)
    assert known(first) == (Why.GIT_BEHIND, "the server is away")
    assert not first.outbox
    stays = noted(first, is_behind(GREEN, "still away", LATER), LATER)
    assert known(stays) == (Why.GIT_STAYS_BEHIND, "still away")
    (told,) = stays.outbox
    assert (told.reason, told.side) == (Why.GIT_STAYS_BEHIND, GREEN)
    assert "Git leads elsewhere still, after 5 minutes: still away" in told.text
    again = noted(but(stays, outbox=()), is_behind(GREEN, "still away", MUCH_LATER), MUCH_LATER)
    assert not again.outbox
    over = noted(again, agrees(GREEN, "commit abc leads to green", MUCH_LATER), MUCH_LATER)
    assert known(over)[0] == Why.GIT_AGREES
    assert [each.reason for each in over.outbox] == [Why.GIT_AGREES]


def test_who_is_behind_for_a_moment_tells_nobody() -> None:
    first = noted(but(record(), outbox=()), is_behind(GREEN, "pushed, not applied", NOW), NOW)
    over = noted(first, agrees(GREEN, "commit abc leads to green", NOW), NOW)
    assert not over.outbox
    assert known(over)[0] == Why.GIT_AGREES


REQUEST = MergeRequest(branch="flipgate/shop/a-1-green", to=GREEN, at=NOW, commit="0" * 40, url="https://git.example/7")


def test_a_pending_merge_is_no_git_that_stays_behind_however_long_it_takes() -> None:
    first = requested(but(record(), outbox=()), REQUEST, NOW)
    (told,) = first.outbox
    assert (told.reason, told.url) == (Why.AWAITS_MERGE, REQUEST.url)
    quiet = noted(but(first, outbox=()), awaits_merge(REQUEST, "main", NOW), NOW)
    later = noted(requested(quiet, REQUEST, LATER), awaits_merge(REQUEST, "main", MUCH_LATER), MUCH_LATER)
    assert known(later)[0] == Why.AWAITS_MERGE
    assert "since 2026-03-01 12:00:00 UTC" in known(later)[1]
    assert not later.outbox


def test_what_is_merged_has_its_time_to_be_applied() -> None:
    pending = noted(but(record(), outbox=()), awaits_merge(REQUEST, "main", NOW), NOW)
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
