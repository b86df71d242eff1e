"""Kinds of gate: registered in one place, each complete, and asked for all that differs between them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.gates.declared import BELONGS, judge
from flipgate.core.gates.kinds import KINDS, Gate
from flipgate.core.gates.sample import GateSample
from flipgate.core.spec.application import schema
from flipgate.core.values.verdicts import Verdict
from tests.core import source
from tests.core.checkout.test_example import of_the_docs

pytestmark = source.IN_ONE_PROCESS

HOME = source.ROOT / "flipgate/core/gates/kinds"
PAGE, APPLICATION = of_the_docs("gates.md")


def keys_of(definition: str) -> dict[str, Any]:
    found: dict[str, Any] = schema()["$defs"][definition]["properties"]
    return found


def asked_for_in(path: Path) -> list[str]:
    """Where a file's code takes a key of one kind from something that it calls `gate`."""
    keys = {key for kind in KINDS.values() for key in kind.keys.model_fields} - {"name", "at", "failures", "or_tick"}
    taken = [node for node in source.nodes(path) if isinstance(node, ast.Attribute) and node.attr in keys]
    return [f"{path.name}:{node.lineno} {node.attr}" for node in taken if source.called(node.value) == "gate"]


def test_no_code_but_a_kinds_own_asks_for_its_keys() -> None:
    elsewhere = [path for path in source.files("flipgate") if HOME not in path.parents]
    assert [found for path in elsewhere for found in asked_for_in(path)] == []
    assert asked_for_in(HOME / "promql.py"), "the search finds what is there"


def test_a_gate_has_the_keys_of_all_kinds_and_its_class_says_which_they_are() -> None:
    assert Gate.__bases__ == tuple(kind.keys for kind in KINDS.values())
    files = {path.stem for path in HOME.glob("*.py")} - {"__init__", "kind"}
    assert files == {type(kind).__module__.rpartition(".")[2] for kind in KINDS.values()}, "each file is registered"


@pytest.mark.parametrize("word", KINDS)
def test_each_kind_is_in_the_schema_and_has_its_rows_in_the_docs(word: str) -> None:
    own = {field.alias: field for field in KINDS[word].keys.model_fields.values()}
    assert word in own
    assert own.keys() <= keys_of("Gate").keys()
    assert word in schema()["$defs"]["Gate"]["description"]
    rows = "".join(line.partition(" | ")[0] for line in PAGE.splitlines() if line.startswith("| `"))
    parts = [each["$ref"].rpartition("/")[2] for each in keys_of("Gate")[word]["anyOf"] if "$ref" in each]
    wanted = [f"{word}.{key}" for part in parts for key in keys_of(part)] or [word]
    assert not [key for key in [*wanted, *(own.keys() - {word})] if f"`{key}" not in rows]


@pytest.mark.parametrize("word", KINDS)
def test_each_kind_is_judged_both_ways_and_says_what_it_asked_of_whom(word: str) -> None:
    gate = next(gate for gate in APPLICATION.spec.gates if gate.kind.word == word)
    kind, limit = gate.kind, gate.kind.limit(gate)
    assert kind is KINDS[word]
    bad = limit.value + (-1 if limit.least else 1)
    for value, verdict in ((limit.value, Verdict.PASS), (bad, Verdict.FAIL), (None, Verdict.UNKNOWN)):
        evidence = judge(gate, [GateSample(look, value) for look in range(gate.failures)], gate.failures, "shop-green")
        assert evidence.verdict is verdict
        assert (
            evidence.of_whom
            == f"{kind.whom}, {BELONGS[kind.of(gate)].format(namespace='shop-green', since='the flip')}"
        )
        assert evidence.asked
        assert evidence.threshold.startswith("" if kind.in_words else limit.word)
