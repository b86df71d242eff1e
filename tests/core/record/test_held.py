"""What holds a move back, and whose word passes that; a freeze and its end are told, and kept."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from flipgate.core.git.routes import story
from flipgate.core.record.freeze import HOLDS, BreakGlass, Freeze
from flipgate.core.record.going_on import DOORBELL, Run, key_of, will_act
from flipgate.core.record.held import break_glass, freeze, held_back, move_held, passed, refusal, thaw, yes_that_waits
from flipgate.core.record.phases import Phase, QuestionKind, Reason
from flipgate.core.record.record import Record, advance
from flipgate.core.record.stopped import failure, note_stop
from flipgate.core.record.who_may import WhoMay
from flipgate.core.spec.windows import Window
from flipgate.core.values.base import but
from flipgate.core.values.reasons import Why
from flipgate.core.values.unread import Unread
from flipgate.core.values.verdicts import Evidence, Verdict, combine
from flipgate.core.values.who import Identity
from tests.core.builders import BAKING, DARK, GREEN, LIVE, NOW, approval, at, question, record, refuses, release

FLIP, SCALE_DOWN = QuestionKind.FLIP, QuestionKind.SCALE_DOWN
ANAS = Freeze(by="ana", reason="an outage", at=NOW, identity=Identity(user="ana"))
OPEN = (Window.model_validate({"from": "00:00", "to": "24:00", "timeZone": "UTC"}),)
NIGHT = Window.model_validate({"from": "02:00", "to": "02:01", "timeZone": "UTC"})
CLOSED = (NIGHT,)
LATE = at(10 + DOORBELL.total_seconds())


def glass(kind: QuestionKind = FLIP, since: datetime = NOW, **said: object) -> BreakGlass:
    known = {"by": "ben", "identity": Identity(user="ben"), "reason": "users cannot pay"}
    lasts = since + timedelta(days=1)
    return BreakGlass.model_validate(
        {"kind": kind, "release": release().name, "at": since, "expires_at": lasts, **known, **said}
    )


def dark(**said: object) -> Record:
    return record(release=release(*DARK), question=question(), approval=approval(), **said)


def test_a_freeze_of_one_of_all_an_unreadable_one_and_a_closed_window_each_hold_a_move_back() -> None:
    frozen = move_held(dark(frozen=ANAS), FLIP, None, (), NOW)
    assert frozen
    assert frozen.fact == f"shop is frozen since {NOW:%Y-%m-%d %H:%M} UTC by ana: an outage"
    assert (frozen.reason, frozen.thaw) == (Why.FROZEN, 'flipgate thaw shop --reason "..."')
    everywhere = move_held(dark(), FLIP, ANAS, (), NOW)
    assert everywhere
    assert (everywhere.reason, everywhere.thaw) == (Why.FROZEN, 'flipgate thaw --reason "..."')
    unknown = move_held(dark(), FLIP, Unread("it is garbled"), (), NOW)
    assert unknown
    assert unknown.reason is Why.FREEZE_UNKNOWN
    closed = move_held(dark(), FLIP, None, CLOSED, NOW)
    assert closed
    assert (closed.reason, closed.opens) == (Why.WINDOW_CLOSED, NIGHT.next_open(NOW))
    assert move_held(dark(), FLIP, None, OPEN, NOW) is None
    assert {each.reason for each in (frozen, unknown, closed)} == HOLDS


def test_a_freeze_says_too_when_the_next_window_opens() -> None:
    found = held_back(dark(frozen=ANAS), None, CLOSED, NOW)
    assert found
    assert found.text.endswith(f"no window is open either, the next opens {NIGHT.next_open(NOW):%Y-%m-%d %H:%M} UTC")
    assert found.text in str(refusal(found, FLIP, "shop"))


@pytest.mark.parametrize(
    ("broken", "kind", "passes"),
    [
        (glass(), FLIP, True),
        (glass(since=at(-1)), FLIP, False),  # a freeze that is newer than the word
        (glass(expires_at=at(-1)), FLIP, False),
        (glass(release="another-1"), FLIP, False),
        (glass(SCALE_DOWN), FLIP, False),
        (glass(), SCALE_DOWN, False),
    ],
)
def test_a_word_passes_what_was_there_before_it_for_one_move_of_one_release(
    broken: BreakGlass, kind: QuestionKind, passes: bool
) -> None:
    held = move_held(dark(frozen=ANAS, glass=broken), kind, ANAS, (), NOW)
    assert (held is None) is passes
    assert held_back(dark(frozen=ANAS, glass=broken), ANAS, (), NOW), "what holds others back is said all the same"


def test_a_word_passes_a_closed_window_and_a_freeze_that_cannot_be_read() -> None:
    assert move_held(dark(glass=glass()), FLIP, Unread("it is garbled"), CLOSED, NOW) is None


def test_it_ends_with_the_move_that_it_was_for_and_with_a_move_that_was_undone() -> None:
    def moved(*steps: tuple[Phase, Reason]) -> BreakGlass | None:
        now = dark(glass=glass())
        for phase, reason in steps:
            now = advance(now, phase, reason, NOW, actor="a run")
        return now.glass

    flipping, baking = (Phase.FLIPPING, Reason.APPROVED), (Phase.BAKING, Reason.TRAFFIC_PROVEN)
    assert moved(flipping, baking) == glass(), "the gates of its bake are passed, too"
    assert moved(flipping, baking, (Phase.LIVE, Reason.BAKE_PASSED)) is None
    assert moved(flipping, (Phase.DARK, Reason.MOVE_UNDONE)) is None
    assert moved(flipping, (Phase.ROLLING_BACK, Reason.TRAFFIC_NOT_PROVEN)) is None
    assert moved((Phase.SUPERSEDED, Reason.NEWER_BUILD)) is None


def test_it_is_told_by_a_message_of_its_own_kept_with_the_release_and_no_yes() -> None:
    before = record(release=release(*DARK).chained(""), question=question())
    now = break_glass(before, glass(), None)
    message = now.outbox[-1]
    assert message.reason == "BreakGlass"
    assert (
        "BREAK-GLASS by ben: users cannot pay. The flip passes older freezes, closed windows and the file's gates"
        in (message.text)
    )
    assert now.release
    assert before.release
    said = now.release.decisions[-1]
    assert (said.kind, said.decision, said.by, said.reason) == ("flip", "break-glass", "ben", "users cannot pay")
    assert now.release.head != before.release.head, "it is a link of the chain"
    assert now.journal[-1].step == "BreakGlass"
    assert now.approval is None


def test_who_may_not_approve_may_not_break_the_glass() -> None:
    with refuses("NotAnApprover", "ben may not approve"):
        break_glass(dark(), glass(), WhoMay(users=("ana",)))
    with refuses("SelfDeclared"):
        break_glass(dark(), glass(identity=None), WhoMay(users=("ben",)))


@pytest.mark.parametrize(
    ("now", "kind"), [(record(), FLIP), (record(release=release(*LIVE)), FLIP), (dark(), SCALE_DOWN)]
)
def test_there_is_no_word_for_a_move_that_is_not_to_come(now: Record, kind: QuestionKind) -> None:
    with refuses("WrongPhase"):
        break_glass(now, glass(kind), None)


def test_gates_that_did_not_pass_are_only_shown_then() -> None:
    bad = [
        Evidence("p99", verdict, "a query", "Prometheus", "0.9", "0.5") for verdict in (Verdict.FAIL, Verdict.UNKNOWN)
    ]
    good = Evidence("probes", Verdict.PASS, "", "", "", "")
    assert combine(passed([*bad, good], None)) is Verdict.FAIL
    found = passed([*bad, good], glass())
    assert combine(found) is Verdict.PASS
    assert [each.answer for each in found[:2]] == [
        "fail, passed by break-glass of ben: 0.9",
        "unknown, passed by break-glass of ben: 0.9",
    ]


def test_a_freeze_and_its_end_are_told_once_each_and_the_first_stays() -> None:
    frozen = freeze(record(), ANAS)
    assert freeze(frozen, but(ANAS, reason="another")) is frozen
    assert "frozen since" in frozen.outbox[-1].text
    thawed = thaw(frozen, "ben", "the provider is back", NOW)
    assert thawed.frozen is None
    assert [each.reason for each in thawed.outbox] == ["Frozen", "Thawed"]
    assert "thawed by ben: the provider is back. It was frozen since" in thawed.outbox[-1].text
    assert thaw(thawed, "ben", "again", NOW) is thawed


def test_a_yes_stays_when_its_move_is_held_back_and_people_are_told_how_it_goes_on() -> None:
    held = move_held(dark(frozen=ANAS), FLIP, None, (), NOW)
    assert held
    stopped = note_stop(
        dark(frozen=ANAS),
        release().name,
        "flip-traffic",
        failure(refusal(held, FLIP, "shop")),
        actor="a",
        run="r",
        now=NOW,
    )
    assert stopped.approval == approval()
    message = stopped.outbox[-1]
    assert message.reason == "Frozen"
    assert "`dark`, and the flip waits (Frozen): the flip of shop: is held back: shop is frozen" in message.text
    assert "The yes stands until" in message.text
    assert 'flipgate flip shop --break-glass --reason "..."' in message.text


def test_only_a_yes_that_stands_waits_and_one_that_has_expired_is_seen_to() -> None:
    assert yes_that_waits(dark(), NOW) is FLIP
    assert yes_that_waits(but(dark(), approval=None), NOW) is None
    assert yes_that_waits(dark(), question().expires_at + timedelta(seconds=1)) is None
    assert yes_that_waits(record(release=release(*BAKING)), NOW) is None


def test_after_a_hold_another_run_goes_on_under_a_key_of_its_own() -> None:
    held = move_held(dark(frozen=ANAS), FLIP, None, (), NOW)
    assert held
    why = failure(refusal(held, FLIP, "shop"))
    first = note_stop(dark(), release().name, "flip-traffic", why, actor="a", run="r", now=at(20))
    again = note_stop(dark(), release().name, "flip-traffic", why, actor="a", run="r", now=at(400))
    keys = {key_of(now, "flip-traffic", LATE) for now in (dark(), first, again)}
    assert len(keys) == 3
    ended = Run("r", "", "", "COMPLETED")
    assert not will_act(ended, dark(), LATE), "it ended well, and the yes is not used"
    assert will_act(ended, dark(), at(11)), "its own run is on its way"
    assert will_act(Run("r", "", "", "CANCELLED"), dark(), LATE), "a person ended it"


def test_a_commit_says_whose_word_passed_what() -> None:
    now = break_glass(record(release=release(*DARK), question=question()), glass(), None)
    assert now.release
    on_it = but(now, release=but(release(*LIVE), decisions=now.release.decisions))
    told = story(on_it, GREEN, "flip", "roll back")
    assert "break-glass by ben: users cannot pay" in told.why
