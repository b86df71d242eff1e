"""Other people's text is harmless wherever it goes: at each place, whatever it holds."""

from __future__ import annotations

import ast
import html
import json
import re
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flipgate.core.record.release import PhaseChange
from flipgate.core.values import outward, text
from tests.core.source import ROOT

NASTY = (
    "<!channel> <@U123> <https://evil.example|safe> & &lt;",
    "```\nrm -rf /\n``` `x` ~no~",
    "| a | b |\n|---|---|\n# big\n- item\n1. one",
    "![x](https://evil.example/pixel.png) [ok](javascript:alert(1)) <img src=x onerror=alert(1)>",
    "\x1b[2J\x1b]0;title\x07\x1b]8;;https://evil.example\x07ok\x1b]8;;\x07\x9b31m",
    "fine\rerror: everything is lost\x08\x08",
    "user\u202egpj.exe\u2066\u200f\ufeff",
    "line\u2028two\x85three\x0bfour",
    "\ud800 \udfff",
    "x" * 5_000,
)
ANY = st.one_of(
    st.text(st.characters(exclude_categories=())),
    st.lists(st.sampled_from([*NASTY, "a", " ", "\n", "\x1b[31m", "<", "|", "\\"]), max_size=6).map("".join),
)
BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def obeyed(shown: str) -> list[str]:
    """What a terminal would obey, or what would turn around how the rest is read."""
    return [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") and char not in "\n\t"] + (
        BIDI.findall(shown)
    )


def each_example(function: object) -> object:
    for one in NASTY:
        function = example(one)(function)  # type: ignore[arg-type]
    return function


@each_example
@given(ANY)
def test_a_terminal_obeys_our_own_styles_and_nothing_else(given_text: str) -> None:
    shown = outward.terminal(given_text)
    for style in outward.STYLES:
        shown = shown.replace(style, "")
    assert obeyed(shown) == []
    assert outward.terminal("\x1b[1mshop\x1b[0m \x1b[31mbad\x1b[0m\n") == "\x1b[1mshop\x1b[0m \x1b[31mbad\x1b[0m\n"


@each_example
@given(ANY)
def test_a_line_is_one(given_text: str) -> None:
    shown = outward.one_line(given_text)
    assert obeyed(shown) == []
    assert len(shown.splitlines()) <= 1
    assert "\t" not in shown


@each_example
@given(ANY)
def test_json_for_a_terminal_is_the_same_data(given_text: str) -> None:
    shown = outward.json_text(json.dumps({"a": given_text}, indent=2, ensure_ascii=False))
    assert obeyed(shown) == []
    assert json.loads(shown) == json.loads(json.dumps({"a": given_text}))


@each_example
@given(ANY)
def test_slack_calls_nobody_follows_nothing_and_opens_no_block(given_text: str) -> None:
    for longest in (40, 3_000):
        shown = outward.slack(given_text, longest)
        assert obeyed(shown) == []
        assert not set("<>`") & set(shown)
        assert re.sub("&(amp|lt|gt);", "", shown).count("&") == 0, "none is cut in two"
        assert len(shown) <= longest


@each_example
@given(ANY)
def test_markdown_has_no_table_link_image_html_or_code_in_it(given_text: str) -> None:
    shown = outward.markdown(given_text)
    assert obeyed(shown) == []
    assert "\n" not in shown
    assert not set("<>") & set(shown)
    plain = re.sub(r"\\([^\w\s]|_)", "", shown)
    assert not set("\\`*[]|~_") & set(plain), "each is escaped"
    assert not re.match(r"[#+=-]|\d+[.)]", shown)
    assert html.unescape(re.sub(r"\\([^\w\s]|_)", r"\1", shown)) == outward.one_line(given_text)


@each_example
@given(ANY)
def test_a_block_of_code_ends_where_we_end_it(given_text: str) -> None:
    first, *middle, last = outward.markdown_code(given_text, "text").split("\n")
    fence = first.removesuffix("text")
    assert last == fence
    assert all(fence not in line for line in middle)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a|b", "https://a/><!channel>", "http://", "x", "https://a b", "https://[a"]
)
def test_what_is_no_address_of_a_page_is_no_link(url: str) -> None:
    assert outward.slack_link(url, "Look") == ""


def test_an_address_of_a_page_is_a_link() -> None:
    assert outward.slack_link("https://a.example/?x=1&y=2", "Look") == "<https://a.example/?x=1&amp;y=2|Look>"


@each_example
@given(ANY)
def test_what_comes_in_is_harmless_and_bounded(given_text: str) -> None:
    assert obeyed(text.valid(given_text)) == []
    assert text.valid(text.valid(given_text)) == text.valid(given_text)
    assert len(text.as_reason(given_text)) <= text.REASON_SHOWN
    assert len(text.as_name(given_text)) <= text.NAME_SHOWN
    at = "2026-03-01T12:00:00Z"
    stored = PhaseChange.model_validate({"phase": "dark", "reason": "BuildAnnounced", "at": at, "message": given_text})
    assert obeyed(stored.message) == []


OUTPUTS = {
    "click.echo": ("flipgate/cli/_print.py",),
    "click.secho": (),
    "print": (
        "flipgate/core/record/phases_page.py",
        "flipgate/core/spec/schema.py",
        "flipgate/core/values/reasons_page.py",
    ),
}
"""How text leaves by itself, and the files that may have it so: the rest goes by `outward`."""


def _calls() -> Iterator[tuple[str, str]]:
    for room in ("flipgate", "flows", "tasks", "blocks"):
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    yield str(path.relative_to(ROOT)), ast.unparse(node.func)


def test_text_goes_out_by_these_functions_alone() -> None:
    assert [(path, called) for path, called in _calls() if path not in OUTPUTS.get(called, (path,))] == []


def test_slacks_and_markdowns_own_marks_are_written_where_text_is_escaped() -> None:
    """A table, a block of code or Slack's mrkdwn that is put together elsewhere would not be escaped."""
    marks = re.compile(r'"type": "mrkdwn"|create_\w+_artifact\(|"\| " \+|```\w*\\n')
    found = {
        str(path.relative_to(ROOT))
        for room in ("flipgate", "flows", "tasks", "blocks")
        for path in (ROOT / room).rglob("*.py")
        if marks.search(path.read_text())
    }
    escaping = {path for path in found if re.search(r"outward|_print import", (ROOT / path).read_text())}
    assert found - escaping <= {"flipgate/core/record/phases_page.py", "flipgate/core/values/reasons_page.py"}
