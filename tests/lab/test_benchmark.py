"""The benchmark runs from its command line, loses nothing, and says what it promises to say."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from benchmarks.figures import FLIPGATE, PATCH
from lab.paths import CHECKOUT


@pytest.mark.timeout(400)
def test_short_mode_loses_nothing_and_prints_its_figures_last() -> None:
    command = [sys.executable, "-m", "benchmarks.flip", "--short", "--flips", "2", "--json"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=380)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["requests_lost"] == 0
    assert found["requests_sent"] > 100
    assert found["flips"] == 2
    assert found["throttle_ms"] == 50
    assert found["patch_ratio"] > 0
    assert "divided by" in found["patch_ratio_is"]
    for figures in (found["first_new_answer_ms"], found["last_old_answer_ms"], found["call_ms"], found["spreads"]):
        assert set(figures) == {PATCH, FLIPGATE}
    for way, spread in found["spreads"].items():
        assert spread["first_new"]["min"] <= found["first_new_answer_ms"][way] <= spread["first_new"]["max"]
