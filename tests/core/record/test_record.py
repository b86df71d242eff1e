"""The record's own promises, each by itself; test_record_machine.py mixes them."""

from __future__ import annotations

import json
import re

import pytest

from flipgate.core.record.approvals import answer, pose, spend, withdraw
from flipgate.core.record.intents import BRING_UP, MOVE_ROUTES, REST_SIDE
from flipgate.core.record.outbox import delivered
from flipgate.core.record.phases import ASKED_IN, MOVING, TERMINAL, TRANSITIONS, Phase, QuestionKind, Reason
from flipgate.core.record.record import (
    JOURNAL_KEPT,
    OUTBOX_KEPT,
    Decision,
    EntryState,
    Record,
    advance,
    begin,
    end,
    open_release,
    settled,
    update_release,
)
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from tests.core import source
from tests.core.builders import BLUE, GREEN, NOW, approval, at, question, record, refuses, release

TO_GREEN = {"to": "green", "from": "blue"}
LAST_STEPS = [(old, new, min(whys)) for old, news in TRANSITIONS.items() for new, whys in news.items()]


def opened(phase: Phase = Phase.DEPLOYING) -> Record:
    return open_release(record(), release(phase), NOW)


def asked(phase: Phase = Phase.DARK) -> Record:
    return pose(opened(phase), question())


def answered(phase: Phase = Phase.DARK) -> Record:
    return answer(asked(phase), approval())


# Releases and phases


def test_at_rest_the_phase_is_settled_and_nothing_is_open() -> None:
    rest = record()
    assert (rest.phase, rest.open_entry, rest.both_protected) == (Phase.SETTLED, None, False)


def test_opening_notes_and_announces_the_first_phase() -> None:
    now = opened()
    assert [(e.step, e.state, e.actor, e.outcome) for e in now.journal] == [
        ("Phase:deploying", EntryState.DONE, "ci", "BuildAnnounced")
    ]
    assert [m.text for m in now.outbox] == ["shop 3f2a9c01d4e8-1 on green: deploying (BuildAnnounced)"]


@pytest.mark.parametrize("phase", sorted(set(Phase) - TERMINAL))
def test_a_second_release_is_refused_while_one_is_open(phase: Phase) -> None:
    with refuses("ReleaseOpen", match=f"is open and `{phase}`"):
        open_release(opened(phase), release(id="other"), NOW)


def test_a_release_is_found_under_way_rolled_back_and_when_the_next_one_is_open() -> None:
    """Rolled back it has ended, and is the open one still: nobody has to know that to find it."""
    going = opened(Phase.ROLLING_BACK)
    name = release().name
    assert (going.under_way, going.ended, going.newest) == (going.release, None, going.release)

    back = advance(going, Phase.ROLLED_BACK, Reason.TRAFFIC_RESTORED, at(1), actor="ana")
    assert (back.under_way, back.ended, back.newest) == (None, back.release, back.release)
    assert back.phase is Phase.ROLLED_BACK
    away = settled(back)
    assert (away.under_way, away.ended, away.newest) == (None, back.release, back.release)

    again = open_release(back, release(attempt=2), at(2))
    assert again.releases == (again.release, back.release) == (again.release, again.last)
    assert again.phase is Phase.DEPLOYING
    assert (again.under_way, again.ended) == (again.release, None)
    assert [each.named(name) for each in (back, away, again)] == [back.release] * 3
    assert again.named("0ld-1") is None


def test_nobody_but_the_record_chooses_between_its_two_releases() -> None:
    others = [each for each in source.files() if each.name != "record.py"]
    assert source.matching(r"record\.last\b.*record\.release\b|\brelease or \w+\.last\b", others) == []


@pytest.mark.parametrize(("old", "new", "why"), LAST_STEPS)
def test_each_step_notes_once_and_tells_once_what_and_why(old: Phase, new: Phase, why: Reason) -> None:
    before = opened(old)
    after = advance(before, new, why, at(3), actor="ana", message="in a sentence")
    (entry,), (message,) = after.journal[len(before.journal) :], after.outbox[len(before.outbox) :]
    assert (entry.step, entry.actor, entry.at, entry.ended) == (f"Phase:{new}", "ana", at(3), at(3))
    assert entry.outcome == f"{why}: in a sentence"
    chain = f", chain {after.newest.head[:20]}" if new in TERMINAL and after.newest else ""
    assert message.text == f"shop 3f2a9c01d4e8-1 on green: {new} ({why}){chain}. in a sentence"
    assert bool(chain) is (new in TERMINAL), "where it ends, people are told what the record's chain ends in"
    assert message.id not in {m.id for m in before.outbox}


@pytest.mark.parametrize(("old", "new", "why"), [step for step in LAST_STEPS if step[1] in TERMINAL])
def test_an_ended_release_leaves_nothing_to_decide_and_is_remembered(old: Phase, new: Phase, why: Reason) -> None:
    ended = advance(answered(old), new, why, at(3), actor="ana")
    assert (ended.question, ended.approval) == (None, None)
    kept = ended.release if new is Phase.ROLLED_BACK else ended.last
    assert kept is not None
    assert kept.phase is new
    assert (ended.release is None) is (new is not Phase.ROLLED_BACK)


