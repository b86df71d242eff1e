"""Whatever a server or a pod behind it sends: it is read within its time, up to a size, and never unpacked."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.cluster import ANSWER_BYTES, OBJECT_BYTES, Cluster
from flipgate.core.values.errors import TemporaryError, Unreachable
from tests.api.wire import ANSWERED, HEAD, Answer, Handler, dripping, sending, serving, within

POD = "/api/v1/namespaces/x/pods/y"
LIMIT = 1.0
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
MEGABYTE = b"." * 1_048_576
ASKS: dict[str, Callable[[Cluster], Any]] = {
    "object": lambda cluster: cluster.get(POD, timeout=LIMIT),
    "write": lambda cluster: cluster.patch(POD, [], timeout=LIMIT),
    "log": lambda cluster: cluster.text(f"{POD}/log", timeout=LIMIT),
    "pod": lambda cluster: cluster.through_pod("x", "y", 80, "/", timeout=LIMIT),
    "service": lambda cluster: cluster.through_service("x", "web", 80, "/", timeout=LIMIT),
}


def asked(cluster: Cluster) -> Any:
    return cluster.through_pod("x", "y", 80, "/", timeout=5)


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
def test_a_body_that_drips_is_given_up_at_the_limit_and_says_how_much_had_come(
    tmp_path: Path, ask: Callable[[Cluster], Any]
) -> None:
    with serving(dripping, tmp_path) as cluster:
        said = r"answered 200, .* not over within 1 s \([1-9]\d* bytes had come\)"
        with within(LIMIT + 1, least=LIMIT), pytest.raises(Unreachable, match=said):
            ask(cluster)


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (CHUNKED, b"1\r\n.\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Served-", b"S"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Served-Side: green\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
    ids=["chunks", "a header", "headers", "100 Continue", "103 Early Hints"],
)
def test_so_is_all_else_that_drips(tmp_path: Path, head: bytes, drop: bytes) -> None:
    script = partial(dripping, head=head, drop=drop)
    with serving(script, tmp_path) as cluster, within(LIMIT + 1), pytest.raises(Unreachable, match=r" 1 s\b"):
        ASKS["pod"](cluster)


def test_a_watch_that_drips_ends_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flipgate.adapters.cluster.WATCH_GRACE_SECONDS", 0.2)
    script = partial(dripping, head=CHUNKED, drop=b"1\r\n{\r\n")
    with serving(script, tmp_path) as cluster, within(3), pytest.raises(Unreachable, match="the watch was cut"):
        list(cluster.watch(POD, seconds=1))


@pytest.mark.parametrize("head", [HEAD, HEAD.replace(b"100000000", b"419430400"), CHUNKED], ids=["100", "400", "never"])
def test_what_is_larger_than_a_pods_answer_may_be_is_not_read_to_its_end(tmp_path: Path, head: bytes) -> None:
    sent: list[int] = []
    piece = b"100000\r\n" + MEGABYTE + b"\r\n" if head is CHUNKED else MEGABYTE

    def endless(request: Handler) -> None:
        request.wfile.write(head)
        sent.append(sending(request, repeat(piece, 90)))

    with serving(endless, tmp_path) as cluster:
        answer = asked(cluster)
    assert (answer.status, len(answer.body)) == (200, ANSWER_BYTES)
    assert answer.unread == "its body has more than 1,048,576 bytes"
    assert sum(sent) < 40 * 1_048_576, "the line was cut, and the rest never sent"


def test_an_object_larger_than_any_list_is_an_error(tmp_path: Path) -> None:
    def endless(request: Handler) -> None:
        request.wfile.write(HEAD)
        sending(request, repeat(MEGABYTE, 90))

    with (
        serving(endless, tmp_path) as cluster,
        pytest.raises(TemporaryError, match=f"more than {OBJECT_BYTES:,} bytes"),
    ):
        cluster.get(POD)


def test_what_comes_packed_is_not_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(b"[" * 50_000_000)
    accepted: list[str] = []

    def packed(request: Handler) -> None:
        accepted.append(request.headers["Accept-Encoding"])
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
        sending(request, [head.encode(), bomb])

    with serving(packed, tmp_path) as cluster:
        answer = asked(cluster)
        for ask in (cluster.get, cluster.text, lambda path: list(cluster.watch(path, seconds=1))):
            with pytest.raises(TemporaryError, match=r"packed \(gzip\)"):
                ask(POD)
    assert (answer.status, answer.body, answer.unread) == (
        200,
        b"",
        "its body comes packed (gzip), and was asked for as it is",
    )
    assert set(accepted) == {"identity"}


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, b"\xff\xfe[", b'{"a": ' + b"1" * 5_000 + b"}"],
    ids=["[", "{", "digits", "no text", "a number"],
)
def test_json_that_python_cannot_hold_is_no_json(tmp_path: Path, body: bytes) -> None:
    with serving(lambda _: (200, body), tmp_path) as cluster:
        with pytest.raises(TemporaryError, match="not JSON"):
            cluster.get(POD)
        assert asked(cluster).body == body
    with serving(lambda _: (503, body), tmp_path) as cluster, pytest.raises(TemporaryError, match="said 503"):
        cluster.get(POD)


def test_an_interim_answer_is_not_taken_for_the_answer_nor_that_for_the_next(tmp_path: Path) -> None:
    """Go's reverse proxy hands them on: what is left on the line then would be the record's text, as a pod wants it."""
    lines: set[Any] = set()

    def hinting(request: Handler) -> Answer | None:
        lines.add(request.client_address)
        if "/proxy/" not in request.path:
            return 200, b'{"kind": "ConfigMap"}'
        hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" * 3
        sending(request, [hints, b"HTTP/1.1 200 OK\r\nX-Served-Side: green\r\nContent-Length: 2\r\n\r\n{}"])
        return ANSWERED

    with serving(hinting, tmp_path) as cluster:
        answer = asked(cluster)
        assert (answer.status, answer.headers["x-served-side"], answer.body) == (200, "green", b"{}")
        assert cluster.get(POD) == {"kind": "ConfigMap"}
    assert len(lines) == 1


def test_a_connection_is_kept_after_an_answer_and_not_after_half_of_one(tmp_path: Path) -> None:
    lines: list[Any] = []

    def script(request: Handler) -> Answer | None:
        lines.append(request.client_address)
        if "/proxy/" in request.path:
            dripping(request)
            return None
        return 200, b"{}"

    with serving(script, tmp_path) as cluster:
        cluster.get(POD)
        cluster.get(POD)
        with pytest.raises(Unreachable):
            ASKS["pod"](cluster)
        assert cluster.get(POD) == {}
    assert len(set(lines[:3])) == 1
    assert lines[3] != lines[2]
