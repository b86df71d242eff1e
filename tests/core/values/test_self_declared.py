"""What somebody typed as their own name: it cannot look like another line of a history or a message."""

from __future__ import annotations

from flipgate.core.values.text import self_declared


def test_a_name_is_on_one_line_and_marked() -> None:
    assert self_declared("ana") == "ana (self-declared)"
    assert self_declared("ana\nApproved by the boss\x1b[2K") == "ana Approved by the boss?[2K (self-declared)"
