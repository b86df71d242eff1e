"""What the stamps of a side say of writes that may still be on their way to it."""

from __future__ import annotations

import pytest

from flipgate.core.values.stamps import taken_whole


@pytest.mark.parametrize(
    ("stamps", "taken_in", "epoch", "whole"),
    [
        (["7.a", "7.b"], 7, 8, True),
        (["7.a", "7.b"], 7, 9, False),
        (["7.a", "6.b"], 7, 8, False),
        (["7.a", "8.b"], 7, 8, False),
        (["7.a", None], 7, 8, False),
        (["7.a", "unrecorded.20261128T000000Z-b"], 7, 8, False),
        (["0.a"], 0, 1, False),
    ],
    ids=["right after", "another between", "one from before", "one of its own", "one without", "unrecorded", "unknown"],
)
def test_a_side_is_taken_whole_where_nobody_can_have_written_since(
    stamps: list[str | None], taken_in: int, epoch: int, whole: bool
) -> None:
    assert taken_whole(stamps, taken_in, epoch) is whole
