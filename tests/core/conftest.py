"""How thoroughly Hypothesis searches: the same cases each time in CI, new ones each time at a desk. And short names of
cases."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("flipgate", max_examples=50, stateful_step_count=40, deadline=None)
settings.register_profile("flipgate-ci", settings.get_profile("flipgate"), derandomize=True, print_blob=True)
settings.load_profile("flipgate-ci" if os.environ.get("CI") else "flipgate")


def pytest_make_parametrize_id(val: object) -> str | None:
    """A long text is named by its beginning, so that a test's name stays a line."""
    text = val.decode(errors="replace") if isinstance(val, bytes) else val
    return text[:30].encode("unicode_escape").decode() + "..." if isinstance(text, str) and len(text) > 32 else None
