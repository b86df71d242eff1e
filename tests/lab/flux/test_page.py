"""What docs/gitops.md says of fields that leave Git, done as it is written there, with Flux at work."""

from __future__ import annotations

import os
import re
import subprocess
from itertools import count
from pathlib import Path

import pytest

from flipgate.core.values.sides import Side
from lab.machine.paths import CHECKOUT
from lab.stories.gitops import SIDES, git
from tests.lab.flux.git_stage import GitStage, NewGitStage
from tests.lab.stage import BLUE, GREEN, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

OVERLAYS = "app/overlays/production-{side}"
NEW = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: new-worker}
spec:
  replicas: 0
  selector: {matchLabels: {app: new-worker}}
  template:
    metadata: {labels: {app: new-worker}}
    spec: {containers: [{name: new-worker, image: sportsdata/ingest-worker:1}]}
"""
THREE = '[{"op": "add", "path": "/spec/replicas", "value": 3}]'
PAUSED = '[{"op": "add", "path": "/spec/suspend", "value": true}]'
CRON = "standings-refresh"
PATCH = f"""
patches:
  - {{target: {{kind: Deployment, name: api-all}}, patch: '{THREE}'}}
  - {{target: {{kind: CronJob, name: {CRON}}}, patch: '{PAUSED}'}}
"""
NUMBERS = count(1)


@pytest.fixture
def stage(new_git_stage: NewGitStage) -> GitStage:
    return new_git_stage(f"page{next(NUMBERS)}")


def taken(stage: GitStage, namespace: str) -> None:
    """Types the page's command, for this namespace."""
    page = (CHECKOUT / "docs/gitops.md").read_text()
    (command,) = [block for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "--server-side" in block]
    assert "production-blue" in command
    env = {**os.environ, "KUBECONFIG": str(stage.lab.kubeconfig)}
    env["PATH"] = f"{stage.lab.kubectl.parent}:{env['PATH']}"
    shell = ["bash", "-euo", "pipefail", "-c", command.replace("production-blue", namespace)]
    answer = subprocess.run(shell, env=env, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    assert "deployment.apps/api-all serverside-applied" in answer.stdout


def pushed(stage: GitStage, clone: Path, message: str) -> None:
    """Pushes all that was written, and waits until Flux has applied it to both sides."""
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", message)
    git(clone, "push", "--quiet")
    tip = git(clone, "rev-parse", "HEAD")
    for which in SIDES:
        wait_until(f"{which} at {message}", lambda which=which: tip in _applied(stage, which), 30)  # type: ignore[misc]


def _applied(stage: GitStage, which: str) -> str:
    return str(stage.repository.kustomization(which)["status"].get("lastAppliedRevision", ""))


def wanted(stage: GitStage, side: Side, name: str) -> int:
    return int(stage.deployments(side)[name]["spec"]["replicas"])


def suspended(stage: GitStage, namespace: str) -> bool:
    return stage.kubectl("-n", namespace, "get", "cronjob", CRON, "-o", "jsonpath={.spec.suspend}") == "true"


def test_what_leaves_git_stays_where_ownership_was_taken(stage: GitStage, tmp_path: Path) -> None:
    clone = stage.repository.clone(tmp_path / "clone")
    files = [clone / OVERLAYS.format(side=side) / "kustomization.yaml" for side in Side]
    texts = [file.read_text() for file in files]
    # Whoever suspended it would own the field still; this way Flux alone does.
    stage.kubectl(
        "-n", stage.place.green, "patch", "cronjob", CRON, "--type=merge", '--patch={"spec": {"suspend": false}}'
    )
    for file, text in zip(files, texts, strict=True):
        file.write_text(text + PATCH)
    pushed(stage, clone, "Three pods and no jobs on both sides")
    assert [wanted(stage, side, "api-all") for side in Side] == [3, 3]
    places = stage.place.blue, stage.place.green
    assert [suspended(stage, place) for place in places] == [True, True]
    taken(stage, stage.place.blue)
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    pushed(stage, clone, "How many is not said")
    assert wanted(stage, BLUE, "api-all") == 3
    assert wanted(stage, GREEN, "api-all") == 1, "the default, where nobody else owns the field"
    assert [suspended(stage, place) for place in places] == [True, False]


def test_a_new_worker_comes_at_rest_and_stays_so(stage: GitStage, tmp_path: Path) -> None:
    clone = stage.repository.clone(tmp_path / "clone")
    folder = clone / OVERLAYS.format(side="green")
    file = folder / "kustomization.yaml"
    (folder / "new-worker.yaml").write_text(NEW)
    file.write_text(file.read_text().replace("resources:\n", "resources:\n  - new-worker.yaml\n", 1))
    pushed(stage, clone, "A new worker")
    assert wanted(stage, GREEN, "new-worker") == 0
    taken(stage, stage.place.green)
    (folder / "new-worker.yaml").write_text(NEW.replace("  replicas: 0\n", ""))
    pushed(stage, clone, "How many is not said")
    assert wanted(stage, GREEN, "new-worker") == 0
