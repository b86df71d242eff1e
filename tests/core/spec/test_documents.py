"""Reading YAML with the line of each value: by libyaml, and by Python where that is not there."""

from __future__ import annotations

from typing import Any

import yaml

from flipgate.core.spec import documents
from tests.core.source import ROOT


def test_both_parsers_read_the_example_alike_to_the_line() -> None:
    text = (ROOT / "examples/sportsdata/flipgate.yaml").read_text()
    quick, slow = documents._read_quickly(text), documents._read(documents._Loader(text))
    assert quick
    assert quick[1] == slow[1]
    assert places(quick[0]) == places(slow[0])


def places(node: Any) -> list[tuple[str, int, int]]:
    """Where each node below this one stands."""
    parts = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
    own = (node.tag, node.start_mark.line, node.start_mark.column)
    return [own, *(place for part in parts for place in places(part))] if isinstance(parts, list) else [own]
