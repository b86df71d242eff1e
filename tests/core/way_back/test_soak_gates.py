"""The condition GatesPass: told once when it turns, shown with what was found, and of the release that soaks alone."""

from __future__ import annotations

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.way_back.soak_gates import judge_soak, known_soak, note_soak
from tests.core.builders import GREEN, LIVE, at, record, release
from tests.core.cli.looks import facts, text

SOAKS = record(release=release(*LIVE), active=GREEN)
PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def found(verdict: Verdict) -> list[Evidence]:
    return [
        Evidence("ready", PASS, "pods", "Kubernetes", "2", ""),
        Evidence("ratio", verdict, "x", "Prometheus", "0.4 of shop-green", "at most 0.1"),
    ]


def noted(before: Record, verdict: Verdict, seconds: float = 0) -> Record:
    assert before.release
    return note_soak(before, judge_soak(before.release, found(verdict), at(seconds)), at(seconds))


@pytest.mark.parametrize(
    ("verdict", "status", "red"), [(PASS, "True", False), (FAIL, "False", True), (UNKNOWN, "Unknown", True)]
)
def test_status_shows_what_the_soak_s_gates_said(verdict: Verdict, status: str, red: bool) -> None:
    remembered = noted(SOAKS, verdict)
    (line,) = [each for each in text(facts(remembered)).split("\n") if "GatesPass" in each]
    assert f"{status}\x1b[0m for" in line if red else f"GatesPass {status}" in line
    assert ("\x1b[31m" in line) is red
    assert ("ratio: " in line) is red


def test_each_turn_is_told_once() -> None:
    after, told = SOAKS, []
    for seconds, verdict in enumerate([PASS, PASS, FAIL, FAIL, UNKNOWN, PASS]):
        before = len(after.outbox)
        after = noted(after, verdict, seconds * 300)
        told.append([message.text for message in after.outbox[before:]])
    assert [len(each) for each in told] == [0, 0, 1, 0, 1, 1]
    assert "the soak's gates are bad: ratio: fail: 0.4 of shop-green (wanted at most 0.1). Users stay" in told[2][0]
    assert "the soak's gates pass again, after 300 s" in told[5][0]


def test_what_was_found_of_a_release_says_nothing_of_the_next_nor_of_its_way_on() -> None:
    bad = noted(SOAKS, FAIL)
    for now in (release(*LIVE, attempt=2), release(*LIVE, Phase.SETTLING)):
        later = bad.model_copy(update={"release": now})
        assert known_soak(later) is None
        assert note_soak(later, None, at(9)).conditions == ()
    assert len(noted(bad.model_copy(update={"release": release(*LIVE, attempt=2)}), FAIL, 9).outbox) == 2


def test_without_such_a_gate_there_is_no_such_condition() -> None:
    assert judge_soak(release(*LIVE), [], at()) is None
    assert note_soak(SOAKS, None, at()) is SOAKS
