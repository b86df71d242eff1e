"""Local addresses of a side's Services, for as long as a check's program runs: each request goes on through the API
server's service proxy, by the right that HTTP checks have, too. No port-forward's process is there to be left behind.

What the API server would take for itself does not go on: `Authorization` (kubernetes/kubernetes#38775), and headers by
which a client speaks for another user (https://kubernetes.io/docs/reference/access-authn-authz/authentication).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import unquote, urlsplit

from flipgate.adapters.cluster import Reader
from flipgate.core.values.answer import Answer, api_servers_own
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.foreign import printable, sentence, without_secrets
from flipgate.core.values.frozen import dataclass

MOST_BYTES = 8 * 1_048_576
"""Of a request's body, and of an answer's."""
REQUEST_SECONDS = 60.0
POLL_SECONDS = 0.1
NOTES_KEPT = 5
NOTE_SHOWN = 500
_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding"}
    | {"upgrade", "host", "content-length", "accept-encoding", "expect", "proxy-connection"}
)
"""Headers of one connection, or that are made anew: bodies come as they are, and are not packed."""
_TAKEN = re.compile(r"authorization|impersonate-.*|x-remote-.*", re.IGNORECASE)
_DOTS = re.compile(r"(^|[/\\])\.{1,2}([/\\]|$)")


@dataclass(frozen=True)
class Behind:
    """The Service behind an address."""

    namespace: str
    service: str
    port: int | str
    scheme: str = "http"


@dataclass
class Forwarded:
    """Open addresses by name, and what of the requests did not get through, a sentence each."""

    urls: dict[str, str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    over: bool = False
    """Whether the block has ended: what comes on a connection that was kept goes nowhere."""
    _lock: Lock = field(default_factory=Lock)

    def note(self, fact: str) -> None:
        """Keeps a sentence for whoever reads the check's result; the first few, without what looks like a secret: a
        program need not print its requests to have them told."""
        with self._lock:
            if len(self.notes) < NOTES_KEPT:
                self.notes[printable(without_secrets(fact), NOTE_SHOWN)] = None


@contextmanager
def forwarding(cluster: Reader, services: Mapping[str, Behind]) -> Iterator[Forwarded]:
    """An address on 127.0.0.1 for each of these Services, while the block runs."""
    forwarded = Forwarded()
    with ExitStack() as stack:
        for name, behind in services.items():
            handler = type("Forward", (_Handler,), {"cluster": cluster, "behind": behind, "forwarded": forwarded})
            server = _Server(("127.0.0.1", 0), handler)
            stack.callback(server.server_close)
            thread = Thread(target=server.serve_forever, args=(POLL_SECONDS,), name=f"forward {name}", daemon=True)
            thread.start()
            stack.callback(server.shutdown)
            forwarded.urls[name] = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield forwarded
        finally:
            forwarded.over = True


class _Server(ThreadingHTTPServer):
    request_queue_size = 64
    daemon_threads = True
    block_on_close = False
    """A kept connection would hold up the end; requests under way have their own limit."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of the program's."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = REQUEST_SECONDS
    cluster: Reader
    behind: Behind
    forwarded: Forwarded

    def do_any(self) -> None:
        target = self.path
        if self.forwarded.over:
            self.close_connection = True
            return
        if (refused := _no_path(target)) or isinstance(body := self._body(), str):
            self._refuse(400, refused or str(body))
            return
        self._note_headers()
        try:
            whole = self.cluster.pass_on(
                self.behind.namespace,
                self.behind.service,
                self.behind.port,
                target,
                scheme=self.behind.scheme,
                method=self.command,
                headers=_going_on(self.headers.items()),
                body=body,
                timeout=REQUEST_SECONDS,
                most=MOST_BYTES,
            )
        except FlipgateError as error:
            self._refuse(502, sentence(error))
            return
        if whole.unread:
            self._refuse(502, whole.unread)
            return
        if own := api_servers_own(Answer(whole.status, whole.headers, whole.body, 0.0)):
            self._refuse(502, own)
            return
        self._answer(whole.status, _coming_back(whole.headers.items()), whole.body, whole.headers.get("Content-Length"))

    # The base class asks for these names.
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815

    def _body(self) -> bytes | str | None:
        """What it sends; a sentence where that cannot go on."""
        length = self.headers.get("Content-Length")
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        if length is None:
            return None
        if not length.isascii() or not length.isdigit():
            return "its Content-Length is no number"
        return self.rfile.read(int(length)) if int(length) <= MOST_BYTES else _too_long()

    def _chunks(self) -> bytes | str:
        found = bytearray()
        while True:
            size = self.rfile.readline(1024).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
                return "its chunks cannot be read"
            if not (count := int(size, 16)):
                break
            if len(found) + count > MOST_BYTES:
                return _too_long()
            found += self.rfile.read(count)
            self.rfile.readline(8)
        while self.rfile.readline(65_536).strip():
            pass  # trailers
        return bytes(found)

    def _note_headers(self) -> None:
        for name in self.headers:
            if _TAKEN.fullmatch(name):
                self.forwarded.note(f"header {name} of its requests did not go on: the API server takes it for itself")

    def _refuse(self, status: int, fact: str) -> None:
        path, mark, query = self.path.partition("?")
        self.forwarded.note(
            f"{self.command} {path[:100]} did not get through: {fact.replace(mark + query, '') if query else fact}"
        )
        self.close_connection = True
        self._answer(status, [("Content-Type", "text/plain"), ("Connection", "close")], f"flipgate: {fact}\n".encode())

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: str | None = None) -> None:
        try:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            if self.command == "HEAD":
                if length:
                    self.send_header("Content-Length", length)
            elif status not in (204, 304):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except OSError:  # who asked has gone
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: what matters is noted."""


def _no_path(target: str) -> str:
    """Why a request's target cannot go on; empty where it can. One with steps upward could leave the Service, and ask
    the API server itself, by who normalises it on the way."""
    if not target.startswith("/"):
        return "its target is no path"
    path = urlsplit(target).path
    for _ in range(3):
        if _DOTS.search(path) or "\\" in path:
            return "its path has steps upward (..)"
        path = unquote(path)
    return ""


def _going_on(headers: Any) -> dict[str, str]:
    """Several of one name are one, as HTTP has it, in whatever case they came."""
    sent = {"Accept": "*/*"}
    for given, value in headers:
        name = given.title()
        if given.lower() not in _HOP and not _TAKEN.fullmatch(given):
            sent[name] = f"{sent[name]}, {value}" if name in sent and name != "Accept" else value
    return sent


def _coming_back(headers: Any) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _HOP]


def _too_long() -> str:
    return f"its body has more than {MOST_BYTES:,} bytes"
