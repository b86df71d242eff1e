"""Free text that is stored: valid, bounded in bytes as they are written, and cut where people see it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from flipgate.core.values.text import cut, cut_bytes, fitted, valid, written_bytes

ANY = st.text(st.characters(exclude_categories=()))
"""Any text that Python can hold: lone surrogates and control characters, too."""


@given(ANY, st.integers(min_value=3, max_value=60))
def test_stored_text_is_valid_and_has_at_most_so_many_bytes_as_it_is_written(text: str, longest: int) -> None:
    kept = fitted(text, longest)
    assert len(to_json(kept)) - 2 == written_bytes(kept) <= longest
    assert fitted(kept, longest) == kept, "read back it is the same"
    whole = valid(text)
    assert kept == whole if written_bytes(whole) <= longest else (kept.endswith("…") and whole.startswith(kept[:-1]))


def test_what_utf8_does_not_have_is_shown_as_a_question_mark() -> None:
    assert valid(b"ca\xff fails".decode(errors="surrogateescape")) == "ca? fails"
    assert valid("naïve 🙂\n") == "naïve 🙂\n"


@given(st.text(), st.integers(min_value=3, max_value=40))
def test_a_cut_text_has_at_most_so_many_bytes_and_says_that_it_was_cut(text: str, longest: int) -> None:
    short = cut_bytes(text, longest)
    assert len(short.encode()) <= longest
    assert short == text if len(text.encode()) <= longest else (short.endswith("…") and text.startswith(short[:-1]))


def test_a_text_that_fits_is_left_alone() -> None:
    assert (cut("four", 4), cut("fives", 4), cut("", 4)) == ("four", "fiv…", "")
