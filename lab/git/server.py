"""Git's smart HTTP, by `git http-backend`, for whoever brings the token; away when a test says so.

A file `away` beside the repositories says how the server fails: `503` answers so, `silence` never answers, and
`deaf` takes what is pushed and hangs up before it says so.
"""

from __future__ import annotations

import base64
import hmac
import os
import subprocess
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

REFUSED, SILENT, DEAF = "503", "silence", "deaf"
PAUSE = 0.05  # seconds between two looks whether a silent server is back


class GitHandler(BaseHTTPRequestHandler):
    """One request. `folder` holds `repositories`, the file `token`, and maybe the file `away`."""

    def __init__(self, folder: Path, *arguments: Any) -> None:
        self._folder = folder
        super().__init__(*arguments)

    def do_GET(self) -> None:
        away = self._away()
        if away == SILENT:
            while self._away():
                time.sleep(PAUSE)
        elif away == REFUSED:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
        elif not self._permitted():
            self.send_response(HTTPStatus.UNAUTHORIZED)
            self.send_header("WWW-Authenticate", 'Basic realm="flipgate lab"')
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            answer = self._backend()
            if not (away == DEAF and self.path.endswith("/git-receive-pack")):
                self._pass_on(answer)

    def do_POST(self) -> None:
        self.do_GET()

    def _away(self) -> str:
        try:
            return (self._folder / "away").read_text().strip()
        except OSError:
            return ""

    def _permitted(self) -> bool:
        """Whoever has the token as a password, by whatever name, as it is on public servers."""
        kind, _, given = self.headers.get("Authorization", "").partition(" ")
        try:
            _, _, password = base64.b64decode(given).decode().partition(":")
        except ValueError:
            return False
        token = (self._folder / "token").read_text().strip()
        return kind.lower() == "basic" and hmac.compare_digest(password.encode(), token.encode())

    def _backend(self) -> bytes:
        """What the CGI program of Git says to this request: headers, an empty line, the body."""
        path, _, query = self.path.partition("?")
        asked = {
            "GIT_PROJECT_ROOT": str(self._folder / "repositories"),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": self.client_address[0],
            "REMOTE_USER": "token",
            "REQUEST_METHOD": self.command,
        }
        body = self._body()
        command, env = ["git", "http-backend"], {**os.environ, **asked, "CONTENT_LENGTH": str(len(body))}
        return subprocess.run(command, input=body, env=env, stdout=subprocess.PIPE, check=False).stdout

    def _body(self) -> bytes:
        """The whole of it; Git sends what is large in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _pass_on(self, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        headers = [line.partition(": ")[::2] for line in head.decode().splitlines()]
        status = dict(headers).get("Status", "200")
        self.send_response_only(int(status.split()[0]))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
