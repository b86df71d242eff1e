"""Lines of a checklist that a machine answers: what each kind takes for good, for bad, and for no answer; and whose
tick may stand in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flipgate.core.gates.command_check import Ended, NotStarted, Output
from flipgate.core.gates.declared import judge
from flipgate.core.gates.or_tick import as_said, hold_back, ticks_for, without_ticks_for
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Record
from flipgate.core.record.ticks import Tick
from flipgate.core.spec.application import load_application
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import BadInput
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import DARK, LIVE, SHOP, approval, at, record, release
from tests.core.gates.played_reader import PlayedReader, gate_of, looked

FLIP = QuestionKind.FLIP
SETTLED = (*LIVE, Phase.SETTLING, Phase.SETTLED)
TEXT = "a backup of today was read back"
BACKUP = gate_of(name="backup", command=("backup-age",), at="flip", orTick=TEXT)
SCAN = gate_of(name="scan", command=("scan",), at="flip")


def said(reader: PlayedReader, **keys: Any) -> Evidence:
    gate = gate_of(at="flip", **keys)
    return judge(gate, [looked(gate, reader)], 0.0, "shop-green")


@pytest.mark.parametrize(
    ("ended", "verdict", "words"),
    [
        (Ended(0, 0.1, Output("looking\nbackup 3 h old\n")), "pass", "it wrote last: looking / backup 3 h old"),
        (Ended(1, 0.1, Output("backup 31 h old\n")), "fail", "exit code 1 after 0.1 s; it wrote last: backup 31 h old"),
        (Ended(0, 30.0, Output(""), limit=True), "fail", "killed after 30 s, its limit"),
        (NotStarted("there is no program backup-age"), "unknown", "no answer (not started: there is no program"),
    ],
)
def test_a_program_answers_by_its_exit_code_at_once(ended: Ended | NotStarted, verdict: str, words: str) -> None:
    found = said(PlayedReader(ended=ended), command=("backup-age", "24"))
    assert (found.verdict, words in found.answer) == (verdict, True), found
    assert (found.asked, found.threshold) == ("backup-age 24", "exit code 0 within 30 s")


def answer(status: int, **body: Any) -> Answer:
    return Answer(status, {}, json.dumps(body).encode(), 0.1)


@pytest.mark.parametrize(
    ("came", "verdict", "words"),
    [
        (answer(200, state="approved"), "pass", "status 200"),
        (answer(200, state="draft"), "fail", "JSON path state is not as it has to be"),
        (Answer(200, {}, b"<html>s3cret", 0.1), "fail", "body is not JSON"),
        (answer(404), "fail", "status 404, expected 200"),
        ("gave no answer in 3 s", "unknown", "no answer (gave no answer in 3 s)"),
    ],
)
def test_an_address_answers_by_its_status_and_its_json(came: Answer | str, verdict: str, words: str) -> None:
    url = "https://tickets.example/changes?token=abc"
    found = said(PlayedReader(answer=came), http={"url": url, "json": {"state": "approved"}})
    assert (found.verdict, words in found.answer) == (verdict, True), found
    assert found.asked == "https://tickets.example/changes", "what may be a token is not shown"
    assert "draft" not in found.answer, "nor any word of the answer"
    assert "s3cret" not in found.answer


def staging(*phases: Phase, **facts: Any) -> Record:
    there = release(*phases, now=at(-3600))
    keys = {"last": there} if phases[-1].row.ended else {"release": there}
    sides = {side: facts.pop("occupant", occupant) for side, occupant in record().sides.items()}
    return record(application="staging", sides=sides, **keys, **facts)


LIVE_THERE = next(iter(record().sides[record().active].images.values()))


@pytest.mark.parametrize(
    ("found", "wanted", "verdict", "words"),
    [
        (staging(*SETTLED), {"hours": 24}, "pass", "settled at 2026-03-01"),
        (staging(*SETTLED), {"hours": 0.01}, "fail", "settled 1.0 h ago"),
        (staging(*LIVE), {"hours": 24}, "fail", "is `live`"),
        (staging(*DARK, Phase.REJECTED), {"hours": 24}, "fail", "is `rejected`"),
        (staging(*SETTLED), {"sameImages": True}, "pass", "settled at"),
    ],
)
def test_another_application_answers_by_its_record(
    found: Record, wanted: dict[str, Any], verdict: str, words: str
) -> None:
    reader = PlayedReader(records={"staging": found}, released={"web": LIVE_THERE})
    judged = said(reader, application={"name": "staging", **wanted})
    assert (judged.verdict, words in judged.answer) == (verdict, True), judged


def test_an_image_that_is_not_live_there_is_named_and_without_a_release_nothing_can_be_compared() -> None:
    wanted = {"name": "staging", "sameImages": True}
    reader = PlayedReader(records={"staging": staging(*SETTLED)}, released={"web": "acme/web:9"})
    assert said(reader, application=wanted).answer == "acme/web:9 (web) is not live there"
    assert said(PlayedReader(records=reader.records), application=wanted).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ("command: [scan]", "cannot be asked at bake: it is asked before a move"),
        ("command: [scan], at: flip, failures: 3", "has failures: it is answered once"),
        ("command: [scan], at: flip, timeoutSeconds: 301", "less than or equal to 300"),
        ("http: {url: 'https://ana:secret@x/y'}, at: flip", "without user and password .not shown."),
        ("http: {url: 'x/y'}, at: flip", "must be an address"),
        ("application: {name: staging}, at: flip", "asks nothing of a release there"),
        ("application: {name: shop, hours: 2}, at: flip", "gate a asks shop itself"),
        ("restarts: 0, orTick: yes it is so", "has orTick, and nobody is asked at bake"),
        ("restarts: 0, at: flip, orTick: ''", "orTick"),
    ],
)
def test_what_cannot_be_meant_is_refused_when_the_file_is_read(keys: str, why: str) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        load_application(f"{SHOP}  gates: [{{name: a, {keys}}}]\n", "shop.yaml")
    assert "secret" not in str(refused.value)


def test_a_name_is_a_tick_or_a_gate_that_one_may_stand_in_for_and_not_both() -> None:
    gate = "  gates: [{name: backup, command: [backup-age], at: flip, orTick: it is so}]\n"
    tick = "  policy: {ticks: [{name: backup, text: it is so}]}\n"
    with pytest.raises(BadInput, match="named as a tick and as a gate with orTick: backup"):
        load_application(SHOP + gate + tick, "shop.yaml")


def found(gate: str, verdict: Verdict) -> Evidence:
    return Evidence(gate, verdict, "asked", "of whom", "no answer", "")


def test_a_tick_stands_in_for_what_is_unknown_alone_and_only_where_the_file_says_so() -> None:
    gates, unknown = (BACKUP, SCAN), [found("backup", Verdict.UNKNOWN), found("scan", Verdict.UNKNOWN)]
    assert ticks_for(gates, unknown) == (Tick(name="backup", text=TEXT),)
    assert [each.gate for each in hold_back(gates, unknown)] == ["scan"], "nobody is asked for want of an answer"
    failed = [found("backup", Verdict.FAIL)]
    assert (ticks_for(gates, failed), hold_back(gates, failed)) == ((), failed), "a machine's no is a no"
    assert ticks_for(gates, [found("backup", Verdict.PASS)]) == ()
    listed = Tick(name="on-call", text="x")
    assert without_ticks_for(gates, (listed, *ticks_for(gates, unknown))) == (listed,)


def test_before_the_move_the_tick_of_this_very_yes_counts_and_no_other() -> None:
    gates, unknown = (BACKUP,), [found("backup", Verdict.UNKNOWN)]
    yes = approval(ticks=("backup",))
    (shown,) = as_said(gates, unknown, yes, FLIP)
    assert (shown.verdict, shown.answer) == (Verdict.INFO, f"unknown, and {yes.said_by} said: {TEXT}: no answer")
    for other in (None, approval(), approval(ticks=("backup",), spent_by=3)):
        assert as_said(gates, unknown, other, FLIP) == tuple(unknown)
    assert as_said(gates, unknown, yes, QuestionKind.SCALE_DOWN) == tuple(unknown)
    failed = [found("backup", Verdict.FAIL)]
    assert as_said(gates, failed, yes, FLIP) == tuple(failed)
