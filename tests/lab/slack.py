"""A local HTTP server that stands for Slack's API, and can be told to be away or to fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Slack:
    """What was posted, oldest first, and how the next posts are answered (an HTTP status)."""

    url: str = ""
    status: int = 200
    asked: int = 0
    posted: list[dict[str, Any]] = field(default_factory=list)

    def take(self, path: str, message: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked += 1
        if path != "/api/chat.postMessage":
            return 200, {"ok": False, "error": "unknown_method"}
        if self.status != 200:
            return self.status, {"ok": False, "error": "internal_error"}
        self.posted.append(message)
        return 200, {"ok": True, "channel": "C1", "ts": f"1700000000.{len(self.posted):06}"}


@contextmanager
def serving() -> Iterator[Slack]:
    """A Slack on a port of its own while the block runs."""
    slack = Slack()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = slack.take(self.path, json.loads(body))
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        slack.url = f"http://127.0.0.1:{server.server_port}/api/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield slack
        finally:
            server.shutdown()
            thread.join()
