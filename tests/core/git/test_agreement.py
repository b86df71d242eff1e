"""The condition RoutesInGit: kept, told when Git stays behind, and told once when it no longer is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flipgate.core.git.agreement import STAYS_SECONDS, agreed, agrees, basis_of, is_away, is_behind, noted
from flipgate.core.record import conditions
from flipgate.core.record.record import Record
from flipgate.core.spec.git import GitSpec
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.base import but
from flipgate.core.values.reasons import Why
from tests.core.builders import BLUE, GREEN, LIVE, NOW, record, release
from tests.core.git.test_manifest import API, PLACES

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
