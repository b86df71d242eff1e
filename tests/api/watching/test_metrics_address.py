"""Prometheus and Alertmanager are addresses that somebody wrote into a file: whatever answers there gets no more than a
question, and nothing of its words but a status gets out."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterable
from functools import partial
from itertools import repeat
from pathlib import Path

import pytest

from flipgate.adapters import alerts, metrics, sources
from flipgate.core.spec.probe import SecretKey
from flipgate.core.values.sides import Side
from flipgate.steps.watching.measure import still_in_flight
from flipgate.steps.watching.reader import WorldReader
from tests.api.bakes import declared
from tests.api.town import world_of
from tests.api.wire import ANSWERED, Answer, Handler, Noting, listening, number, sending, serving
from tests.core.builders import at, declaring

Ask = Callable[[str], tuple[object, str]]
SECRET = b"iam-role-key: AKIAOSFODNN7"


def ask_number(url: str) -> tuple[object, str]:
    return metrics.ask_number(sources.Source(url), "up")


def ask_range(url: str) -> tuple[object, str]:
    return metrics.ask_range(sources.Source(url), "up", at(), at(60), 5)


def ask_alerts(url: str) -> tuple[object, str]:
    return alerts.ask_alerts(sources.Source(url), {"a": "b"})


each_source = pytest.mark.parametrize("ask", [ask_number, ask_range, ask_alerts], ids=["number", "range", "alerts"])


@each_source
@pytest.mark.parametrize("status", [400, 403, 500])
def test_no_word_of_an_error_gets_into_evidence(ask: Ask, status: int) -> None:
    with listening(lambda _: (status, SECRET)) as address:
        found, said = ask(f"http://{address}")
    assert found is None
    assert "AKIA" not in said
    assert f"HTTP {status}" in said


def test_what_prometheus_finds_wrong_with_a_query_is_named_by_its_kind_and_place() -> None:
    error = {"status": "error", "errorType": "bad_data", "error": '1:7: parse error: unexpected "AKIA"'}
    with listening(lambda _: (400, json.dumps(error).encode())) as address:
        _, said = ask_number(f"http://{address}")
    assert said == "Prometheus said HTTP 400 (bad_data, at 1:7 of the query)"
    with listening(lambda _: (400, json.dumps({**error, "errorType": "AKIA"}).encode())) as address:
        assert ask_number(f"http://{address}")[1] == "Prometheus said HTTP 400 (at 1:7 of the query)"


@each_source
def test_a_redirect_leads_nowhere(ask: Ask) -> None:
    within = Noting((200, number("1")))

    def elsewhere(request: Handler) -> Answer:
        sending(request, [f"HTTP/1.1 302 Found\r\nLocation: http://{inner}/\r\nContent-Length: 0\r\n\r\n".encode()])
        return ANSWERED

    with listening(within) as inner, listening(elsewhere) as address:
        found, said = ask(f"http://{address}")
    assert found is None
    assert within.paths == []
    assert said.endswith("said HTTP 302, and redirects are not followed")


@each_source
def test_the_environment_has_no_say_in_who_is_asked(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    between, meant = Noting((200, b"")), Noting((503, b""))
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with listening(between) as proxy, listening(meant) as address:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://{proxy}")
        ask(f"http://{address}")
    assert between.paths == []
    assert len(meant.paths) == 1


def bomb(head: str, pieces: Iterable[bytes], taken: list[int], request: Handler) -> Answer:
    taken.append(sending(request, [f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode(), *()]))
    taken.append(sending(request, pieces))
    request.close_connection = True
    return ANSWERED


SERIES = b'{"metric":{"pod":"' + b"x" * 1_000 + b'"},"value":[1,"1"]},'
GIGABYTE = repeat(b" " * 1_000_000, 1_000)


@each_source
@pytest.mark.parametrize(
    ("head", "pieces"),
    [
        ("Content-Length: 1000000000", GIGABYTE),
        ("X-Endless: yes", GIGABYTE),
        ("X-Series: 200000", [b'{"data":{"result":[', *repeat(SERIES * 1_000, 200)]),
        ("Content-Encoding: gzip", [gzip.compress(b" " * 200_000_000)]),
    ],
    ids=["a gigabyte", "no end", "200,000 series", "gzip"],
)
def test_a_bomb_is_not_read(ask: Ask, head: str, pieces: Iterable[bytes]) -> None:
    taken: list[int] = []
    with listening(partial(bomb, head, pieces, taken)) as address:
        tracemalloc.start()
        found, said = ask(f"http://{address}")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert found is None
    assert "packed" in said or f"more than {sources.MOST_BYTES:,} bytes" in said
    assert sum(taken) < sources.MOST_BYTES + 16_000_000, "what stands in the sockets' buffers"
    assert peak < 4 * sources.MOST_BYTES + 16_000_000


@each_source
def test_drops_without_end_do_not_make_the_time_longer(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "TIMEOUT_SECONDS", 0.4)
    sent: list[int] = []

    def drip(request: Handler) -> Answer:
        sent.append(sending(request, [b"HTTP/1.1 200 OK\r\n\r\n", *repeat(b" ", 100)], every=0.05))
        request.close_connection = True
        return ANSWERED

    with listening(drip) as address:
        found, said = ask(f"http://{address}")
        assert (found, said.endswith("gave no answer in 0.4 s")) == (None, True)
    assert all(count < 60 for count in sent)


def test_a_credential_goes_to_its_own_address_and_into_no_answer() -> None:
    seen: list[str] = []

    def guarded(request: Handler) -> Answer:
        seen.append(request.headers.get("Authorization", ""))
        return 401, b"no: " + seen[-1].encode()

    with listening(guarded) as address:
        _, said = metrics.ask_number(sources.Source(f"http://{address}", "Bearer s3cret"), "up")
    assert seen == ["Bearer s3cret"]
    assert "s3cret" not in said
    assert "s3cret" not in repr(sources.Source(f"http://{address}", "Bearer s3cret"))


@pytest.mark.parametrize("readable", [True, False])
def test_it_comes_out_of_a_secret_and_where_that_cannot_be_read_there_is_no_number(
    tmp_path: Path, readable: bool
) -> None:
    sent: list[str] = []

    def script(request: Handler) -> Answer:
        if "/secrets/prom" in request.path:
            held = {"data": {"auth": base64.b64encode(b"Bearer s3cret").decode()}}
            return (200, json.dumps(held).encode()) if readable else (403, b'{"message": "no"}')
        sent.append(request.headers.get("Authorization", ""))
        return 200, number("2")

    with serving(script, tmp_path) as cluster:
        secret = {"prometheus_authorization": SecretKey(name="prom", key="auth"), "in_flight": "x{namespace}"}
        world = world_of(cluster, declaring(declared(cluster.server), metrics=secret))
        reader = WorldReader(world, Side.GREEN, at())
        drawn, why = reader.line("up", at(), at(60))
        found = still_in_flight(world, Side.GREEN)
    assert (sent == ["Bearer s3cret"] * 2) is readable
    assert sent or (drawn is None and "Secret" not in why and "secrets/prom" in why)
    assert ("2" in found.answer) is readable
    assert "s3cret" not in found.answer
