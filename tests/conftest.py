"""The tiers: what a test may need is said by the directory it stands in."""

from __future__ import annotations

from pathlib import Path

import pytest

TIERS = ("api", "lab")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        tier = item.path.relative_to(here).parts[0]
        if tier in TIERS:
            item.add_marker(tier)
