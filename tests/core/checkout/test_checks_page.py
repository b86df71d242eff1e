"""The checks that docs/deploy-dark.md shows are checks."""

from __future__ import annotations

import re

import yaml

from flipgate.core.gates.checks import Check
from tests.core.source import ROOT


def test_each_check_on_the_page_can_be_declared() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/deploy-dark.md").read_text(), re.DOTALL)
    written = [yaml.safe_load(block) for block in blocks]
    listed = [found.get("checks", []) if isinstance(found, dict) else found for found in written]
    checks = [Check.model_validate(each) for found in listed for each in found]
    assert {check.kind for check in checks} == {"http", "command", "job"}
    assert any(check.samples > 1 for check in checks)
