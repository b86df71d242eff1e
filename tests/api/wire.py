"""Faults on the way: a server that answers by script, and a way through to the real API server that loses answers."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3
import yaml

from flipgate.adapters.cluster import Cluster
from flipgate.steps.acting.world import World

Answer = tuple[int, bytes]
Script = Callable[["Handler"], Answer | None]
"""What to answer to a request; None cuts the line without an answer."""
ANSWERED: Answer = (0, b"")
"""The script has written its answer by itself, and the line is kept."""


class Handler(BaseHTTPRequestHandler):
    """One request. `script` is set on a class of each server's own."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each small answer waits 40 ms for an acknowledgement
    script: Script

    def do_any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = type(self).script(self)
        if answer is None:
            self.close_connection = True
            with suppress(OSError):  # who asked may have cut it first
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        if answer is ANSWERED:
            return
        status, body = answer
        with suppress(ConnectionError):  # who asked may have given up by now
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    # The base class asks for these names.
    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the tests' own output is read by people."""


class Server(ThreadingHTTPServer):
    request_queue_size = 64
    """Ten probes at once are more than the usual 5; whoever finds the queue full tries again a second later."""


@contextmanager
def serving(script: Script, folder: Path) -> Iterator[Cluster]:
    """A cluster whose API server is this script."""
    with listening(script) as address:
        yield connect(f"http://{address}", folder)


@contextmanager
def listening(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server of this script, and its HOST:PORT."""
    handler = type("Scripted", (Handler,), {"script": staticmethod(script)})
    server = Server(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def silence() -> Iterator[Script]:
    """A script that says nothing to anybody while the block runs."""
    over = Event()

    def wait(_: Handler) -> None:
        over.wait(30)

    try:
        yield wait
    finally:
        over.set()


BUSY_SECONDS = 3.0
"""A machine keeps a process waiting for so long now and then. What drips or is silent here goes on for much longer."""


@contextmanager
def within(most: float, least: float = 0.0) -> Iterator[None]:
    """The block takes no longer than so many seconds, but for what a busy machine adds, and no less."""
    began = time.monotonic()
    yield
    assert least <= time.monotonic() - began < most + BUSY_SECONDS


@dataclass
class Noting:
    """A script that gives one answer to everybody, and notes what it was asked: each path, and what stood behind its
    question mark."""

    answer: Answer | None
    paths: list[str] = field(default_factory=list)
    queries: list[dict[str, list[str]]] = field(default_factory=list)

    def __call__(self, request: Handler) -> Answer | None:
        asked = urlsplit(request.path)
        self.paths.append(asked.path)
        self.queries.append(parse_qs(asked.query))
        return self.answer


HEAD = b"HTTP/1.1 200 OK\r\nX-Served-Side: green\r\nContent-Length: 100000000\r\n\r\n"


def sending(request: Handler, pieces: Iterable[bytes], *, every: float = 0.0) -> int:
    """Writes these pieces as they are, so many seconds apart, until they or the line end; how many bytes it took."""
    sent = 0
    with suppress(OSError):
        for piece in pieces:
            request.wfile.write(piece)
            sent += len(piece)
            time.sleep(every)
    return sent


def dripping(request: Handler, head: bytes = HEAD, drop: bytes = b".") -> None:
    """Answers a byte (or a `drop`) now and then, for longer than anybody waits: no receive ever takes long."""
    sending(request, chain([head], repeat(drop, 400)), every=0.05)


def number(value: str) -> bytes:
    """Prometheus' answer of one number."""
    return json.dumps({"status": "success", "data": {"result": [{"metric": {}, "value": [1, value]}]}}).encode()


def connect(url: str, folder: Path) -> Cluster:
    """A cluster at this address, as nobody in particular."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "wire",
        "contexts": [{"name": "wire", "context": {"cluster": "wire", "user": "wire"}}],
        "clusters": [{"name": "wire", "cluster": {"server": url}}],
        "users": [{"name": "wire", "user": {}}],
    }
    path = folder / "wire.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return Cluster.connect(path)


@dataclass
class Through:
    """A script that passes every request on to the real API server, as its admin.

    `before` and `after` see a request (method, path); the first may answer in its stead, and when the second says
    True the request has been done but its answer is lost.
    """

    kubeconfig: Path
    before: Callable[[str, str], Answer | None] = lambda method, path: None
    after: Callable[[str, str], bool] = lambda method, path: False
    passed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        config = yaml.safe_load(self.kubeconfig.read_text())
        server = config["clusters"][0]["cluster"]
        self._url, self._token = server["server"], config["users"][0]["user"]["token"]
        self._pool = urllib3.PoolManager(maxsize=16, ssl_context=_trust(server))

    def __call__(self, request: Handler) -> Answer | None:
        instead = self.before(request.command, request.path)
        if instead:
            return instead
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": request.headers["Content-Type"]}
        answer = self._pool.request(
            request.command, self._url + request.path, body=request.body, headers=headers, retries=False
        )
        self.passed.append(f"{request.command} {request.path}")
        return None if self.after(request.command, request.path) else (answer.status, answer.data)


class Counted:
    """An actor, and what it asked the API server for."""

    def __init__(self, through: Through, world: World) -> None:
        self._through, self.world = through, world

    def sent(self, part: str = "") -> list[str]:
        """The requests so far whose line has this in it; they are forgotten."""
        lines, self._through.passed[:] = self._through.passed[:], []
        return [line for line in lines if part in line]

    def methods(self, part: str = "") -> list[str]:
        """Their methods alone."""
        return [line.partition(" ")[0] for line in self.sent(part)]


def _trust(server: dict[str, str]) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=base64.b64decode(server["certificate-authority-data"]).decode())


@dataclass
class Holding(Through):
    """A network that holds writes back: whoever sends one that `holds` names is cut off, as a client that gave up is,
    and it arrives when `release` is called."""

    holds: Callable[[str, str, bytes], bool] = lambda method, path, body: False
    held: list[tuple[str, str, bytes, str]] = field(default_factory=list)

    def __call__(self, request: Handler) -> Answer | None:
        if request.command != "GET" and self.holds(request.command, request.path, request.body):
            self.held.append((request.command, request.path, request.body, request.headers["Content-Type"]))
            return None
        return super().__call__(request)

    def release(self) -> list[int]:
        """Lets all arrive that is held, in the order it was sent. What the API server answered."""
        statuses = []
        for method, path, body, content_type in self.held:
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
            statuses.append(self._pool.request(method, self._url + path, body=body, headers=headers).status)
        self.held.clear()
        return statuses
