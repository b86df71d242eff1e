"""What stands in front of a whole host answers flipgate's own requests: the status is named, and what does that."""

from __future__ import annotations

import json

import pytest

from flipgate.core.gates.bake import ProbeResult, as_reply, read_reply
from flipgate.core.gates.header import judge_asking, judge_header, judge_served, judge_status
from flipgate.core.gates.misasked import turned_away
from flipgate.core.values.answer import Answer
from tests.core.builders import BLUE, GREEN

HEADER = "X-Served-Side"


def answer(status: int, *, named: bool = False, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, headers, body, 0.01, scheme="https", named=named)


@pytest.mark.parametrize(
    ("given", "said", "declare"),
    [
        (answer(401), "basicAuth, digestAuth or forwardAuth in front of the host", "spec.traffic.probe.headers"),
        (
            answer(403),
            "an ipAllowList that lacks the API server's addresses, or forwardAuth",
            "spec.traffic.probe.head",
        ),
        (answer(403, named=True), "an ipAllowList that lacks the worker's address, or", "spec.traffic.probe.headers"),
        (answer(429), "a rateLimit in front of the host", "spec.traffic.probesPerSecond"),
        (
            answer(302, location="https://login.example/auth?state=s3cr3t"),
            "sent to https://login.example/auth: forwardAuth with a login, or a redirect",
            "spec.traffic.probe.headers",
        ),
    ],
)
def test_the_status_is_named_with_what_usually_does_that_and_the_key(given: Answer, said: str, declare: str) -> None:
    found = judge_header(given, HEADER, BLUE)
    assert found
    assert found.reason == "TurnedAway"
    assert f"HTTP {given.status}" in found.fact
    assert said in found.fact
    assert found.declare.startswith(declare)
    assert not found.passing
    assert judge_served(given) == found, "by counters it is found as well"
    reply = read_reply(given, HEADER)
    assert said in str(reply)
    assert reply.judged(BLUE) is ProbeResult.SILENT
    assert len(str(reply)) < 160, "no bake cuts it"
    assert "s3cr3t" not in f"{found} {reply}"


def test_a_side_that_names_itself_and_the_api_server_itself_turn_nobody_away() -> None:
    assert judge_header(answer(401, **{"x-served-side": "blue"}), HEADER, BLUE) is None
    forbidden = json.dumps({"kind": "Status", "message": "pods/proxy is forbidden"}).encode()
    assert turned_away(answer(403, body=forbidden)) is None
    for status in (200, 204, 400, 404, 421, 500, 503):
        assert turned_away(answer(status)) is None
    assert judge_asking(answer(401)) is None, "counters may name the side yet"
    misspelt = judge_header(answer(401, **{"x-served-sides": "blue"}), HEADER, BLUE)
    assert misspelt
    assert misspelt.reason == "HeaderMissing"


@pytest.mark.parametrize(
    ("status", "shown", "wanted", "judged"),
    [
        (200, "green", 200, ProbeResult.GOOD),
        (401, "green", 401, ProbeResult.GOOD),
        (401, "green", None, ProbeResult.GOOD),
        (401, "green", 200, ProbeResult.FAILED),
        (302, "green", 200, ProbeResult.FAILED),
        (503, "green", 200, ProbeResult.FAILED),
        (401, "blue", 200, ProbeResult.MISROUTED),
        (401, "", 401, ProbeResult.SILENT),
        (404, "", 404, ProbeResult.FAILED),
    ],
)
def test_a_declared_status_is_what_a_side_has_to_answer(
    status: int, shown: str, wanted: int | None, judged: ProbeResult
) -> None:
    reply = as_reply(answer(status), shown, wanted)
    assert reply.judged(GREEN) is judged
    assert (f"HTTP {status} from {shown}, not {wanted} as declared" in str(reply)) is bool(
        shown and wanted and status != wanted
    )


def test_check_says_that_the_side_answers_with_another_status() -> None:
    assert judge_status(answer(200), BLUE, None) is None
    assert judge_status(answer(200), BLUE, 200) is None
    found = judge_status(answer(401), BLUE, 200)
    assert found
    assert found.reason == "StatusNotExpected"
    assert found.fact == "HTTP 401 from blue, while spec.traffic.probe.status is 200"
    assert found.declare == "spec.traffic.probe.status: 401"
