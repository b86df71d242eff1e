"""Endpoints that have to answer from the dark side: what the file says, how they are asked, what an answer is worth."""

from __future__ import annotations

import http.server
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.gates.reach import Endpoint, judged
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import BadInput
from flipgate.core.values.verdicts import Evidence, Verdict
from tests.core.builders import SHOP

DATABASE = "{name: database, host: db.shared, port: 5432}"


def endpoint(**given: Any) -> Endpoint:
    return Endpoint.model_validate({"name": "database", **given})


def loaded(*endpoints: str) -> tuple[Endpoint, ...]:
    return load_application(f"{SHOP}  reach: [{', '.join(endpoints)}]\n", "shop.yaml").spec.reach


def test_an_endpoint_is_asked_by_the_first_serving_service_unless_it_says_whose_pods() -> None:
    first, other = loaded(DATABASE, "{name: broker, host: mq, port: 5672, from: mailer, image: acme/ask:1}")
    assert [each.asker(["web"]) for each in (first, other)] == ["web", "mailer"]
    assert other.asker([]) == "mailer", "also where nothing serves"
    assert first.target == "db.shared:5432"
    assert first.task("web").written != but_image(first).task("web").written, "another image is another Job"


def but_image(each: Endpoint) -> Endpoint:
    return each.model_copy(update={"image": "acme/ask:2"})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("{name: a}", "needs exactly one of host (with port), url, run (it has: none)"),
        ("{name: a, host: db}", "needs both host and port"),
        ("{name: a, host: db, port: 1, url: 'http://x'}", "(it has: host and url)"),
        ("{name: a, host: db, port: 1, status: 200}", "has status, which only one with url has"),
        ("{name: a, url: 'ftp://x'}", "must be http://HOST"),
        ("{name: a, url: 'https://me:secret@x'}", "without a user: it is shown in messages"),
        ("{name: a, host: db, port: 1, image: acme/ask}", "has neither tag nor digest"),
        ("{name: a, host: db, port: 1, from: wep}", 'is from unknown service "wep"; did you mean "web"?'),
        (f"{DATABASE}, {DATABASE}", "named more than once: database"),
    ],
)
def test_what_is_wrong_with_one_is_said(wrong: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        loaded(wrong)
    assert said in str(refused.value)


@contextmanager
def serving(status: int) -> Iterator[int]:
    """The port of a server that answers everything with this status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def ran(words: tuple[str, ...], **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        ["/bin/" + words[0], *words[1:]], capture_output=True, text=True, timeout=30, env=environment or None
    )
    return done.returncode, done.stdout


def test_a_port_that_answers_passes_and_one_that_is_closed_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        open_one = endpoint(host="127.0.0.1", port=port)
        assert ran(open_one.words) == (0, f"127.0.0.1:{port} answers\n")
    code, said = ran(open_one.words)
    assert (code, said) == (1, f"127.0.0.1:{port} does not answer within 5 s\n")


@pytest.fixture(params=[tool for tool in ("curl", "wget") if shutil.which(tool)])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An image that has one of the tools alone, beside a shell's usual ones."""
    for tool in (request.param, "sed", "tail"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


@pytest.mark.parametrize(
    ("answered", "wanted", "code"), [(200, None, 0), (404, None, 0), (503, None, 1), (404, 404, 0), (200, 204, 1)]
)
def test_a_url_answers_by_its_status(image: Path, answered: int, wanted: int | None, code: int) -> None:
    with serving(answered) as port:
        url = f"http://127.0.0.1:{port}/health"
        asked = endpoint(url=url, status=wanted)
        assert ran(asked.words, PATH=str(image)) == (code, f"{url}: status {answered}\n")
    unheard, said = ran(asked.words, PATH=str(image))
    assert (unheard, said.splitlines()[-1]) == (1, f"{url} does not answer within 5 s")


def test_an_image_that_has_nothing_to_ask_with_is_unknown_and_says_what_helps() -> None:
    asked = endpoint(host="127.0.0.1", port=9)
    code, said = ran(asked.words, PATH="/nonexistent")
    assert (code, said) == (127, "cannot ask: no nc, bash or python3 in this image\n")
    found = Evidence("database", Verdict.FAIL, "", "", "the Job failed", "", said)
    row = judged(asked, "Deployment shop-green/web", found)
    assert (row.gate, row.verdict) == ("reach database", Verdict.UNKNOWN)
    assert row.mend.startswith("declare `image`")
    without_shell = Evidence("d", Verdict.FAIL, "", "", 'exec: "sh": executable file not found in $PATH', "")
    assert judged(asked, "", without_shell).verdict is Verdict.UNKNOWN
    closed = judged(asked, "", Evidence("d", Verdict.FAIL, "", "", "the Job failed", "", "does not answer"))
    assert (closed.verdict, closed.mend) == (Verdict.FAIL, "")
