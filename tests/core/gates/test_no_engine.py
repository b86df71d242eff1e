"""Without the engine of regular expressions (its wheel is not made for every machine) what is stored is read all the
same: going back needs the application, and judges nothing by a pattern."""

from __future__ import annotations

import sys

import pytest

from flipgate.core.gates.json_rules import JsonRule, misses
from flipgate.core.spec.application import load_application, load_new_application
from flipgate.core.values.errors import BadInput
from flipgate.core.values.patterns import compile_pattern
from tests.core.builders import SHOP

FILE = f"""{SHOP}  gates:
    - {{name: noise, logs: {{pattern: "(?i)error", max: 0}}}}
  checks:
    - {{name: up, service: web, path: /, port: 80, jsonIs: {{version: {{matches: "^2"}}}}}}
"""


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_pattern.cache_clear()
    monkeypatch.setitem(sys.modules, "re2", None)


def test_a_stored_application_with_patterns_is_read() -> None:
    assert load_application(FILE, "ConfigMap").spec.gates[0].name == "noise"


def test_a_new_one_is_refused_and_says_what_is_missing() -> None:
    with pytest.raises(BadInput, match="google-re2 is not installed here"):
        load_new_application(FILE, "shop.yaml")


def test_what_asks_for_a_match_does_not_hold_and_says_why() -> None:
    rule = JsonRule.model_validate({"matches": "^2"})
    (miss,) = misses({"version": rule}, {"version": "2.1"})
    assert "google-re2 is not installed here" in miss