def test_the_same_change_gets_the_same_announcement_whoever_writes_it_and_when() -> None:
    one, two = (
        advance(opened(), Phase.DARK, Reason.CHECKS_PASSED, at(seconds), actor=actor)
        for seconds, actor in [(1, "ci"), (99, "ana")]
    )
    assert one.outbox[-1].id == two.outbox[-1].id


def test_a_phase_entered_again_is_announced_again() -> None:
    now = opened(Phase.DARK)
    for phase, why in [(Phase.FLIPPING, Reason.APPROVED), (Phase.DARK, Reason.MOVE_UNDONE)] * 2:
        now = advance(now, phase, why, at(1), actor="ci")
    assert len({message.id for message in now.outbox}) == len(now.outbox) == 5


def test_without_an_open_release_nothing_advances() -> None:
    with pytest.raises(Refused, match="has no open release"):
        advance(record(), Phase.DARK, Reason.CHECKS_PASSED, NOW, actor="ci")
    with pytest.raises(Refused, match="has no open release"):
        update_release(record(), lambda each: but(each, moved_at=NOW))


def test_facts_are_filled_in_without_a_phase_change() -> None:
    before = opened()
    after = update_release(before, lambda each: but(each, moved_at=at(4)))
    assert after.release is not None
    assert after.release.moved_at == at(4)
    assert (after.phase, after.journal, after.outbox) == (before.phase, before.journal, before.outbox)


# Journal


def test_an_entry_is_open_until_it_ends() -> None:
    begun, entry = begin(record(), BRING_UP, "ci", NOW, {"side": "green"})
    assert begun.open_entry == entry
    done = end(begun, entry.id, EntryState.DONE, at(2), "5 pods")
    assert done.open_entry is None
    assert (done.journal[-1].outcome, done.journal[-1].ended, done.journal[-1].intent) == (
        "5 pods",
        at(2),
        {"side": "green"},
    )


def test_a_second_entry_is_refused_and_names_the_first() -> None:
    begun, _ = begin(record(), BRING_UP, "ci", NOW, {})
    with refuses("JournalOpen", match=re.escape("entry 1 (BringUp by ci) is still open")):
        begin(begun, MOVE_ROUTES, "ana", NOW, TO_GREEN)


@pytest.mark.parametrize(
    ("step", "state", "active"),
    [
        (MOVE_ROUTES, EntryState.DONE, GREEN),
        (MOVE_ROUTES, EntryState.UNDONE, BLUE),
        (REST_SIDE, EntryState.DONE, BLUE),
        (BRING_UP, EntryState.UNDONE, BLUE),
    ],
)
def test_only_a_finished_move_changes_where_traffic_is_remembered(step: str, state: EntryState, active: str) -> None:
    begun, entry = begin(record(), step, "ci", NOW, TO_GREEN)
    assert end(begun, entry.id, state, NOW, "").active == active


def test_an_entry_that_another_actor_has_ended_stays_as_they_left_it() -> None:
    begun, entry = begin(record(), MOVE_ROUTES, "ci", NOW, TO_GREEN)
    ended = end(begun, entry.id, EntryState.UNDONE, at(1), "taken over by ana")
    assert end(ended, entry.id, EntryState.DONE, at(2), "late") == ended


@pytest.mark.parametrize("phase", sorted(Phase))
def test_both_sides_are_protected_while_traffic_moves(phase: Phase) -> None:
    assert opened(phase).both_protected is (phase in MOVING)
    assert begin(opened(phase), MOVE_ROUTES, "ci", NOW, TO_GREEN)[0].both_protected
    assert begin(opened(phase), BRING_UP, "ci", NOW, {})[0].both_protected is (phase in MOVING)


def test_the_journal_is_bounded_and_its_numbers_go_on() -> None:
    now = record()
    for _ in range(JOURNAL_KEPT + 5):
        now, entry = begin(now, BRING_UP, "ci", NOW, {})
        now = end(now, entry.id, EntryState.DONE, NOW, "")
    assert [entry.id for entry in now.journal] == list(range(6, JOURNAL_KEPT + 6))


def test_an_open_entry_outlives_the_bound_until_it_has_ended() -> None:
    now, entry = begin(record(), MOVE_ROUTES, "ci", NOW, TO_GREEN)
    for attempt in range(JOURNAL_KEPT):
        now = open_release(now, release(attempt=attempt), NOW)
        now = advance(now, Phase.ABORTED, Reason.DEPLOY_ABORTED, NOW, actor="ci")
    assert now.open_entry == entry
    assert now.both_protected
    assert len(now.journal) == JOURNAL_KEPT + 1


# Questions and approvals


@pytest.mark.parametrize(
    "before",
    [record(), opened(Phase.ROLLED_BACK), open_release(record(), release(Phase.DARK, attempt=2), NOW)],
    ids=["none open", "ended", "another one"],
)
def test_a_question_about_a_release_that_is_not_open_is_refused(before: Record) -> None:
    with refuses("ReleaseGone", match="is not open any more"):
        pose(before, question())


