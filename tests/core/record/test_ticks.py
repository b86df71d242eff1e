"""What only a person knows: which lists a file may have, what a yes lacks, and what its fields are called."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flipgate.core.record.approvals import Granted, NotGranted, accept, answer, answered
from flipgate.core.record.form import read_form
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.record.ticks import Tick, missing, not_asked, options, ticks_of
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput
from tests.core.builders import DARK, approval, at, question, record, refuses, release, shop

BACKUP = Tick(name="backup-verified", text="a backup was read back today")
CALM = Tick(name="calm", text="no match is on", required=False)
ASKED = (BACKUP, CALM)


def declared(*ticks: str) -> Any:
    return shop(policy=f"{{ticks: [{', '.join(ticks)}]}}").spec.policy.ticks


def test_each_question_has_the_ticks_that_the_file_lists_for_it() -> None:
    ticks = declared(
        "{name: backup-verified, text: a backup was read back today}",
        "{name: calm, text: no match is on, required: false}",
        "{name: calm, text: nobody needs it, at: scale-down}",
    )
    assert ticks_of(ticks, QuestionKind.FLIP) == ASKED
    assert ticks_of(ticks, QuestionKind.SCALE_DOWN) == (Tick(name="calm", text="nobody needs it"),)


@pytest.mark.parametrize(
    ("ticks", "fact"),
    [
        (["{name: calm, text: a}", "{name: calm, text: b}"], "two ticks of one name"),
        (["{name: Calm, text: a}"], "name"),
        (["{name: a_b, text: a}"], "name"),
        (["{name: a--b, text: a}"], "name"),
        (["{name: calm, text: ''}"], "text"),
        (['{name: calm, text: "two\\nlines"}'], "one line"),
        ([f"{{name: calm, text: {'x' * 161}}}"], "text"),
        ([f"{{name: t{n}, text: a}}" for n in range(21)], "ticks"),
        (["{name: calm, text: a, at: bake}"], "at"),
    ],
    ids=["twice", "capitals", "underline", "two dashes", "empty", "lines", "long", "many", "another point"],
)
def test_a_list_that_nobody_could_say_is_refused(ticks: list[str], fact: str) -> None:
    with pytest.raises(BadInput, match=fact):
        declared(*ticks)


def test_a_yes_lacks_the_required_ones_alone() -> None:
    assert missing(ASKED, ()) == "backup-verified (a backup was read back today)"
    assert missing(ASKED, ("backup-verified",)) == ""
    assert not_asked(ASKED, ("backup-verifid", "calm")) == 'backup-verifid: did you mean "backup-verified"?'
    assert "it has no ticks" in not_asked((), ("all",))
    assert options(ASKED) == " --tick backup-verified"


def test_a_field_of_the_form_is_a_tick_and_the_other_way_round() -> None:
    form = {"decision": "approve", "reason": "fine", "name": "ana", BACKUP.field: True, CALM.field: False}
    assert BACKUP.field == "tick_backup_verified"
    filled = read_form(json.dumps(form), ())
    assert filled
    assert filled.ticks == ("backup-verified",)


@pytest.mark.parametrize("value", ["true", 1, None, {"__prefect_kind": "workspace_variable"}])
def test_what_is_neither_true_nor_false_is_no_tick(value: Any) -> None:
    form = {"decision": "approve", "reason": "fine", "name": "ana", BACKUP.field: value}
    with pytest.raises(BadInput, match="a tick backup-verified that is neither true nor false"):
        read_form(json.dumps(form), ())


def test_a_yes_without_its_ticks_counts_for_nothing_however_it_came_into_the_record() -> None:
    asked, bare = question(ticks=ASKED), approval()
    decided = accept(bare, asked, "basis-1", at(20))
    assert isinstance(decided, NotGranted)
    assert decided.reason == "TickMissing"
    assert "lacks backup-verified (a backup was read back today)" in decided.fact
    held = record(release=release(*DARK), question=asked, approval=bare)
    assert answered(held) is None, "it is in nobody's way"
    with refuses("TickMissing"):
        answer(but(held, approval=None), bare)
    ticked = but(bare, ticks=("backup-verified",))
    assert isinstance(accept(ticked, asked, "basis-1", at(20)), Granted)
    said = answer(held, ticked).release
    assert said
    assert said.decisions[-1].ticks == ("backup-verified",)
    assert answered(but(held, approval=approval(decision=Decision.REJECT))), "a no needs none"
