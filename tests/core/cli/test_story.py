"""The story of a release: in order, whole, kept small, and readable."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click
import pytest

from flipgate.cli._story import Found, as_data
from flipgate.cli._story_text import lasted, lines
from flipgate.cli.history import DATA
from flipgate.core.record import record as records
from flipgate.core.record.approvals import answer, lapse, pose
from flipgate.core.record.entries import merged
from flipgate.core.record.intents import BRING_UP, MOVE_ROUTES
from flipgate.core.record.phases import Phase, QuestionKind, Reason
from flipgate.core.record.record import Decision, EntryState, JournalEntry, Record
from flipgate.core.record.release import (
    BAKE,
    CHECKS,
    DECISIONS_KEPT,
    DETAIL_KEPT,
    JUDGEMENTS_KEPT,
    PROOFS_KEPT,
    Decided,
    FrozenEvidence,
    PhaseChange,
    Release,
    Shown,
    frozen,
)
from flipgate.core.record.story import Kind, pick, story
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput, FlipgateError, NotFound
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.values.who import Identity
from tests.core.builders import NOW, approval, at, question, record, release

NAME = "3f2a9c01d4e8-1"
OK = FrozenEvidence(gate="web", verdict="pass", detail="status 200 (wanted status 200)")


def evidence(gate: str, verdict: Verdict = Verdict.PASS, answer: str = "status 200") -> Evidence:
    return Evidence(gate, verdict, "web:80/", "green", answer, "status 200")


def entry(number: int, step: str, began: float, ended: float | None, **facts: Any) -> JournalEntry:
    done = EntryState.BEGUN if ended is None else EntryState.DONE
    usual: dict[str, Any] = {"id": number, "step": step, "state": done, "actor": "run-7", "release": NAME}
    times = {"at": at(began), "ended": None if ended is None else at(ended)}
    return JournalEntry(**{**usual, **times, "outcome": f"{step} is done", **facts})


def decided(seconds: float, **facts: Any) -> Decided:
    usual = {"kind": "flip", "decision": "approve", "by": "ana", "via": "cli", "reason": "looks good"}
    return Decided(**{**usual, "at": at(seconds), "evidence": (OK,), **facts})


def walked(*steps: tuple[Phase, Reason, float], **facts: Any) -> Release:
    """A release whose phases changed at these seconds."""
    return release(changes=tuple(PhaseChange(phase=p, reason=r, at=at(s), message="so") for p, r, s in steps), **facts)


def flipped(**facts: Any) -> Release:
    """Checked, approved, and a bake under way."""
    said = walked(
        (Phase.DEPLOYING, Reason.BUILD_ANNOUNCED, 0),
        (Phase.DARK, Reason.CHECKS_PASSED, 12.5),
        (Phase.FLIPPING, Reason.APPROVED, 100),
        (Phase.BAKING, Reason.TRAFFIC_PROVEN, 101),
        decisions=(decided(90),),
        **facts,
    )
    return said.judged(CHECKS, [evidence("web")], at(12.4))


JOURNAL = (
    entry(2, "Phase:deploying", 0, 0, actor="ci"),
    entry(3, BRING_UP, 1, 1.5),
    entry(4, "Phase:dark", 12.5, 12.5),
    entry(5, MOVE_ROUTES, 99.9, 100.4, intent={"to": "green", "from": "blue"}),
)


# Order


def test_all_that_happened_is_told_in_the_order_it_happened() -> None:
    told = story(flipped(), JOURNAL, at(131))
    assert [(moment.kind, moment.what) for moment in told] == [
        (Kind.PHASE, "deploying"),
        (Kind.STEP, "BringUp"),
        (Kind.JUDGEMENT, "checks"),
        (Kind.PHASE, "dark"),
        (Kind.DECISION, "approve"),
        (Kind.STEP, "MoveRoutes"),
        (Kind.PHASE, "flipping"),
        (Kind.PHASE, "baking"),
    ]
    assert [(m.what, m.seconds, m.open) for m in told if m.kind is Kind.PHASE] == [
        ("deploying", 12.5, False),
        ("dark", 87.5, False),
        ("flipping", 1, False),
        ("baking", 30, True),
    ]
    assert [(m.by, m.evidence) for m in told[1:5]] == [
        ("run-7", ()),
        ("", (OK,)),
        ("run-7", ()),
        ("ana via cli", (OK,)),
    ]


def test_what_was_written_at_once_is_told_cause_first() -> None:
    back = flipped().judged(BAKE, [evidence("errors", Verdict.FAIL)], at(140))
    change = PhaseChange(phase=Phase.ROLLING_BACK, reason=Reason.BAKE_FAILED, at=at(140))
    back = but(back, changes=(*back.changes, change))
    told = story(back, (entry(9, MOVE_ROUTES, 140, None, intent={"to": "blue"}),), at(150))
    assert [moment.what for moment in told[-3:]] == ["bake", "rolling_back", "MoveRoutes"]
    assert (told[-3].text, told[-1].text, told[-1].open) == ("fail: errors", "begun (to blue), and not ended", True)


def test_a_clock_that_is_behind_turns_no_phase_around() -> None:
    steps = [(Phase.DEPLOYING, Reason.BUILD_ANNOUNCED, 0), (Phase.DARK, Reason.CHECKS_PASSED, 9)]
    told = story(walked(*steps, (Phase.FLIPPING, Reason.APPROVED, 7)), (), at(20))
    assert [(moment.what, moment.seconds) for moment in told] == [("deploying", 9), ("dark", 0), ("flipping", 13)]


def test_an_end_lasts_no_time() -> None:
    ended = story(release(Phase.DARK, Phase.REJECTED), (), at(900))[-1]
    assert (ended.what, ended.seconds, ended.open) == ("rejected", None, False)


def test_nobody_is_said_to_have_decided_what_expired() -> None:
    lapsed = decided(90, decision="expired", by="reconcile-1", via="reconcile", reason="nobody decided in time")
    told = [m for m in story(release(decisions=(lapsed,)), (), at(99)) if m.kind is Kind.DECISION]
    assert [(m.what, m.text, m.by) for m in told] == [
        ("expired", "flip: nobody decided in time", "nobody; noted by reconcile-1 via reconcile")
    ]


def test_two_looks_at_a_journal_are_one_journal() -> None:
    begun, done = entry(3, BRING_UP, 1, None), entry(3, BRING_UP, 1, 2)
    first, last = entry(1, "Adopt", 0, 0), entry(4, MOVE_ROUTES, 5, 6)
    assert merged((first, begun), (done, last)) == (first, done, last)


# Names


@pytest.mark.parametrize(("word", "name"), [("a1-1", "a1-1"), ("a1-12", "a1-12"), ("b2", "b2-3"), ("b2-3", "b2-3")])
def test_a_release_is_named_whole_or_by_how_it_alone_begins(word: str, name: str) -> None:
    assert pick(word, ["a1-1", "a1-12", "b2-3", "b2-3"], "shop") == name


@pytest.mark.parametrize(
    ("word", "kind", "said"),
    [
        ("a1", BadInput, 'release "a1" of shop: is the beginning of 2 releases: a1-1, a1-12'),
        ("b2-4", NotFound, 'release "b2-4" of shop: is not in the history; did you mean "b2-3"?'),
        ("zz", NotFound, "is not in the history; known: a1-1, a1-12, b2-3"),
        ("", NotFound, "is not in the history; known: a1-1, a1-12, b2-3"),
    ],
)
def test_a_word_that_names_no_one_release_is_told_what_there_is(
    word: str, kind: type[FlipgateError], said: str
) -> None:
    with pytest.raises(kind) as refused:
        pick(word, ["a1-1", "a1-12", "b2-3"], "shop")
    assert said in str(refused.value)


# What is remembered


def asked() -> Record:
    return pose(records.open_release(record(), release(Phase.DARK), NOW), question(evidence=(OK,)))


def decisions(now: Record) -> list[tuple[str, str, str]]:
    assert now.release is not None
    return [(said.decision, said.by, said.reason) for said in now.release.decisions]


def test_a_decision_stays_with_its_release_with_the_evidence_it_was_made_on() -> None:
    said = answer(asked(), approval()).release
    assert said is not None
    assert said.decisions == (decided(10, identity=Identity(user="ana"), question=question().id),)


def test_a_no_that_revokes_a_yes_leaves_both_told() -> None:
    no = approval(decision=Decision.REJECT, by="ben", reason="orders fail", at=at(20))
    assert decisions(answer(answer(asked(), approval()), no)) == [
        ("approve", "ana", "looks good"),
        ("reject", "ben", "orders fail"),
    ]


def test_expiry_is_a_decision_of_its_own_kind_unless_somebody_decided() -> None:
    told = {"by": "reconcile-1", "via": "reconcile", "now": at(61)}
    assert decisions(lapse(asked(), "nobody decided", **told)) == [("expired", "reconcile-1", "nobody decided")]
    answered = answer(asked(), approval())
    assert lapse(answered, "nobody decided", **told) == answered


def test_judgements_and_decisions_are_kept_small() -> None:
    many = [evidence(f"g{number}", answer="x" * 10_000) for number in range(PROOFS_KEPT + 4)]
    many.append(evidence("bad", Verdict.FAIL))
    now = release().judged(CHECKS, many, at(1))
    proofs = now.judgements[0].proofs
    assert (len(proofs), max(len(proof.detail) for proof in proofs)) == (PROOFS_KEPT, DETAIL_KEPT)
    assert (proofs[0].gate, proofs[0].verdict) == ("bad", "fail")
    assert proofs[-1] == FrozenEvidence(gate="6 more", verdict="pass", detail="not kept")
    for seconds in range(30):
        now = now.judged(BAKE, [evidence("side", Verdict.UNKNOWN)], at(seconds)).decided(decided(seconds))
    assert [len(now.judgements), len(now.decisions)] == [JUDGEMENTS_KEPT, DECISIONS_KEPT]
    assert [now.judgements[0].step, now.judgements[-1].at, now.decisions[-1].at] == [CHECKS, at(29), at(29)]


def test_what_a_person_saw_who_decided_is_kept_whole() -> None:
    seen = frozen(evidence(f"differs: s{number}", Verdict.INFO, answer="x" * 1_500) for number in range(30))
    (kept,) = release().decided(but(decided(0), evidence=seen)).decisions
    assert kept.evidence == seen


def test_a_verdict_that_is_not_kept_is_still_the_worst_there_was() -> None:
    bad = [evidence(f"g{number}", Verdict.UNKNOWN) for number in range(PROOFS_KEPT + 1)]
    (moment,) = [m for m in story(release().judged(BAKE, bad, at(1)), (), at(9)) if m.kind is Kind.JUDGEMENT]
    assert moment.text.startswith("unknown: g0, ")
    assert moment.text.endswith("2 more")


# For people, and as data


NOW_BAKING = at(131)


def data(told: Release, journal: tuple[JournalEntry, ...] = JOURNAL, now: datetime = NOW_BAKING) -> dict[str, Any]:
    return as_data("shop", Found(told, journal), now)


def text(told: dict[str, Any], *, wide: bool = False) -> list[str]:
    return [click.unstyle(line) for line in lines(told, wide=wide)]


def test_the_text_of_a_release_under_way() -> None:
    assert text(data(flipped(moved_at=at(100.2), first_new_answer_ms=68.0, last_old_answer_ms=64.5))) == [
        "3f2a9c01d4e8-1  (release of shop)",
        "  Side      green",
        "  Opened    2026-03-01 12:00:00 UTC by ci",
        "  Approved  by ana",
        "  Moved     2026-03-01 12:01:40 UTC, first answer from green after 68 ms, last from blue after 64.5 ms",
        "  Ended     not yet: baking (TrafficProven) since 2026-03-01 12:01:41 UTC",
        "",
        "TIME UTC  WHAT          TOOK         STORY",
        "12:00:00  deploying     12 s         BuildAnnounced: so [by ci]",
        "12:00:01    BringUp     500 ms       BringUp is done [by run-7]",
        "12:00:12    checks      -            pass",
        "                                       web: pass, status 200 (wanted status 200)",
        "12:00:12  dark          1 min 27 s   ChecksPassed: so [by run-7]",
        "12:01:30    approve     -            flip: looks good [by ana via cli]",
        "                                       web: pass, status 200 (wanted status 200)",
        "12:01:39    MoveRoutes  500 ms       MoveRoutes is done [by run-7]",
        "12:01:40  flipping      1.0 s        Approved: so",
        "12:01:41  baking        30 s so far  TrafficProven: so",
    ]


def test_an_end_is_told_with_how_long_it_all_took_and_days_are_named() -> None:
    ends = at(90_000)
    soaked = walked((Phase.LIVE, Reason.BAKE_PASSED, 0), (Phase.SETTLED, Reason.OLD_SIDE_AT_REST, 90_000))
    told = text(data(soaked, (), ends + timedelta(days=9)), wide=True)
    assert "  Ended     2026-03-02 13:00:00 UTC: settled (OldSideAtRest), 1 d 1 h after it was opened" in told
    assert "  Image     acme/web:2" in told
    assert told[-4:] == [
        "2026-03-01",
        "12:00:00  live     1 d 1 h  BakePassed: so",
        "2026-03-02",
        "13:00:00  settled  -        OldSideAtRest: so",
    ]


def test_several_replicas_of_traefik_have_their_figures_each() -> None:
    shown = (Shown(replica="traefik-a", first_new_answer_ms=68.0), Shown(replica="traefik-b", last_old_answer_ms=64.5))
    told = text(data(flipped(moved_at=at(100.2), first_new_answer_ms=68.0, last_old_answer_ms=64.5, shown=shown)))
    assert told[5:7] == [
        "            through traefik-a, first answer from green after 68 ms",
        "            through traefik-b, last from blue after 64.5 ms",
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 ms"),
        (0.0684, "68 ms"),
        (9.94, "9.9 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (185, "3 min 5 s"),
        (3_605, "1 h"),
        (94_000, "1 d 2 h"),
    ],
)
def test_how_long_something_took(seconds: float, told: str) -> None:
    assert lasted(seconds) == told


def test_what_failed_stands_out() -> None:
    bad = release().judged(BAKE, [evidence("errors", Verdict.FAIL)], at(5))
    assert "\x1b[31mfail: errors\x1b[0m" in "\n".join(lines(data(bad, ()), wide=False))


def test_the_keys_are_those_that_the_help_names() -> None:
    told = data(flipped(shown=(Shown(replica="traefik-a"),)))
    parts = (*(told[part][0] for part in ("decisions", "judgements", "journal", "timeline", "shown")),)
    for key in [*told, *(key for part in parts for key in part), *told["decisions"][0]["evidence"][0]]:
        assert key in DATA, key
    assert (told["endedAt"], told["approvedBy"], told["phaseSeconds"]["baking"]) == (None, "ana", 30.0)


def test_commits_in_the_team_s_repository_are_named() -> None:
    told = data(flipped().committed("flip", "0123456789abcdef", at(7)))
    assert told["commits"] == [{"what": "flip", "commit": "0123456789abcdef", "at": told["commits"][0]["at"]}]
    assert "Commit    0123456789ab flip" in "\n".join(lines(told, wide=False))


def test_who_approved_is_nobody_after_a_no_and_not_who_let_the_old_side_go() -> None:
    rest = decided(80, kind=QuestionKind.SCALE_DOWN, by="eve")
    no = decided(95, decision=Decision.REJECT, by="ben")
    assert data(flipped().decided(rest))["approvedBy"] == "ana"
    assert data(flipped().decided(no))["approvedBy"] is None
    assert data(release())["approvedBy"] is None
