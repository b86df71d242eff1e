"""The example with hooks: they really run, where and when their points say, and users lose nothing by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.core.gates.hooks import HookPoint
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.release import Release
from flipgate.core.values.errors import Refused
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, NewStage, Stage, images, lost_none

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]


def hook(point: HookPoint, script: str, **keys: Any) -> dict[str, Any]:
    """One of the api's own pods, which runs this script."""
    run = ["sh", "-c", script]
    return {"name": f"at-{point}", "at": str(point), "workload": "api-all", "run": run, "timeoutSeconds": 60, **keys}


def said(release: Release | None) -> dict[str, tuple[str, str]]:
    """What each hook said and wrote."""
    proofs = [p for each in (release.judgements if release else ()) for p in each.proofs if p.gate.startswith("at-")]
    return {proof.gate: (proof.verdict, proof.output) for proof in proofs}


def jobs(stage: Stage, namespace: str) -> list[str]:
    return stage.kubectl("-n", namespace, "get", "jobs", "-o", "name").split()


def test_hooks_of_a_services_own_pods_run_and_write_at_each_point_of_a_release(
    new_stage: NewStage, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger"

    def hooks(document: dict[str, Any]) -> None:
        script = f"echo {{}} >> {ledger}; echo wrote as $VERSION$APP_VERSION; exit 0"
        document["spec"]["hooks"] = [hook(point, script.format(point)) for point in HookPoint]

    stage = new_stage("hooks", edit=hooks)
    world = stage.world()
    with stage.load() as load:
        dark = runbook.deploy_dark(world, images("2"))
        assert ledger.read_text().split() == ["before-bring-up", "after-ready"]
        selected = stage.kubectl(
            "-n", stage.place.green, "get", "endpointslices", "-o", "jsonpath={..targetRef.name}"
        ).split()
        assert selected
        assert not [name for name in selected if name.startswith("at-")], "no user is sent to a hook's pod"
        runbook.approve(world, QuestionKind.FLIP)
        assert runbook.flip_traffic(world).phase is Phase.LIVE
        assert stage.answering() == GREEN
        runbook.scale_down(world)
        lost_none(load)
    assert ledger.read_text().split() == [*map(str, HookPoint)]
    assert {gate: verdict for gate, (verdict, _) in said(world.store.finished(dark.name)[0]).items()} == {
        f"at-{point}": "pass" for point in HookPoint
    }
    assert len(jobs(stage, stage.place.green)) == len(HookPoint), "each ran once"
    assert jobs(stage, stage.place.blue) == []


def test_one_that_fails_before_the_side_comes_up_ends_the_release_in_its_own_words(new_stage: NewStage) -> None:
    failing = hook(HookPoint.BEFORE_BRING_UP, "echo column is missing; exit 3")
    stage = new_stage("bad-hook", edit=lambda document: document["spec"].update(hooks=[failing]))
    with pytest.raises(Refused, match=r"exit code 3.*it wrote last: column is missing") as refused:
        runbook.deploy_dark(stage.world(), images("2", "api-all"))
    assert refused.value.reason == "HookFailed"
    record = stage.record()
    assert record.last is not None
    assert (record.last.phase, record.last.changes[-1].reason) == (Phase.FAILED, "HookFailed")
    assert said(record.last) == {"at-before-bring-up": ("fail", "column is missing")}
    assert stage.answering() == BLUE
