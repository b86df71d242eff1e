"""docs/preflight.md, "Hooks": what it shows can be declared, and its table has each point."""

from __future__ import annotations

import re

import yaml

from flipgate.core.gates.hooks import MOST_HOOKS, Hook, HookPoint
from tests.core.source import ROOT

SECTION = (ROOT / "docs/preflight.md").read_text().partition("\n## Hooks\n")[2].partition("\n## ")[0]


def test_the_hooks_on_the_page_can_be_declared_and_show_each_kind_and_point() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", SECTION, re.DOTALL)
    shown = [Hook.model_validate(each) for each in yaml.safe_load(block)["hooks"]]
    assert {hook.kind for hook in shown} == {"http", "command", "job", "workload"}
    assert [hook.at for hook in shown] == [*HookPoint]


def test_the_table_has_each_point_in_their_order_and_the_page_says_how_many_there_may_be() -> None:
    assert re.findall(r"^\| `([a-z-]+)` \|", SECTION, re.MULTILINE) == [*HookPoint]
    assert f"at most {MOST_HOOKS} in a file" in SECTION
