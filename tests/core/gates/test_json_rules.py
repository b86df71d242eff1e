"""What a check asks of values in a JSON body, and items of a list by a key."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.gates.checks import Check, judge_check
from flipgate.core.spec.application import load_new_application
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import BadInput
from flipgate.core.values.jsonpath import PathMissing, Where, look_up, parse_path
from tests.core.spec.test_application import SMALL

BODY = (
    b'{"links": {"self": "/franchises/1", "next": null}, "count": 12, "status": "Healthy", "tags": [],'
    b' "checks": [{"name": "db", "status": "Healthy"}, {"name": "ServiceBus", "status": "Degraded"}, 7]}'
)


def facts(path: str, **rule: Any) -> tuple[str, ...]:
    check = Check.model_validate({"name": "c", "service": "api", "path": "/", "jsonIs": {path: rule}})
    result = judge_check(check, Answer(200, {}, BODY, 0.01))
    return result.facts if result.verdict != "pass" else ()


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("links.self", {"notEmpty": True}),
        ("links.self", {"exists": True, "matches": "^/franchises/[0-9]+$"}),
        ("links.next", {"exists": True, "notEmpty": False}),
        ("links.prev", {"exists": False}),
        ("tags", {"notEmpty": False}),
        ("count", {"greaterThan": 0, "lessThan": 12.5}),
        ("status", {"oneOf": ["Healthy", "Degraded"]}),
        ("$.checks[?name=='ServiceBus'].status", {"oneOf": ["Degraded"]}),
        ('checks[?@.name == "db"].status', {"matches": "Heal"}),
    ],
    ids=str,
)
def test_what_holds(path: str, rule: dict[str, Any]) -> None:
    assert facts(path, **rule) == ()


@pytest.mark.parametrize(
    ("path", "rule", "fact"),
    [
        ("links.next", {"notEmpty": True}, "JSON path links.next is null, expected one that is not empty"),
        ("links.prev", {"notEmpty": True}, 'JSON path links.prev lacks "prev"'),
        ("links.self", {"exists": False}, 'JSON path links.self is "/franchises/1", expected none'),
        ("count", {"matches": "1"}, 'JSON path count is 12, expected text that matches "1"'),
        ("count", {"lessThan": 12}, "JSON path count is 12, expected a number below 12"),
        ("count", {"greaterThan": 12}, "JSON path count is 12, expected a number above 12"),
        ("status", {"greaterThan": 0}, 'JSON path status is "Healthy", expected a number above 0'),
        ("status", {"oneOf": ["Up", 1]}, 'JSON path status is "Healthy", expected one of "Up", 1'),
        ("checks[?name=='cache'].status", {"exists": True}, "JSON path checks[?name=='cache'].status lacks"),
    ],
    ids=str,
)
def test_what_does_not_hold_is_said_with_what_was_found(path: str, rule: dict[str, Any], fact: str) -> None:
    (said,) = facts(path, **rule)
    assert said.startswith(fact)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{}", "asks nothing"),
        ("{matches: '('}", "is no regular expression"),
        ("{smallerThan: 2}", 'unknown key "smallerThan"'),
        ("{oneOf: []}", "oneOf"),
    ],
)
def test_a_rule_that_cannot_be_meant(rule: str, said: str) -> None:
    text = SMALL.replace("json: {status: ok}", f"jsonIs: {{status: {rule}}}")
    assert text != SMALL
    with pytest.raises(BadInput, match="status") as refused:
        load_new_application(text, "shop.yaml")
    assert said in str(refused.value)


def test_an_item_is_found_by_the_text_of_a_key() -> None:
    assert parse_path("a[?k-1=='x y'].b[0]") == ("a", Where("k-1", "x y"), "b", 0)
    assert look_up("[?n=='b']", [{"n": "a"}, 3, {"n": "b", "v": 1}, {"n": "b", "v": 2}]) == {"n": "b", "v": 1}
    for document in ({"n": "b"}, [], None):
        with pytest.raises(PathMissing, match=r"\[\?n=='b'\]"):
            look_up("[?n=='b']", document)


@pytest.mark.parametrize("path", ["a[?n==b]", "a[?n='b']", "a[?n=='b'", "a[?==''].c", "a[?n=='b']c", "a[*]", "a..b"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="is not a JSON path"):
        parse_path(path)
