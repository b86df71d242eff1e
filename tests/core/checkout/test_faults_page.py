"""docs/reliability.md says of the lab what its tests run."""

from __future__ import annotations

import pytest

from lab.machine.paths import CHECKOUT
from tests.faults import page


@pytest.mark.parametrize("table", [page.killed, page.away], ids=lambda table: table.__name__)
def test_the_page_has_this_table(table: object) -> None:
    assert callable(table)
    assert table() in (CHECKOUT / "docs" / "reliability.md").read_text(), "python -m tests.faults.page"
