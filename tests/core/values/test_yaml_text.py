"""YAML that somebody else wrote costs no more than its own bytes, whatever it stands for."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from flipgate.core.git.edits import read_parts, read_values
from flipgate.core.spec.application import load_application, load_new_application
from flipgate.core.spec.documents import read_document
from flipgate.core.values import yaml_text
from flipgate.core.values.errors import BadInput

LEVELS = 7
"""Ten million values: enough to be seen, and not yet to end the process that shows it."""
SEVERAL = "[" + ", ".join(["*{0}"] * 10) + "]"
LAUGHS = "a0: &a0 [lol]\n" + "".join(f"a{n}: &a{n} {SEVERAL.format(f'a{n - 1}')}\n" for n in range(1, LEVELS))
MERGES = "a0: &a0 {k: lol}\n" + "".join(
    f"a{n}: &a{n} {{<<: {SEVERAL.format(f'a{n - 1}')}}}\n" for n in range(1, LEVELS)
)
ENDLESS = "a: &a [*a]\n"
DEEP = "a: " + "[" * 5_000 + "]" * 5_000 + "\n"
Read = Callable[[str, str], object]


@contextmanager
def cheap(most_bytes: int = 60_000_000) -> Iterator[None]:
    """The block takes no more memory than so much."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most_bytes


@pytest.mark.parametrize(
    "read",
    [read_document, load_application, load_new_application, read_parts, read_values],
    ids=["document", "application", "new application", "parts", "values"],
)
@pytest.mark.parametrize("text", [LAUGHS, MERGES, ENDLESS, DEEP], ids=["laughs", "merges", "endless", "deep"])
def test_a_bomb_is_refused_and_not_unfolded(read: Read, text: str) -> None:
    with cheap(), pytest.raises(BadInput) as caught:
        read(text, "bomb.yaml")
    assert "bomb.yaml" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("read", [load_application, read_parts], ids=["application", "parts"])
def test_a_file_of_megabytes_is_refused_unread(read: Read) -> None:
    with cheap(10_000_000), pytest.raises(BadInput, match=f"the most is {yaml_text.FILE_BYTES:,}"):
        read("a: 1 # " + "x" * 3_000_000, "big.yaml")


def test_aliases_that_stand_for_little_are_what_they_stand_for() -> None:
    text = "a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\n"
    (whole,) = read_values(text, "f.yaml")
    assert whole == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": [{"x": 1}, {"x": 1}]}
    assert [each.data for each in read_parts(text, "f.yaml")] == [whole]
    assert '"b": {"x": 1, "y": 2}' in read_document(text, "f.yaml").json_text
