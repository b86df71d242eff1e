"""Who may write: the few files that name the ways to an authority."""

from __future__ import annotations

import ast

from tests.core import source

pytestmark = source.IN_ONE_PROCESS


def naming(*names: str) -> set[str]:
    """The files that name one of these, as a variable or as an attribute of something."""
    found = {
        source.shown(path)
        for path in source.files()
        for node in source.nodes(path)
        if isinstance(node, ast.Attribute | ast.Name) and source.called(node) in names
    }
    return {path.removeprefix("flipgate/steps/") for path in found}


def test_the_doors_to_an_authority_are_known_by_name() -> None:
    assert naming("SEAL") == {"acting/acting.py", "acting/world.py"}
    without = {"going_back/roll_back.py", "releasing/contract.py", "releasing/setup.py"}
    assert naming("acting_without_lease") == without
    clients = {path for path in naming("_cluster", "_connection") if not path.startswith("flipgate/adapters/")}
    assert clients == {"acting/world.py"}
