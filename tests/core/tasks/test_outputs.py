"""What people see of a release whose every text is somebody's attempt: in Slack, Prefect, Events, a terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flipgate.cli._failures import fail
from flipgate.cli._print import echo, emit, table
from flipgate.core.record.announcement import Announcement
from flipgate.core.record.events import InvolvedObject, event
from flipgate.core.record.form import ANSWER_BEFORE
from flipgate.core.record.planned import Part
from flipgate.core.record.release import frozen
from flipgate.core.record.who_may import WhoMay
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.workloads.content import Content, content_shown
from flipgate.steps.acting.outbox import as_blocks
from tests.core.builders import GREEN, at, question

pytestmark = pytest.mark.xdist_group("prefect")

NASTY = "<!channel> ```x``` ![i](https://e/p.png) <img src=x> | b |\n# big\x1b[2J\rok \u202etxt"


def message(text: str, url: str = "https://prefect.example/runs/1") -> Announcement:
    return Announcement(id="1", release="r-1", side=GREEN, at=at(), text=text, url=url, reason="Approved")


def test_slack_calls_nobody() -> None:
    blocks: Any = as_blocks(message(NASTY), NASTY)
    texts = [block["text"] for block in blocks[:2]] + blocks[2]["elements"]
    assert all(text["verbatim"] for text in texts)
    link = "<https://prefect.example/runs/1|Look and decide>"
    said = [text["text"].replace(link, "") for text in texts]
    assert [(text.count("<"), text.count("```"), text.count("\x1b")) for text in said] == [(0, 0, 0)] * 3
    assert link in texts[0]["text"]
    assert "Look and decide" not in str(as_blocks(message("fine", "javascript:alert(1)|<!here>")))


def test_forms_and_artifacts_show_words_and_obey_none() -> None:
    from tasks.artifacts import evidence_table
    from tasks.question import question_text

    evidence = [Evidence(NASTY, Verdict.FAIL, NASTY, NASTY, NASTY, NASTY)]
    may, stored = WhoMay(users=(NASTY,), not_by=NASTY), frozen([*evidence, replace(evidence[0], gate=f"{NASTY} too")])
    asked = question(
        summary=NASTY,
        changes=(NASTY,),
        plan=(Part(of=NASTY, lines=(NASTY,)),),
        evidence=stored,
        who_may=may,
        look_first=("kubectl get pods\n```\n# big",),
    )
    shown = f"{evidence_table(evidence)}\n{question_text('shop', asked, evidence)}"
    assert "<img" not in shown
    assert "![i](" not in shown
    assert [line for line in shown.splitlines() if line.startswith("# ")] == []
    assert {line.replace("\\|", "").count("|") for line in shown.splitlines() if line.startswith("|")} == {4, 7}
    assert "\x1b" not in shown
    assert shown.count("````") == 2, "the one block is ours"


def test_a_form_says_who_may_approve_elsewhere_and_by_which_command() -> None:
    from tasks.question import question_text

    shown = question_text("shop", question(who_may=WhoMay(groups=("managers",))), [])
    assert 'Only group managers may approve: flipgate approve shop --reason "..."' in shown
    assert "This form takes a no" in shown
    assert "may approve" not in question_text("shop", question(), [])


def test_a_form_says_above_all_else_why_an_answer_before_changed_nothing() -> None:
    """In the table its end would be cut off, beside digests that no page breaks."""
    from tasks.question import question_text

    why = Evidence(ANSWER_BEFORE, Verdict.INFO, "the form", "Prefect", "it has to be said: on-call", "")
    shown = question_text("shop", question(), [why])
    assert shown.index("**An answer before**: it has to be said: on-call\n\n") < shown.index("What changes:")
    assert ANSWER_BEFORE not in shown, "once"


def test_a_form_shows_the_digests_that_a_yes_is_bound_to_and_counts_the_lines_it_has_no_room_for() -> None:
    from tasks.question import CHANGES_SHOWN, question_text

    stored = frozen(
        [
            *content_shown({"acme/web:2": Content(("sha256:abc",))}),
            Evidence("differs: web", Verdict.INFO, "", "", "x", ""),
        ]
    )
    lines = tuple(f"web: line {number}" for number in range(CHANGES_SHOWN + 3))
    shown = question_text("shop", question(evidence=stored, changes=lines), [])
    assert [line for line in shown.splitlines() if line.startswith("| image")] == [
        "| image acme/web:2 | **info** | sha256:abc |"
    ]
    assert "differs: web" not in shown, "its lines are among what changes"
    assert shown.count("\n- web: line") == CHANGES_SHOWN
    assert "**3 more**: `flipgate status shop -o json` has all of them" in shown


def test_a_form_shows_the_plan_part_by_part_and_counts_the_lines_it_has_no_room_for() -> None:
    from tasks.question import PLAN_SHOWN, question_text

    routes = tuple(f"IngressRoute edge/live: spec.routes[{n}] a -> b" for n in range(PLAN_SHOWN + 2))
    plan = (Part(of="routes", lines=routes), Part(of="a rollback", lines=("it brings back: web shop/web:1",)))
    shown = question_text("shop", question(plan=plan), [])
    assert shown.count("\n- IngressRoute edge/live") == PLAN_SHOWN
    assert "**2 more**: `flipgate status shop -o json` has all of them" in shown
    assert "A rollback:\n\n- it brings back: web shop/web:1\n" in shown


def test_an_event_is_one_line_without_what_a_terminal_obeys() -> None:
    said = event("shop", message(NASTY), InvolvedObject("Deployment", "g", "web"), "apps/v1", "u")["message"]
    assert said.isprintable()


def test_a_terminal_shows_words_and_obeys_none(capsys: pytest.CaptureFixture[str]) -> None:
    echo(NASTY)
    emit({"a": NASTY}, "json")
    emit({"a": NASTY}, "yaml")
    for line in table(["A"], [[NASTY]]):
        echo(line)
    fail(Refused(NASTY, reason=Why.NO_QUESTION, obj=NASTY), [])
    fail(Refused(NASTY, reason=Why.NO_QUESTION, obj=NASTY), ["-o", "json"])
    out, err = capsys.readouterr()
    for said in (out, err):
        assert not set("\x1b\r\u202e") & set(said)
    assert len(table(["A"], [[NASTY]])) == 2
