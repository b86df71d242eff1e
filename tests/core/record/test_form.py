"""What people typed into Prefect, as it is kept there: their own words, or refused without a value in the message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flipgate.core.record.form import Filled, held_in, read_form, texts_of
from flipgate.core.record.record import Decision
from flipgate.core.values.errors import BadInput

YES = {"decision": "approve", "reason": "the checks are green", "name": "ana"}
SECRET = "hunter2 of the registry"
REFERENCE = {"__prefect_kind": "workspace_variable", "variable_name": SECRET}


def test_a_form_is_a_decision_with_a_reason_and_a_name() -> None:
    assert read_form(json.dumps(YES), ()) == Filled(Decision.APPROVE, "the checks are green", "ana")


def test_a_doorbell_is_nobody_s_answer_whatever_else_it_says() -> None:
    assert read_form(json.dumps({**YES, "name": SECRET, "rung": True}), {SECRET}) is None


@pytest.mark.parametrize("field", YES)
@pytest.mark.parametrize(
    "value", [REFERENCE, [SECRET], 7, None, True], ids=["a reference", "list", "7", "null", "true"]
)
def test_what_is_no_text_is_refused_and_not_shown(field: str, value: Any) -> None:
    with pytest.raises(BadInput, match=f"has a {field} that is no text") as refused:
        read_form(json.dumps({**YES, field: value}), ())
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        (SECRET, "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        (json.dumps([SECRET]), "is a list"),
        (json.dumps({"decision": "approve", "name": "ana"}), "has no reason"),
        (json.dumps({**YES, "decision": SECRET}), "has a decision that is none of approve, reject"),
        (json.dumps({**YES, "decision": "expired"}), "has a decision that is none of approve, reject"),
    ],
    ids=["text", "deep", "list", "no reason", "another decision", "expired"],
)
def test_what_is_no_form_is_refused_and_not_shown(text: str, fact: str) -> None:
    with pytest.raises(BadInput, match=fact) as refused:
        read_form(text, ())
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("field", ["reason", "name"])
@pytest.mark.parametrize("value", [SECRET, f"{SECRET}\n", f"  {SECRET.replace(' ', '  ')} "])
def test_what_a_variable_holds_is_nobody_s_own_words(field: str, value: str) -> None:
    with pytest.raises(BadInput, match=f"has a {field} that is the value of one of Prefect's variables") as refused:
        read_form(json.dumps({**YES, field: value}), {SECRET})
    assert SECRET not in str(refused.value)


def test_who_only_uses_the_words_that_a_variable_holds_is_heard() -> None:
    assert read_form(json.dumps({**YES, "reason": "it goes to production"}), {"production"}) is not None


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (SECRET, [SECRET]),
        (json.dumps(SECRET), [json.dumps(SECRET), SECRET]),
        ("7", ["7"]),
        ({"a": SECRET}, []),
        (7, []),
    ],
)
def test_a_reference_becomes_a_variable_s_text_or_the_text_that_it_is_json_for(value: Any, texts: list[str]) -> None:
    assert texts_of(value) == texts


def test_each_text_that_is_held_is_named() -> None:
    assert held_in({"name": SECRET, "reason": "fine", "unseen_by": SECRET}, {SECRET}) == ["name", "unseen_by"]
