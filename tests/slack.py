"""Local servers that stand for Slack: its Web API, which can be told to be away or to fail, and its Socket Mode."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

BOT, APP, TICKET = "xoxb-" + "good", "xapp-" + "good", "a-secret-ticket"
WAIT_SECONDS = 20.0
TRIES = 5

Answer = tuple[int, dict[str, Any], dict[str, str]]


def refusing(error: str, status: int = 200, **headers: str) -> Answer:
    return status, {"ok": False, "error": error}, headers


@dataclass
class Slack:
    """What was posted, oldest first, and how the next requests are answered."""

    url: str = ""
    socket: str = ""
    status: int = 200
    """Of posts: an HTTP status."""
    asked: int = 0
    tokens: frozenset[str] = frozenset()
    """The only ones that are taken; empty: any."""
    posted: list[dict[str, Any]] = field(default_factory=list)
    updated: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    """What one person alone was shown."""
    forms: list[dict[str, Any]] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    faults: dict[str, list[Answer]] = field(default_factory=dict)
    """By method the answers that come first."""
    calls: list[str] = field(default_factory=list)
    links: list[ServerConnection] = field(default_factory=list)
    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    news: threading.Condition = field(default_factory=threading.Condition)

    def take(self, path: str, message: dict[str, Any], token: str = "") -> Answer:
        """Answers one request to the Web API."""
        with self.news:
            method = path.removeprefix("/api/")
            self.calls.append(method)
            self.news.notify_all()
            if left := self.faults.get(method):
                return left.pop(0)
            if self.tokens and token not in self.tokens:
                return refusing("invalid_auth")
            act: Callable[[dict[str, Any]], Answer] = getattr(self, "_" + method.replace(".", "_"), _unknown)
            return act(message)

    def _chat_postMessage(self, message: dict[str, Any]) -> Answer:  # noqa: N802
        self.asked += 1
        if self.status != 200:
            return refusing("internal_error", self.status)
        self.posted.append(message)
        return 200, {"ok": True, "channel": "C1", "ts": f"1700000000.{len(self.posted):06}"}, {}

    def _chat_update(self, message: dict[str, Any]) -> Answer:
        self.updated.append(message)
        return 200, {"ok": True, "channel": message["channel"], "ts": message["ts"]}, {}

    def _chat_postEphemeral(self, message: dict[str, Any]) -> Answer:  # noqa: N802
        self.told.append(message)
        return 200, {"ok": True, "message_ts": "1.0"}, {}

    def _views_open(self, message: dict[str, Any]) -> Answer:
        self.forms.append(message["view"])
        return 200, {"ok": True, "view": {"id": f"V{len(self.forms)}"}}, {}

    def _auth_test(self, _message: dict[str, Any]) -> Answer:
        return 200, {"ok": True, "team_id": "T1", "user_id": "UBOT"}, {}

    def _usergroups_users_list(self, message: dict[str, Any]) -> Answer:
        users = self.groups.get(message["usergroup"])
        return refusing("no_such_subteam") if users is None else (200, {"ok": True, "users": users}, {})

    def _apps_connections_open(self, _message: dict[str, Any]) -> Answer:
        return 200, {"ok": True, "url": f"{self.socket}/link?ticket={TICKET}"}, {}

    # Socket Mode

    def talk(self, link: ServerConnection) -> None:
        """One connection, until it ends."""
        link.send(json.dumps({"type": "hello", "num_connections": len(self.links) + 1}))
        with self.news:
            self.links.append(link)
            self.news.notify_all()
        with suppress(ConnectionClosed):
            for text in link:
                answer = json.loads(text)
                with self.news:
                    self.acknowledged[answer["envelope_id"]] = answer
                    self.news.notify_all()
        with self.news:
            self.links.remove(link)
            self.news.notify_all()

    def until(self, found: Callable[[], Any], what: str = "what was waited for") -> Any:
        """Waits until something is so, and returns it."""
        with self.news:
            assert self.news.wait_for(found, WAIT_SECONDS), f"{what} did not come"
            return found()

    def send(self, payload: Mapping[str, Any], envelope: str, link: ServerConnection | None = None) -> dict[str, Any]:
        """Sends an envelope, to another connection again where one ends before it is acknowledged; returns what it was
        acknowledged with."""
        for attempt in range(TRIES):
            to = link if link in self.links else self.until(lambda: self.links[-1:], "a connection")[0]
            sent = {"type": "interactive", "envelope_id": envelope, "payload": payload, "retry_attempt": attempt}
            here: ServerConnection = to
            with suppress(ConnectionClosed):
                here.send(json.dumps(sent))
            self.until(lambda here=here: envelope in self.acknowledged or here not in self.links, "an acknowledgement")
            if envelope in self.acknowledged:
                return self.acknowledged[envelope]
        raise AssertionError("nobody acknowledged it")

    def disconnect(self, reason: str) -> None:
        """Ends all connections, as Slack does: with a message, and then by itself."""
        for link in [*self.links]:
            link.send(json.dumps({"type": "disconnect", "reason": reason}))
            link.close()


def _unknown(_message: dict[str, Any]) -> Answer:
    return refusing("unknown_method")


@contextmanager
def serving() -> Iterator[Slack]:
    """A Slack on a port of its own while the block runs."""
    slack = Slack()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
            url = urlsplit(self.path)
            message = json.loads(body) if body.startswith("{") else dict(parse_qsl(f"{body}&{url.query}"))
            token = (self.headers["Authorization"] or "").removeprefix("Bearer ")
            status, answer, headers = slack.take(url.path, message, token)
            data = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, serve(slack.talk, "127.0.0.1", 0) as sockets:
        slack.url = f"http://127.0.0.1:{server.server_port}/api/"
        slack.socket = f"ws://127.0.0.1:{sockets.socket.getsockname()[1]}"
        threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True),
            threading.Thread(target=sockets.serve_forever, daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield slack
        finally:
            for link in [*slack.links]:
                link.close()
            server.shutdown()
            sockets.shutdown()
            for thread in threads:
                thread.join()