def test_a_new_question_voids_the_old_answer() -> None:
    new = question(id="flip-3f2a9c01d4e8-1-bb")
    now = pose(answered(), new)
    assert (now.question, now.approval) == (new, None)


def test_a_question_taken_back_takes_its_answer_along() -> None:
    assert (withdraw(answered()).question, withdraw(answered()).approval) == (None, None)


@pytest.mark.parametrize(("before", "reason"), [(opened(Phase.DARK), "QuestionGone"), (answered(), "AlreadyAnswered")])
def test_only_an_open_question_can_be_answered_and_only_once(before: Record, reason: str) -> None:
    with refuses(reason):
        answer(before, approval(by="ben"))


@pytest.mark.parametrize("no", [Decision.REJECT, Decision.EXPIRED])
def test_a_no_revokes_a_yes_until_that_is_spent(no: Decision) -> None:
    said = approval(by="ben", decision=no)
    assert answer(answered(), said).approval == said
    with pytest.raises(Refused, match="is answered already: approve by ana"):
        answer(spend(answered(), 12), said)


@pytest.mark.parametrize("later", Decision)
def test_a_no_stays_no(later: Decision) -> None:
    with pytest.raises(Refused, match="is answered already: reject by ana"):
        answer(answer(asked(), approval(decision=Decision.REJECT)), approval(by="ben", decision=later))


@pytest.mark.parametrize("kind", QuestionKind)
@pytest.mark.parametrize(("old", "new", "why"), LAST_STEPS)
def test_a_question_goes_with_the_phases_it_is_about(old: Phase, new: Phase, why: Reason, kind: QuestionKind) -> None:
    before = spend(answer(pose(opened(old), question(kind=kind)), approval(kind=kind)), 12)
    after = advance(before, new, why, at(3), actor="ana")
    kept = (before.question, before.approval) if new in ASKED_IN[kind] else (None, None)
    assert (after.question, after.approval) == kept


def test_a_spent_yes_covers_finishing_what_it_allowed_and_nothing_after_it() -> None:
    flipping = advance(answered(), Phase.FLIPPING, Reason.APPROVED, at(3), actor="ana")
    assert flipping.approval is not None
    assert advance(flipping, Phase.BAKING, Reason.TRAFFIC_PROVEN, at(4), actor="ana").approval is None


def test_an_answer_to_another_question_is_refused() -> None:
    with pytest.raises(Refused, match="the question is gone"):
        answer(asked(), approval(question="flip-older-1-cc"))


def test_spending_names_the_entry_that_moved() -> None:
    spent = spend(answered(), 12).approval
    assert spent is not None
    assert spent.spent_by == 12


@pytest.mark.parametrize(
    "before",
    [asked(), spend(answered(), 12), answer(asked(), approval(decision=Decision.REJECT)), withdraw(answered())],
    ids=["no answer", "spent", "a no", "withdrawn"],
)
def test_without_an_unspent_yes_there_is_nothing_to_move_on(before: Record) -> None:
    with refuses("NoApproval", match="no approval stands"):
        spend(before, 13)


# Outbox


def test_a_delivered_message_leaves_and_the_others_stay() -> None:
    now = advance(opened(), Phase.DARK, Reason.CHECKS_PASSED, at(1), actor="ci")
    first, second = now.outbox
    told = delivered(now, first.id, release=first.release, thread="17.001")
    assert told.outbox == (second,)
    assert told.threads == {first.release: "17.001"}
    assert delivered(told, first.id) == told


def test_a_releases_messages_stay_in_the_thread_that_the_first_one_opened() -> None:
    now = delivered(record(), "m1", release="r-1", thread="17.001")
    assert delivered(now, "m2", release="r-1", thread="17.002").threads == {"r-1": "17.001"}


def test_threads_and_untold_messages_are_bounded_the_oldest_go_first_and_are_counted_until_one_is_told() -> None:
    now = record()
    for number in range(25):
        now = delivered(now, "", release=f"r-{number}", thread="t")
    assert list(now.threads) == [f"r-{number}" for number in range(5, 25)]
    for attempt in range(OUTBOX_KEPT):
        now = open_release(now, release(attempt=attempt), NOW)
        now = advance(now, Phase.ABORTED, Reason.DEPLOY_ABORTED, NOW, actor="ci")
    assert (len(now.outbox), now.left_out) == (OUTBOX_KEPT, OUTBOX_KEPT)
    assert delivered(now, now.outbox[0].id).left_out == 0
    assert now.outbox[-1].release == f"3f2a9c01d4e8-{OUTBOX_KEPT - 1}"


# As JSON


def test_a_record_with_everything_in_it_survives_json() -> None:
    begun, entry = begin(answered(), MOVE_ROUTES, "ci", NOW, {**TO_GREEN, "replicas": {"web": 2}})
    full = spend(delivered(begun, "", release="r", thread="t"), entry.id)
    text = full.model_dump_json(by_alias=True)
    assert Record.model_validate_json(text) == full
    assert json.loads(text)["schema"] == 1


def test_an_unknown_key_is_not_silently_dropped() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        Record.model_validate({**json.loads(record().model_dump_json(by_alias=True)), "surprise": 1})
