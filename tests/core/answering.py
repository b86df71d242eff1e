"""A server that gives the same answer to everything, and keeps what it was asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import MappingProxyType

NONE: Mapping[str, str] = MappingProxyType({})


@dataclass
class Answering:
    url: str
    asked: list[tuple[str, bytes]] = field(default_factory=list)
    """The path and the body of each request."""
    authorized: list[str] = field(default_factory=list)
    """How each request logged in; empty where it did not."""


@contextmanager
def answering(status: int, body: bytes, headers: Mapping[str, str] = NONE) -> Iterator[Answering]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"] or 0))))
            there.authorized.append(self.headers["Authorization"] or "")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_PUT = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there = Answering(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        thread.start()
        try:
            yield there
        finally:
            server.shutdown()
            thread.join()
