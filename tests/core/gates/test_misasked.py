"""What is wrong with the way of asking, by what came; each answer is one that a real Traefik, or API server, gave."""

from __future__ import annotations

import json

import pytest

from flipgate.core.gates.bake import ProbeResult, as_reply
from flipgate.core.gates.header import TLS_ASKED, judge_asking, judge_header
from flipgate.core.gates.misasked import misasked
from flipgate.core.values.answer import Answer
from tests.core.builders import BLUE, GREEN


def answer(status: int, scheme: str, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, headers, body, 0.01, scheme=scheme)


def failed(words: str, scheme: str = "https") -> Answer:
    """How the API server says that it did not reach a pod."""
    said = {"kind": "Status", "message": f"error trying to reach service: {words}", "code": 503}
    return answer(503, scheme, json.dumps(said).encode())


@pytest.mark.parametrize(
    ("given", "reason", "said"),
    [
        (answer(301, "http", location="https://x/a/b"), "RedirectedToHttps", "sent to https://x/a/b; declare spec."),
        (
            answer(308, "http", location="https://x:8443/"),
            "RedirectedToHttps",
            "https://x:8443/; declare spec.traffic.sc",
        ),
        (answer(421, "https", b"Misdirected Request\n"), "SniNeeded", "declare spec.traffic.address: https://"),
        (failed("remote error: tls: unrecognized name"), "SniNeeded", "Traefik has sniStrict on"),
        (failed("remote error: tls: certificate required"), "TlsFailed", "(remote error: tls: certificate required)"),
        (failed("http: server gave HTTP response to HTTPS client"), "TlsFailed", "that port speaks plain HTTP"),
        (
            failed("tls: first record does not look like a TLS handshake"),
            "TlsFailed",
            "declare spec.traffic.traefik.https",
        ),
        (failed("dial tcp 10.0.0.1:8443: connect: connection refused"), "TlsFailed", "nothing listens at that port"),
    ],
)
def test_what_came_names_what_is_wrong_and_the_key(given: Answer, reason: str, said: str) -> None:
    found = misasked(given)
    assert found
    assert found.reason == reason
    assert said in str(found)
    reply = as_reply(given, "")
    assert said in str(reply)
    assert reply.judged(GREEN) is ProbeResult.SILENT, "no user got it"
    unnamed = judge_asking(given)
    assert unnamed
    assert (unnamed.reason, unnamed.passing, unnamed.declare) == (reason, False, found.declare)


@pytest.mark.parametrize(
    "given",
    [
        answer(200, "https"),
        answer(302, "http", location="/login"),
        answer(302, "http", location="http://shop.example/login"),
        answer(308, "https", location="https://shop.example/"),  # by TLS already: another scheme would not help
        answer(421, "http"),
        failed("remote error: tls: unrecognized name", "http"),
        failed("dial tcp 10.0.0.1:8000: connect: connection refused", "http"),
        failed("context deadline exceeded"),
        answer(404, "https", b"404 page not found\n"),
        answer(503, "https", b'["tls: "]'),
    ],
)
def test_any_other_answer_says_nothing_of_that(given: Answer) -> None:
    assert misasked(given) is None
    assert judge_asking(given) is None


def test_a_side_that_names_itself_may_redirect_as_it_likes() -> None:
    given = answer(302, "http", location="https://login.example/", **{"x-served-side": "blue"})
    assert judge_asking(given, "X-Served-Side") is None
    assert as_reply(given, "blue").misasked is None


def test_no_rule_by_http_may_be_a_route_with_tls() -> None:
    plain, by_tls = (judge_header(answer(404, scheme), "X-Served-Side", BLUE) for scheme in ("http", "https"))
    assert plain
    assert by_tls
    assert TLS_ASKED in plain.fact
    assert "spec.traffic.scheme" not in by_tls.fact
