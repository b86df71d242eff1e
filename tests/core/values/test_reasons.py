"""One registry of reasons: each has a text, is used, and is spelt there only; the page is made from it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from flipgate.cli import VERBS
from flipgate.core.record.phases import Reason
from flipgate.core.values.errors import Refused
from flipgate.core.values.meanings import ENTRIES
from flipgate.core.values.reasons import Why
from flipgate.core.values.reasons_page import render
from flipgate.core.way_back.live_side import LiveSideReason
from flipgate.core.way_back.unwatched import UnwatchedReason
from flipgate.core.way_back.way_back import WayBackReason
from tests.core import source

pytestmark = source.IN_ONE_PROCESS

FILES = [each for each in source.files() if source.shown(each) != "flipgate/core/values/reasons.py"]
OTHERS = {("_status_text.py", "Unreadable"), ("_story_text.py", "Approved"), ("approval.py", "Rejected")}
"""The same words as a label for people, and as the name of a run's state."""
GIVES_A_REASON = {"NotGranted", "NoWay", "Unnamed", "Unfit", "_data"}


def test_the_committed_page_is_made_from_the_registry() -> None:
    page = (source.ROOT / "docs/reasons.md").read_text()
    assert page == render(), "run: python -m flipgate.core.values.reasons_page > docs/reasons.md"


def test_each_has_a_name_a_meaning_and_what_to_do() -> None:
    for why in Why:
        assert why.name == re.sub(r"(?<!^)([A-Z])", r"_\1", why.value).upper()
        for text in (ENTRIES[why].meaning, ENTRIES[why].to_do):
            assert text == text.strip(" ."), why
            assert text, why


def test_the_command_that_a_refusal_names_by_itself_is_one_of_ours_and_whole() -> None:
    for why in Why:
        command = ENTRIES[why].command("shop")
        assert re.search(rf"flipgate ({'|'.join(VERBS)}) shop\b", command), why
        assert not re.search(r"\b(APP|RELEASE|SIDE)\b", command), why


def test_they_stand_in_order() -> None:
    assert list(Why) == sorted(Why) == list(ENTRIES)


def test_no_reason_is_spelt_where_it_is_used() -> None:
    assert [f"{source.shown(each)}: {word}" for each in FILES for word in _spelt(each)] == []


def test_each_is_used() -> None:
    used = set(re.findall(r"\bWhy\.([A-Z_]+)\b", "\n".join(map(source.text, FILES))))
    assert used == {why.name for why in Why}


@pytest.mark.parametrize("some", [Reason, WayBackReason, LiveSideReason, UnwatchedReason])
def test_the_reasons_of_phases_and_conditions_are_among_them(some: type[StrEnum]) -> None:
    assert {each.value for each in some} <= set(Why)
    assert {each.name for each in some} == {Why(each.value).name for each in some}


def test_each_refusal_has_a_reason_of_the_registry() -> None:
    """Spelt as `Why.WORD`, or handed on from what was judged, which has one."""
    reasons = [
        (f"{source.shown(each)}:{call.lineno}", ast.unparse(given[0]) if given else "")
        for each in FILES
        for call in source.nodes(each)
        if isinstance(call, ast.Call) and source.called(call.func) == "Refused"
        for given in [[keyword.value for keyword in call.keywords if keyword.arg == "reason"]]
    ]
    assert [where for where, reason in reasons if not re.fullmatch(r"Why\.[A-Z_]+|(\w+\.)?reason", reason)] == []
    assert len(reasons) > 50


def test_a_refusal_says_its_word_as_a_string() -> None:
    refused = Refused("is so", reason=Why.NO_DARK_SIDE)
    assert refused.reason == "NoDarkSide"
    assert f"{refused.reason}" == "NoDarkSide"


def _spelt(file: Path) -> Iterator[str]:
    given = {id(part) for node in source.nodes(file) if isinstance(node, ast.Call) for part in _reasons_of(node)}
    for node, word in source.strings(file):
        known = word in set(Why) and (file.name, word) not in OTHERS
        unknown = id(node) in given and re.fullmatch(r"(?:[A-Z][a-z]*)+", word)
        if known or unknown:
            yield word


def _reasons_of(call: ast.Call) -> list[ast.expr]:
    first = call.args[:1] if source.called(call.func) in GIVES_A_REASON else []
    return [*first, *(keyword.value for keyword in call.keywords if keyword.arg == "reason")]
