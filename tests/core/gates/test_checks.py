"""Judging answers to HTTP checks, JSON equality, and verdicts made one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flipgate.core.gates.checks import Check, judge_check, wrong_side
from flipgate.core.values.answer import Answer
from flipgate.core.values.base import but
from flipgate.core.values.jsonpath import PathMissing, look_up, parse_path, same
from flipgate.core.values.verdicts import Evidence, Verdict, combine

CHECK = Check.model_validate(
    {"name": "health", "service": "api", "path": "/health", "json": {"status": "ok"}, "headers": ["X-Served-Side"]}
)


def answer(
    status: int = 200, body: bytes = b'{"status": "ok"}', seconds: float = 0.03, header: str = "x-served-side"
) -> Answer:
    return Answer(status, {header: "green"}, body, seconds)


def test_a_good_answer_passes_with_its_numbers() -> None:
    result = judge_check(CHECK, answer())
    assert (result.verdict, result.facts) == (Verdict.PASS, ("status 200 in 0.030 s",))


@pytest.mark.parametrize(
    ("given", "fact"),
    [
        (answer(status=503), "status 503, expected 200"),
        (answer(seconds=2.5), "took 2.500 s, limit 2 s"),
        (answer(header="Server"), "header X-Served-Side is missing"),
        (answer(body=b'{"status": "bad"}'), 'JSON path status is "bad", expected "ok"'),
        (answer(body=b'{"state": "ok"}'), 'JSON path status: "status" is missing, expected "ok"'),
        (answer(body=b"[]"), 'JSON path status: "status" is missing, expected "ok"'),
        (answer(body=b"<html>"), 'body is not JSON: 6 bytes beginning "<html>"'),
        (answer(body=b""), 'body is not JSON: 0 bytes beginning ""'),
        (answer(body=b"\xff\xfe\xff"), "body is not JSON: 3 bytes beginning"),
        (answer(body=b"[" * 100_000), "body is not JSON: 100000 bytes beginning"),
    ],
)
def test_a_bad_answer_fails_with_what_was_expected(given: Answer, fact: str) -> None:
    result = judge_check(CHECK, given)
    assert result.verdict is Verdict.FAIL
    assert len(result.facts) == 1
    assert result.facts[0].startswith(fact)


def test_every_miss_is_told() -> None:
    assert len(judge_check(CHECK, Answer(500, {}, b"oops", 9.0)).facts) == 4


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (b'{"kind": "Status", "code": 404, "message": "services \\"api\\" not found"}', Verdict.UNKNOWN),
        (b'{"kind": "Status", "code": 404}', Verdict.UNKNOWN),
        (b'{"kind": "Order", "code": 404, "message": "not found"}', Verdict.FAIL),
        (b"404 page not found", Verdict.FAIL),
    ],
)
def test_only_what_the_application_answers_is_its_answer(body: bytes, verdict: Verdict) -> None:
    assert judge_check(CHECK, answer(status=404, body=body)).verdict is verdict
    wanted = but(CHECK, status=404, json_equals={})
    assert (judge_check(wanted, answer(status=404, body=body)).verdict is Verdict.PASS) is (verdict is Verdict.FAIL)


def test_no_answer_is_unknown_never_pass() -> None:
    result = judge_check(CHECK, "connection refused")
    assert (result.verdict, result.facts) == (Verdict.UNKNOWN, ("no answer: connection refused",))


def test_the_limits_edge_passes() -> None:
    assert judge_check(CHECK, answer(seconds=2.0)).verdict is Verdict.PASS


DOCUMENT = {"status": "ok", "items": [{"id": 7, "tags": [["x"]]}], "dot": {"0": "key"}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("status", "ok"),
        ("$.status", "ok"),
        ("$", DOCUMENT),
        ("items[0].id", 7),
        ("$.items[0].tags[0][0]", "x"),
        ("dot.0", "key"),
    ],
)
def test_a_path_finds_its_value(path: str, value: Any) -> None:
    assert look_up(path, DOCUMENT) == value


@pytest.mark.parametrize(
    ("path", "at"),
    [("nothing", "nothing"), ("items[1]", "1"), ("status.x", "x"), ("items.id", "id"), ("dot[0].x", "x")],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(path: str, at: str) -> None:
    with pytest.raises(PathMissing) as caught:
        look_up(path, DOCUMENT)
    assert caught.value.at == at


@pytest.mark.parametrize("path", ["", ".", "a.", "a..b", "a[", "a[x]", "a[0", "a]b", "$..a", "a[0]b", "[*]"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is not a JSON path"):
        parse_path(path)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("1", "1.0", True),
        ("true", "1", False),
        ("false", "0", False),
        ("null", "false", False),
        ("[1, true]", "[1, 1]", False),
        ('{"a": [1]}', '{"a": [1.0]}', True),
        ('{"a": 1}', '{"a": 1, "b": 2}', False),
        ("[1]", "[1, 2]", False),
        ('"1"', "1", False),
    ],
)
def test_equality_is_jsons_own(left: str, right: str, equal: bool) -> None:
    assert same(json.loads(left), json.loads(right)) is equal


@pytest.mark.parametrize(
    ("verdicts", "combined"),
    [
        ("", "unknown"),
        ("pass", "pass"),
        ("pass pass", "pass"),
        ("pass unknown", "unknown"),
        ("unknown fail pass", "fail"),
        ("fail", "fail"),
    ],
)
def test_fail_wins_then_unknown_and_nothing_is_unknown(verdicts: str, combined: str) -> None:
    evidences = [Evidence("checks", Verdict(verdict), "GET /", "api", "200", "200") for verdict in verdicts.split()]
    assert combine(evidences) == combined


@pytest.mark.parametrize(
    ("said", "header", "wrong"),
    [
        ("green", "X-Served-Side", False),
        ("blue", "X-Served-Side", True),
        ("unknown", "X-Served-Side", False),
        ("blue", None, False),
        ("", "X-Other", False),
    ],
)
def test_an_answer_that_names_the_other_side_is_said_to(said: str, header: str | None, wrong: bool) -> None:
    found = wrong_side(Answer(200, {"x-served-side": said}, b"{}", 0.01), header, "green")
    assert bool(found) is wrong
    assert not wrong or found == "header X-Served-Side says blue, and this is green: no move to it could be proven"
