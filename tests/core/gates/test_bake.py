"""Judging the time right after a flip."""

from __future__ import annotations

import pytest

from flipgate.core.gates.bake import LEAST_FAILED, ProbeResult, Sample, judge_bake, read_reply
from flipgate.core.values.answer import Answer
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Evidence, Verdict, combine

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
READY: tuple[str, ...] = ()
SHORT = ("web 1/2",)
API_SERVER = b'{"kind": "Status", "message": "error trying to reach service: connection refused"}'


def sample(
    short: tuple[str, ...] | None = READY, *, asked: int = 10, failed: int = 0, silent: int = 0, misrouted: int = 0
) -> Sample:
    return Sample(0.0, short, asked, failed, silent, misrouted, ("blue",) if misrouted else ())


def errors(*samples: Sample, limit: float = 0.01) -> Evidence:
    return judge_bake(samples, max_error_ratio=limit)[1]


def readiness(*looks: tuple[str, ...] | None) -> Evidence:
    return judge_bake([sample(short) for short in looks], max_error_ratio=0.01)[0]


def test_a_ready_side_that_answers_without_errors_passes_and_says_its_numbers() -> None:
    ready, answers, side = judge_bake([sample()] * 3, max_error_ratio=0.01)
    assert (ready.gate, ready.verdict, ready.answer) == ("ready", PASS, "Ready in 3 of 3 looks")
    assert (answers.gate, answers.verdict, answers.answer) == ("errors", PASS, "0 of 30 answers were errors")
    assert answers.threshold == "at most 1.0%"
    assert (side.gate, side.verdict, side.answer) == ("side", PASS, "no other side answered")
    assert combine((ready, answers, side)) is PASS


@pytest.mark.parametrize("samples", [[], [sample(None, silent=10)], [sample(None, asked=0)]])
def test_no_answers_at_all_is_unknown(samples: list[Sample]) -> None:
    verdicts = judge_bake(samples, max_error_ratio=1)
    assert [evidence.verdict for evidence in verdicts] == [UNKNOWN, UNKNOWN, UNKNOWN]


@pytest.mark.parametrize(
    ("looks", "verdict"),
    [
        ([READY], PASS),
        ([SHORT], PASS),  # one look may fall into a pod's replacement
        ([READY, SHORT], PASS),
        ([SHORT, SHORT], FAIL),
        ([READY, SHORT, SHORT], FAIL),
        ([SHORT, READY, SHORT], PASS),
        ([SHORT, SHORT, READY], PASS),
        ([SHORT, None, SHORT], FAIL),  # a look that saw nothing is no Ready one
        ([SHORT, SHORT, None], FAIL),
        ([None], UNKNOWN),
        ([None, None, None], UNKNOWN),
        ([READY, None], PASS),
        ([READY, None, None], UNKNOWN),  # what was seen before says nothing about now
        ([None, None, READY], PASS),
    ],
)
def test_pods_missing_in_two_looks_in_a_row_fail(looks: list[tuple[str, ...] | None], verdict: Verdict) -> None:
    assert readiness(*looks).verdict is verdict


def test_missing_pods_are_named() -> None:
    assert readiness(SHORT, ("api 0/3", "web 1/2")).answer == "not Ready: api 0/3, web 1/2"


@pytest.mark.parametrize(
    ("asked", "failed", "limit", "verdict"),
    [
        (1000, 10, 0.01, PASS),  # at the limit is within it
        (1000, 11, 0.01, FAIL),
        (10, LEAST_FAILED, 0.01, FAIL),
        (10, LEAST_FAILED - 1, 0.01, PASS),  # few failures never fail by themselves
        (1000, LEAST_FAILED, 0, FAIL),
        (10, 10, 1, PASS),  # a limit of 1 allows anything
        (2, 2, 0.01, UNKNOWN),  # too few to fail, too bad to pass
        (3, 2, 0.01, UNKNOWN),
        (4, 2, 0.01, PASS),
    ],
)
def test_the_share_of_errors_decides_once_there_are_some(
    asked: int, failed: int, limit: float, verdict: Verdict
) -> None:
    assert errors(sample(asked=asked, failed=failed), limit=limit).verdict is verdict


@pytest.mark.parametrize(
    ("failed", "silent", "verdict"),
    [(0, 5, PASS), (0, 6, UNKNOWN), (1, 5, PASS), (3, 6, FAIL), (0, 10, UNKNOWN)],
)
def test_silence_is_neither_an_error_nor_an_answer(failed: int, silent: int, verdict: Verdict) -> None:
    assert errors(sample(failed=failed, silent=silent)).verdict is verdict


def test_errors_are_counted_over_all_looks() -> None:
    found = errors(sample(failed=1), sample(failed=1, silent=2), sample(failed=1))
    assert (found.verdict, found.answer) == (FAIL, "3 of 28 answers were errors, 2 probes had no answer")


