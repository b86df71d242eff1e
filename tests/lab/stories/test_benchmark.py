"""The benchmarks run from their command lines, lose nothing, and say what they promise to say."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import benchmarks.stage
from benchmarks import figures
from benchmarks.back import GOALS, WAYS
from benchmarks.churn import Churn
from benchmarks.figures import CHANNELS, FLIPGATE, FLOW, PATCH, ROLLBACK
from lab.control.pipelines import Pipelines
from lab.control.records import Lab
from lab.machine.paths import CHECKOUT
from tests.lab import runbook
from tests.lab.stage import GREEN, NewStage, images, wait_until

pytestmark = pytest.mark.timeout(900)


def run(lab: str, benchmark: str, *words: str) -> dict[str, Any]:
    """The last line of a short run in this lab."""
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", "--short", "--json", "--lab", lab, *words]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["requests_lost"] == 0
    assert found["requests_sent"] > 100
    assert found["throttle_ms"] == 50
    return found


def test_flip_in_short_mode_loses_nothing_and_prints_its_figures_last(lab: Lab, prefect_server: Pipelines) -> None:
    found = run(lab.name, "flip", "--flips", "2", "--rounds", "1", "--default-flips", "0", "--default-rounds", "0")
    assert found["flips"] == {PATCH: 2, FLIPGATE: 2, FLOW: 1, ROLLBACK: 1}
    assert found["default_throttle"] is None
    assert all(found[name] > 0 for name in ("patch_ratio", "approve_to_moved_seconds", "rollback_seconds"))
    assert "divided by" in found["patch_ratio_is"]
    assert set(found["met"]) == set(found["goals"]) == set(figures.GOALS)
    for each in (found["first_new_answer_ms"], found["last_old_answer_ms"], found["call_ms"], found["spreads"]):
        assert set(each) == set(found["flips"])
    for way, spread in found["spreads"].items():
        assert spread["first_new"]["min"] <= found["first_new_answer_ms"][way] <= spread["first_new"]["max"]
    assert {kind: sent["lost"] for kind, sent in found["requests_by_kind"].items()} == dict.fromkeys(CHANNELS, 0)
    assert all(sent["sent"] > 0 for sent in found["requests_by_kind"].values())


def test_pods_that_come_and_go_are_the_services_own_and_hold_up_no_flip(new_stage: NewStage) -> None:
    stage = new_stage("churn")
    world = stage.world()
    runbook.dark_and_approved(world, images("2", "api-all"))
    with Churn(benchmarks.stage.Stage(stage.lab, stage.place, throttle_ms=50), drain_seconds=1) as churn:
        wait_until("pods to come and go", lambda: churn.changes > 1)
        runbook.flip_traffic(world)
    stage.wait_for_users_on(GREEN)


def test_rollback_in_short_mode_loses_nothing_and_prints_its_figures_last(lab: Lab, prefect_server: Pipelines) -> None:
    found = run(lab.name, "rollback", "--rounds", "1")
    assert found["rounds"] == 1
    assert set(found["met"]) == set(found["goals"]) == set(GOALS)
    assert found["lost_by_way"] == dict.fromkeys(WAYS, 0)
    assert "divided by" in found["rollback_ratio_is"]
    assert found["rollback_ratio"] > 0
    promised = ["kubectl", "rollback_to_patch", "rollback_to_answer", "prefect_down_to_patch", "prefect_down_to_answer"]
    assert all(found[f"{each}_seconds"] > 0 for each in promised)
    assert set(found["spreads"]) == set(WAYS)
