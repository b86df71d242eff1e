"""What proves a move: answers of the new side in a row, asked for when no changed route can be held back any more."""

from __future__ import annotations

import pytest

from flipgate.core.gates.bake import Reply
from flipgate.core.gates.proof import Aim, Proven, Seen, errors_alone, proof_sentence, with_answer
from flipgate.core.values.sides import Side

GREEN, BLUE = Side.GREEN, Side.BLUE
NEW, OLD, BROKEN, SILENT = Reply(200, "green"), Reply(200, "blue"), Reply(500, "green"), Reply(200, "")
AIM = Aim(GREEN, answers=2, counts_from=12.0, since=10.0)


def heard(*answers: tuple[float, Reply | None], aim: Aim = AIM) -> Seen:
    """What a replica has shown after these answers, each asked for at that time and had 10 ms later."""
    seen = Seen("traefik-a")
    for asked, reply in answers:
        seen = with_answer(seen, aim, reply, asked=asked, at=asked + 0.01, no_answer="timed out")
    return seen


def test_answers_before_the_throttle_is_over_prove_nothing() -> None:
    early = [(10.0 + n / 10, NEW) for n in range(19)]
    assert not heard(*early).proven
    assert heard(*early).good == 19
    assert not heard(*early, (11.99, NEW), (12.0, NEW)).proven, "one of the two was asked for too early"
    assert heard(*early, (12.0, NEW), (12.1, NEW)).proven


@pytest.mark.parametrize("other", [OLD, BROKEN, SILENT, None], ids=str)
def test_any_other_answer_begins_the_row_anew(other: Reply | None) -> None:
    row = [(12.0, NEW), (12.1, other), (12.2, NEW)]
    assert not heard(*row).proven
    assert heard(*row, (12.3, NEW)).proven


def test_the_figures_count_from_the_patch_and_the_old_side_s_last_answer_is_the_latest() -> None:
    seen = heard((10.0, OLD), (10.1, BROKEN), (10.2, NEW), (10.3, OLD), (12.0, NEW), (12.1, NEW))
    assert (seen.first, seen.last_old) == (210.0, 310.0)
    assert heard((12.0, NEW), (12.1, NEW)).last_old is None
    unknown = heard((12.0, OLD), (12.1, NEW), aim=Aim(GREEN, 2, 12.0))
    assert (unknown.first, unknown.last_old) == (None, None), "nobody knows when the patch was"


def test_a_replica_that_shows_both_sides_is_said_to_show_the_old_one() -> None:
    both = heard((12.0, OLD), (12.1, NEW))
    assert Proven((both,), 3.0).unproven == ("traefik-a (HTTP 200 from blue)",)
    assert Proven((heard((12.0, None)),), 3.0).unproven == ("traefik-a (timed out)",)


def test_every_replica_that_users_reach_must_show_it() -> None:
    good, unproven, gone = Seen("a", proven=True), Seen("b"), Seen("c", gone=True)
    assert Proven((good,), 0).ok
    assert Proven((good, gone), 0).ok, "no user is sent to one that is Ready no longer"
    assert not Proven((good, unproven), 0).ok
    assert not Proven((gone,), 0).ok, "nobody is left who showed anything"
    assert not Proven((), 0).ok


def test_the_figures_of_several_are_the_first_and_the_last_of_any() -> None:
    both = Proven((Seen("a", True, 40.0, last_old=None), Seen("b", True, 900.5, last_old=899.0)), 2.1)
    assert (both.first_new_answer_ms, both.last_old_answer_ms) == (40.0, 899.0)
    assert [(each.replica, each.first_new_answer_ms, each.last_old_answer_ms) for each in both.shown] == [
        ("a", 40.0, None),
        ("b", 900.5, 899.0),
    ]
    assert proof_sentence(both, GREEN, 5, 2) == (
        "first answer from the new side after 40 ms, last from blue after 899 ms; 5 in a row through each of 2 Traefik "
        "replicas, past the throttle of 2 s"
    )


def test_what_was_not_heard_is_said_so() -> None:
    quick = Proven((Seen("a", True, 40.0), Seen("b", gone=True)), 2.1)
    assert "after 40 ms, none from blue was heard; 5 in a row through the one Traefik replica" in proof_sentence(
        quick, GREEN, 5, 2
    )
    assert "since when is not known" in proof_sentence(Proven((Seen("a", True),), 2.1), GREEN, 5, 2)


# Errors alone


def errors_after(*answers: tuple[float, Reply | None], errors: int | None = 2) -> Seen:
    return heard(*answers, aim=Aim(GREEN, answers=2, counts_from=12.0, since=None, errors=errors))


BAD = [(12.0, Reply(502, "")), (12.1, Reply(404, ""))]
ENOUGH = Aim(GREEN, answers=2, counts_from=12.0, errors=2)


def test_errors_alone_past_the_throttle_through_every_replica_are_enough() -> None:
    lost = errors_after(*BAD)
    assert errors_alone([lost], ENOUGH)
    assert errors_alone([lost, Seen("gone", gone=True)], ENOUGH), "no user is sent there"
    assert not errors_alone([lost, errors_after((12.0, NEW))], ENOUGH)
    assert not errors_alone([lost, Seen("not asked yet")], ENOUGH)
    assert not errors_alone([Seen("gone", gone=True)], ENOUGH)
    assert not errors_alone([], ENOUGH)
    assert not errors_alone([lost], AIM), "nobody is given up where that is not asked for"


@pytest.mark.parametrize("other", [OLD, SILENT, Reply(503, "", api_server=True), None], ids=str)
def test_whatever_is_no_error_of_users_begins_the_row_of_errors_anew(other: Reply | None) -> None:
    row = [BAD[0], (12.1, other), (12.2, BROKEN)]
    assert not errors_alone([errors_after(*row)], ENOUGH)
    assert errors_alone([errors_after(*row, (12.3, BROKEN))], ENOUGH)


def test_a_good_answer_at_any_time_keeps_the_whole_timeout_and_early_errors_do_not_count() -> None:
    assert not errors_alone([errors_after((10.0, NEW), *BAD)], ENOUGH)
    assert not errors_alone([errors_after((10.0, BROKEN), (11.9, BROKEN), BAD[0])], ENOUGH)