@pytest.mark.parametrize(
    ("status", "shown", "body", "heard"),
    [
        (200, "green", b"{}", ProbeResult.GOOD),
        (302, "green", b"", ProbeResult.GOOD),
        (404, "green", b"", ProbeResult.GOOD),  # the application itself says so
        (500, "green", b"", ProbeResult.FAILED),
        (503, "green", API_SERVER, ProbeResult.FAILED),  # with the header it is the application, whatever it words
        (200, "", b"{}", ProbeResult.SILENT),
        (301, "", b"", ProbeResult.SILENT),
        (404, "", b"404 page not found", ProbeResult.FAILED),  # the route is gone
        (502, "", b"Bad Gateway", ProbeResult.FAILED),
        (503, "", b"no available server", ProbeResult.FAILED),
        (504, "", b"Gateway Timeout", ProbeResult.FAILED),
        (503, "", b'["Status"]', ProbeResult.FAILED),
        (403, "", API_SERVER, ProbeResult.SILENT),  # no right on pods/proxy
        (404, "", API_SERVER, ProbeResult.SILENT),  # the Traefik pod is gone
        (503, "", API_SERVER, ProbeResult.SILENT),  # the Traefik pod does not listen
        (429, "", b"Too many requests", ProbeResult.SILENT),
        (200, "blue", b"{}", ProbeResult.MISROUTED),
        (500, "blue", b"", ProbeResult.MISROUTED),
    ],
)
def test_what_an_answer_says_of_the_new_side(status: int, shown: str, body: bytes, heard: ProbeResult) -> None:
    headers = {"x-served-side": shown} if shown else {}
    reply = read_reply(Answer(status, headers, body, 0.01), "X-Served-Side")
    assert reply.judged(Side.GREEN) is heard


@pytest.mark.parametrize(
    ("shown", "body", "said"),
    [
        ("green", b"", "HTTP 503 from green"),
        ("", b"no available server", "HTTP 503 from an unnamed side"),
        ("", API_SERVER, "HTTP 503 from the API server itself"),
    ],
)
def test_an_answer_says_whose_it_is(shown: str, body: bytes, said: str) -> None:
    headers = {"x-served-side": shown} if shown else {}
    assert str(read_reply(Answer(503, headers, body, 0.01), "X-Served-Side")) == said


def test_answers_of_the_other_side_are_drift_and_move_nothing() -> None:
    verdicts = judge_bake([sample(), sample(misrouted=10)], max_error_ratio=0.01)
    assert [evidence.verdict for evidence in verdicts] == [PASS, PASS, UNKNOWN]
    assert verdicts[2].answer == "drift: 10 of 20 probes were answered from blue, not from the new side"
    assert combine(verdicts) is UNKNOWN


def test_when_only_the_other_side_answers_nothing_is_known_of_the_errors() -> None:
    verdicts = judge_bake([sample(misrouted=10)], max_error_ratio=1)
    assert [evidence.verdict for evidence in verdicts] == [PASS, UNKNOWN, UNKNOWN]


def test_drift_does_not_hide_what_users_of_the_new_side_get() -> None:
    assert combine(judge_bake([sample(failed=4, misrouted=5)], max_error_ratio=0.01)) is FAIL


def heard(looks: dict[str, str], listed: str) -> Evidence:
    """Of replicas by their letter, what each answered in each look: `+` something, `-` nothing, a blank: not asked."""
    many = max(map(len, looks.values()))
    samples = []
    for n in range(many):
        asked = {name: row[n] == "+" for name, row in looks.items() if row[n] != " "}
        silent = sum(not answered for answered in asked.values())
        samples.append(Sample(n, READY, len(asked), 0, silent, heard=asked, replicas=tuple(listed)))
    return judge_bake(samples, max_error_ratio=0.01)[1]


@pytest.mark.parametrize(
    ("looks", "listed", "verdict"),
    [
        ({"a": "+++", "b": "+--"}, "ab", UNKNOWN),  # half of the users are sent to it
        ({"a": "+++", "b": "+++", "c": "+++", "d": "+--"}, "abcd", UNKNOWN),
        ({"a": "+++", "b": "++-"}, "ab", PASS),  # one look may fall into a pod's replacement
        ({"a": "+++", "b": "--+"}, "ab", PASS),
        ({"a": "+++", "b": "+--"}, "a", PASS),  # it is gone: nobody is sent to it
        ({"a": "++++", "b": "- - "}, "ab", UNKNOWN),  # more replicas than probes: those looks that asked it
        ({"a": "++++", "b": "+ - "}, "ab", PASS),
        ({"a": "+", "b": "-"}, "ab", UNKNOWN),  # a bake of one look: nothing was ever heard from it
        ({"a": "+++", "b": "++ ", "c": "  -"}, "ac", UNKNOWN),
        ({"a": "+++", "b": "++ ", "c": "  +"}, "ac", PASS),  # a pod's replacement
        ({"a": "+" * 20, "b": "-" * 18 + "++"}, "ab", UNKNOWN),  # heard in the last looks alone
        ({"a": "+" * 20, "b": "-" * 9 + "+" * 11}, "ab", PASS),
        ({"a": "+++", "b": "+ +", "c": "   "}, "abc", UNKNOWN),  # asked slowly, and the bake is over too soon
        ({"a": "+", "b": " "}, "ab", PASS),  # one look says little of who is asked
    ],
)
def test_a_replica_that_answers_nothing_is_unknown_however_many_others_answer(
    looks: dict[str, str], listed: str, verdict: Verdict
) -> None:
    found = heard(looks, listed)
    assert found.verdict is verdict, found.answer
    assert ("what users get through" in found.answer) is (verdict is UNKNOWN), found.answer


@pytest.mark.parametrize(("looks", "verdict"), [("+++--", UNKNOWN), ("+-+-", PASS), ("+++-", PASS), ("--+++", PASS)])
def test_when_nobody_answers_any_more_what_was_heard_before_does_not_pass(looks: str, verdict: Verdict) -> None:
    """As where Traefik's pods can no longer be listed, or none is Ready: no replica has a name then."""
    found = errors(*(sample(silent=0 if look == "+" else 10) for look in looks))
    assert (found.verdict, "no answer at all in the last 2 looks" in found.answer) == (verdict, verdict is UNKNOWN)
