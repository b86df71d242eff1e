"""What docs/gitops.md shows can be written as it stands there."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from flipgate.core.spec.application import load_application
from flipgate.core.values.reasons import Why
from tests.core.source import ROOT
from tests.repository import git

PAGE = (ROOT / "docs/gitops.md").read_text()
READ = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
BLOCKS = [block for block in READ if "spec" in block]
CONDITIONS = {"RoutesInGit", "GitAccess"}


def test_the_section_of_the_page_is_one_of_a_whole_file() -> None:
    (section,) = [block["spec"]["git"] for block in BLOCKS if "git" in block["spec"]]
    document = yaml.safe_load((ROOT / "examples/sportsdata/flipgate.yaml").read_text())
    document["spec"]["git"] = section
    git = load_application(yaml.safe_dump(document), "flipgate.yaml").spec.git
    assert git is not None
    assert git.holds
    assert git.request is None
    assert git.overlays is not None
    for path in (git.overlays.blue, git.overlays.green, *git.routes):
        assert (ROOT / "examples/sportsdata" / path).exists(), "the example's own place, so that it can be compared"


@pytest.mark.parametrize("without", [(), ("overlays",)])
def test_a_merge_request_is_for_routes_with_overlays_beside_it_or_without(without: tuple[str, ...]) -> None:
    (request,) = [block for block in READ if "request" in block]
    (section,) = [block["spec"]["git"] for block in BLOCKS if "git" in block["spec"]]
    document = yaml.safe_load((ROOT / "examples/sportsdata/flipgate.yaml").read_text())
    document["spec"]["git"] = {key: value for key, value in section.items() if key not in without} | request
    git = load_application(yaml.safe_dump(document), "flipgate.yaml").spec.git
    assert git is not None
    assert git.request is not None
    assert git.request.command == ("open-request",)


def test_what_argo_cd_is_told_are_fields_of_its_application() -> None:
    (spec,) = [block["spec"] for block in BLOCKS if "git" not in block["spec"]]
    assert all(set(each) == {"group", "kind", "jqPathExpressions"} for each in spec["ignoreDifferences"])
    assert spec["syncPolicy"]["syncOptions"] == ["RespectIgnoreDifferences=true"]


OURS = ("app/overlays/production-blue/kustomization.yaml", "clusters/home/production-routing.yaml")


@pytest.mark.parametrize(
    ("changed", "fine"),
    [(OURS, True), ((*OURS, "app/base/deployment.yaml"), False), (("app/overlays/production-blue/more.yaml",), False)],
)
def test_a_branch_that_flipgate_alone_may_push_to_is_watched_for_anything_else(
    changed: tuple[str, ...], fine: bool, tmp_path: Path
) -> None:
    (workflow,) = [block for block in READ if "jobs" in block]
    (section,) = [block["spec"]["git"] for block in BLOCKS if "git" in block["spec"]]
    (job,) = workflow["jobs"].values()
    script = job["steps"][-1]["run"]
    named = {section["overlays"][side] + "/kustomization.yaml" for side in ("blue", "green")} | {*section["routes"]}
    assert set(re.findall(r"':!([^']+)'", script)) == named, "what flipgate writes by the section of this page"
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", "before")
    for path in changed:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("changed\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "deploy: sportsdata")
    commits = {"BEFORE": git(tmp_path, "rev-parse", "HEAD~"), "AFTER": git(tmp_path, "rev-parse", "HEAD")}
    ran = subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env={**os.environ, **commits}, check=False)
    assert (ran.returncode == 0) is fine


def test_the_rules_of_a_protected_branch_let_one_identity_past() -> None:
    (rules,) = re.findall(r"<<'EOF'\n(.*?)\nEOF", PAGE, re.DOTALL)
    ruleset = json.loads(rules.replace("APP_ID", "7"))
    assert [each["bypass_mode"] for each in ruleset["bypass_actors"]] == ["always"]
    assert "pull_request" in {rule["type"] for rule in ruleset["rules"]}, "people's changes go by requests"


def test_each_reason_of_the_page_is_one() -> None:
    table = PAGE.partition("## When something is wrong")[2]
    named = {word for word in re.findall(r"[` (]([A-Z][a-z]+[A-Z]\w+)[`)]", table) if word not in CONDITIONS}
    assert named
    assert named <= {str(reason) for reason in Why}, named
