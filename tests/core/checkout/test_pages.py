"""What the pages promise."""

from __future__ import annotations

import re

import pytest

from tests.core.source import ROOT

BARE = re.compile(r"half a second|in a second|under a second after|within a second of")


@pytest.mark.parametrize("page", ["README.md", "docs/3am.md", "docs/rollback.md"])
def test_how_fast_the_way_back_is_is_said_with_traefiks_throttle(page: str) -> None:
    """It is Traefik that decides: at its own throttle it takes four times as long as in the benchmark."""
    text = (ROOT / page).read_text()
    (paragraph,) = [each for each in text.split("\n\n") if "1.3 to 2.9 s" in each]
    assert all(figure in paragraph for figure in ("0.5 s", "50 ms", "2 s", "33,087 requests, 0 lost", "hrottle"))
    assert not BARE.search(text), "a time without a throttle"
