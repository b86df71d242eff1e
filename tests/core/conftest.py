"""How thoroughly Hypothesis searches: the same cases each time in CI, new ones each time at a desk."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("flipgate", max_examples=50, stateful_step_count=40, deadline=None)
settings.register_profile("flipgate-ci", settings.get_profile("flipgate"), derandomize=True, print_blob=True)
settings.load_profile("flipgate-ci" if os.environ.get("CI") else "flipgate")
