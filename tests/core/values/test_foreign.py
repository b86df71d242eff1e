"""Whatever a pod answers: it is judged, and what is shown of it can be printed and stored."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flipgate.core.gates.bake import OTHERS_NAMED, ProbeResult, Sample, judge_bake, read_reply
from flipgate.core.gates.checks import Check, judge_check
from flipgate.core.values.answer import Answer
from flipgate.core.values.base import but
from flipgate.core.values.errors import NotFound
from flipgate.core.values.foreign import LONGEST_SHOWN, NotJson, fault, parse_json, printable, sentence, shown
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Verdict
from flipgate.core.workloads.hand_over import pod_says

HEADER = "X-Served-Side"
CHECK = Check.model_validate(
    {"name": "health", "service": "api", "path": "/", "headers": [HEADER], "json": {"status": "ok", "$": [["x"]]}}
)
MANY = 100_000
DEEP = [b"[" * MANY, b'{"status":' * MANY, b'{"kind": ' + b"[" * MANY]

json_texts = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["status", "kind", "x"]), inner),
).map(lambda value: json.dumps(value).encode())
nested = st.integers(1, 3_000).flatmap(
    lambda depth: st.sampled_from([b"[" * depth + b"]" * depth, b'{"status":' * depth + b"1" + b"}" * depth])
)
bodies = st.binary() | json_texts | nested | st.sampled_from([*DEEP, b"9" * MANY, b'{"status": "\\ud800\\u009b"}'])
answers = st.builds(
    Answer,
    st.integers(100, 999),
    st.dictionaries(st.sampled_from(["x-served-side", "X-SERVED-SIDE", "server"]), st.text() | st.just("green")),
    bodies,
    st.floats(0, 1e9),
    st.sampled_from(["", "its body has more than 1,048,576 bytes"]),
)


def storable(text: str) -> bool:
    """As UTF-8, with nothing in it that a terminal obeys."""
    return text.encode() == text.encode(errors="replace") and text.isprintable()


@given(answers)
@example(Answer(503, {}, b"[" * MANY, 0.1))
@example(Answer(503, {}, b'{"kind": "Status", "x": ' + b"[" * MANY, 0.1))
def test_every_answer_is_judged(answer: Answer) -> None:
    for side in Side:
        reply = read_reply(answer, HEADER)
        assert reply.judged(side) in ProbeResult
        assert storable(str(reply))
    result = judge_check(CHECK, answer)
    assert result.verdict in (Verdict.PASS, Verdict.FAIL)
    assert all(storable(fact) for fact in result.facts)
    assert storable(pod_says("status", answer, True))


@given(st.binary() | st.text() | bodies)
def test_json_is_read_or_is_no_json(text: str | bytes) -> None:
    try:
        value = parse_json(text)
    except NotJson:
        return
    found = shown(value)
    assert len(found) <= LONGEST_SHOWN
    assert storable(found)


@given(st.text())
def test_what_is_printed_is_short_and_on_one_line(text: str) -> None:
    assert len(printable(text)) <= LONGEST_SHOWN
    assert storable(printable(text))
    assert printable(text) == text or len(text) > LONGEST_SHOWN or not text.isprintable()


def test_a_body_that_was_not_read_fails_what_needs_it_and_nothing_else() -> None:
    answer = Answer(200, {HEADER: "green"}, b'{"status": true', 0.1, "its body has more than 15 bytes")
    plain = but(CHECK, json_equals={})
    assert judge_check(plain, answer).verdict is Verdict.PASS
    assert judge_check(CHECK, answer).facts == ("body was not read: its body has more than 15 bytes",)
    assert pod_says("status", answer, True) == "status 200, and its body has more than 15 bytes"


@pytest.mark.parametrize(
    "body", [*DEEP, b'{"kind": "Status", "x": "' + b"." * MANY + b'"}'], ids=["[", "{", "k", "long"]
)
def test_a_503_of_no_side_is_an_error_that_users_get_whatever_its_body(body: bytes) -> None:
    assert read_reply(Answer(503, {}, body, 0.1), HEADER).judged(Side.GREEN) is ProbeResult.FAILED


def test_a_header_that_says_something_else_each_time_fills_no_record() -> None:
    names = tuple(f"{n:04}" for n in range(1000))
    side = judge_bake([Sample(0, (), 10, 0, 0, 10, names[n : n + 10]) for n in range(0, 1000, 10)], max_error_ratio=0)[
        2
    ]
    assert side.verdict is Verdict.UNKNOWN
    assert f"from {' and '.join(names[:OTHERS_NAMED])} and 995 more, not" in side.answer
    assert len(read_reply(Answer(200, {"x-served-side": "g" * MANY}, b"", 0.1), HEADER).shown) == LONGEST_SHOWN


def test_why_nobody_answered_is_told_by_the_newest_reason() -> None:
    silent = [
        Sample(0, None, 10, 0, 10, unread="KeyError", no_answer=why) for why in ("Forbidden", "RecursionError", "")
    ]
    ready, errors, _ = judge_bake(silent, max_error_ratio=0)
    assert ready.answer == "the side could not be read in 3 looks (the last: KeyError)"
    assert errors.answer == "none of 30 probes was answered by the new side (the last: RecursionError)"
    heard = [Sample(0, (), 10, 0, 0), Sample(1, (), 10, 0, 2, no_answer="Forbidden")]
    assert judge_bake(heard, max_error_ratio=0)[1].answer == (
        "0 of 18 answers were errors, 2 probes had no answer (the last: Forbidden)"
    )


def test_an_error_of_anybody_elses_is_told_by_its_kind_alone() -> None:
    ours = NotFound("is gone", obj="pod x", untouched="all routes")
    assert (fault(ours), sentence(ours)) == ("is gone", "pod x: is gone. Left untouched: all routes.")
    assert fault(ValueError("a password")) == sentence(ValueError("a password")) == "ValueError"
