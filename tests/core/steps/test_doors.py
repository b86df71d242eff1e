"""Who may write: the few files that name the ways to an authority."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tests.core import source

pytestmark = source.IN_ONE_PROCESS


@cache
def names_in(path: Path) -> frozenset[str]:
    return frozenset(source.called(node) for node in source.nodes(path))


def naming(*names: str) -> set[str]:
    """The files that name one of these, as a variable or as an attribute of something."""
    found = [source.shown(path) for path in source.files() if not names_in(path).isdisjoint(names)]
    return {path.removeprefix("flipgate/steps/") for path in found}


def test_the_doors_to_an_authority_are_known_by_name() -> None:
    assert naming("SEAL") == {"acting/acting.py", "acting/world.py"}
    without = {"going_back/without_record.py", "releasing/contract.py", "releasing/setup.py"}
    assert naming("acting_without_lease") == without
    clients = {path for path in naming("_cluster", "_connection") if not path.startswith("flipgate/adapters/")}
    assert clients == {"acting/world.py"}
