"""The example with a suite of its own: a Job and a program, run once for a release, before anybody is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.record.release import CHECKS
from flipgate.core.values.errors import Refused
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, NewStage, Stage, images, lost_none

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

PROGRAM = """\
#!/bin/sh -e
curl -fsS "$FLIPGATE_BASE_URL/health"
curl -fsS "$FLIPGATE_URL_PRODUCER_FOOTBALL_NCAA/health"
echo "asked $FLIPGATE_SIDE of release $FLIPGATE_RELEASE"
"""


def job(script: str) -> dict[str, Any]:
    container = {"name": "smoke", "image": "smoke:1", "command": ["sh", "-c", script]}
    return {"backoffLimit": 0, "template": {"spec": {"containers": [container]}}}


def smoke(script: str, **keys: Any) -> dict[str, Any]:
    return {"name": "smoke", "job": job(script), "timeoutSeconds": 60, **keys}


def jobs(stage: Stage, namespace: str) -> list[str]:
    return stage.kubectl("-n", namespace, "get", "jobs", "-o", "name").split()


def test_a_release_runs_its_job_and_its_program_once_and_people_see_what_they_said(
    new_stage: NewStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "commands"
    folder.mkdir(mode=0o755)
    (folder / "integration").write_text(PROGRAM)
    (folder / "integration").chmod(0o755)
    monkeypatch.setenv("FLIPGATE_COMMANDS", str(folder))
    program = {"name": "integration", "service": "api-all", "command": ["integration"], "timeoutSeconds": 60}

    def suite(document: dict[str, Any]) -> None:
        document["spec"]["checks"] += [program, smoke("echo basket is empty; echo smoke passed")]

    stage = new_stage("suite", edit=suite)
    world = stage.world()
    with stage.load() as load:
        dark = runbook.dark_and_approved(world, images("2"))
        (checked,) = [each for each in dark.judgements if each.step == CHECKS]
        proofs = {proof.gate: proof for proof in checked.proofs}
        assert {proof.verdict for proof in proofs.values()} == {"pass"}
        assert proofs["integration"].output.endswith(f"asked green of release {dark.name}\n")
        assert '"service": "api"' in proofs["integration"].output.replace('":"', '": "')
        assert proofs["smoke"].output == "basket is empty\nsmoke passed"
        assert len(jobs(stage, stage.place.green)) == 1
        assert jobs(stage, stage.place.blue) == []
        assert runbook.flip_traffic(world).phase is Phase.LIVE
        assert stage.answering() == GREEN
        lost_none(load)
    assert len(jobs(stage, stage.place.green)) == 1, "it was run once"


@pytest.mark.parametrize(
    ("name", "check", "words"),
    [
        ("bad-job", smoke("echo no basket; exit 3"), "BackoffLimitExceeded.*exit code 3.*it wrote last: no basket"),
        ("long-job", smoke("sleep 60", timeoutSeconds=3), "DeadlineExceeded"),
    ],
)
def test_a_job_that_fails_ends_the_release_in_the_clusters_own_words(
    new_stage: NewStage, name: str, check: dict[str, Any], words: str
) -> None:
    stage = new_stage(name, edit=lambda document: document["spec"]["checks"].append(check))
    with pytest.raises(Refused, match=words) as refused:
        runbook.deploy_dark(stage.world(), images("2", "api-all"))
    assert refused.value.reason == "ChecksFailed"
    record = stage.record()
    assert record.last is not None
    assert record.last.phase is Phase.FAILED
    assert stage.answering() == BLUE
