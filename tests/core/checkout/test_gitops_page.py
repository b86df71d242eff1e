"""What docs/gitops.md shows can be written as it stands there."""

from __future__ import annotations

import re

import yaml

from flipgate.core.spec.application import load_application
from flipgate.core.values.reasons import Why
from tests.core.source import ROOT

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


def test_a_merge_request_takes_the_place_of_overlays() -> None:
    (request,) = [block for block in READ if "spec" not in block]
    (section,) = [block["spec"]["git"] for block in BLOCKS if "git" in block["spec"]]
    document = yaml.safe_load((ROOT / "examples/sportsdata/flipgate.yaml").read_text())
    document["spec"]["git"] = {key: value for key, value in section.items() if key != "overlays"} | request
    git = load_application(yaml.safe_dump(document), "flipgate.yaml").spec.git
    assert git is not None
    assert git.request is not None
    assert git.request.command == ("open-request",)


def test_what_argo_cd_is_told_are_fields_of_its_application() -> None:
    (spec,) = [block["spec"] for block in BLOCKS if "git" not in block["spec"]]
    known = {"group", "kind", "jqPathExpressions", "managedFieldsManagers"}
    assert all(set(each) <= known for each in spec["ignoreDifferences"])
    managers = {name for each in spec["ignoreDifferences"] for name in each.get("managedFieldsManagers", ())}
    assert managers == {"flipgate"}
    assert spec["syncPolicy"]["syncOptions"] == ["RespectIgnoreDifferences=true"]


def test_each_reason_of_the_page_is_one() -> None:
    table = PAGE.partition("## When something is wrong")[2]
    named = {word for word in re.findall(r"[` (]([A-Z][a-z]+[A-Z]\w+)[`)]", table) if word not in CONDITIONS}
    assert named
    assert named <= {str(reason) for reason in Why}, named
