"""Waking a run that waits: one plain POST where the environment says all, else by Prefect's own client."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from flipgate.adapters import runs
from flipgate.core.values.errors import Refused
from tests.api.wire import Answer, Handler, serving

RUN = str(UUID(int=7))
LOGIN = "flipgate:secret"


@pytest.fixture
def by_client(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who was woken by Prefect's client, which always is heard."""
    woken: list[str] = []

    def resume(run: UUID, run_input: dict[str, Any]) -> SimpleNamespace:
        woken.append(str(run))
        return SimpleNamespace(status=SimpleNamespace(value="ACCEPT"))

    client = SimpleNamespace(resume_flow_run=resume)
    monkeypatch.setattr(runs, "_client", lambda *_: nullcontext(client))
    for name in ("PREFECT_API_AUTH_STRING", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    return woken


class Server:
    """A Prefect server of few words."""

    def __init__(self, status: int, verdict: Any, seconds: float = 0.0) -> None:
        self.status, self.verdict, self.seconds = status, verdict, seconds
        self.asked: list[tuple[str, dict[str, Any], str | None]] = []

    def __call__(self, request: Handler) -> Answer:
        time.sleep(self.seconds)
        self.asked.append((request.path, json.loads(request.body), request.headers["Authorization"]))
        return self.status, json.dumps(self.verdict).encode()


@contextmanager
def prefect(server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with serving(server, folder) as cluster:
        monkeypatch.setenv("PREFECT_API_URL", f"{cluster.server}/api")
        yield


def ring() -> bool:
    return runs.ring(RUN, "approve", "it soaked", "ana")


def test_who_answers_in_prefect_s_place_has_said_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_client: list[str]
) -> None:
    with prefect(Server(200, {"status": "ok"}), tmp_path, monkeypatch):
        assert ring()
    assert by_client == [RUN]


def test_one_post_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_client: list[str]) -> None:
    server = Server(201, {"state": None, "status": "ACCEPT", "details": {"type": "accept_details"}})
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", LOGIN)
    with prefect(server, tmp_path, monkeypatch):
        assert ring()
    ((path, body, login),) = server.asked
    assert path == f"/api/flow_runs/{RUN}/resume"
    assert (body["run_input"]["decision"], body["run_input"]["reason"]) == ("approve", "it soaked")
    assert login == f"Basic {base64.b64encode(LOGIN.encode()).decode()}"
    assert by_client == []


def rejected(reason: str) -> dict[str, Any]:
    return {"state": None, "status": "REJECT", "details": {"type": "reject_details", "reason": reason}}


def test_what_the_server_says_of_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_client: list[str]
) -> None:
    with prefect(Server(200, rejected("Cannot resume a run that is not paused")), tmp_path, monkeypatch):
        assert not ring()
    with (
        prefect(Server(200, rejected("Run input validation failed")), tmp_path, monkeypatch),
        pytest.raises(Refused, match="did not take the decision: Run input validation failed"),
    ):
        ring()
    assert by_client == []


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(401, {"detail": "who?"}), (403, {}), (307, {}), (503, "busy"), (200, []), (200, {"detail": "a proxy's page"})],
)
def test_whatever_else_it_answers_the_client_has_its_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_client: list[str], status: int, verdict: Any
) -> None:
    with prefect(Server(status, verdict), tmp_path, monkeypatch):
        assert ring()
    assert by_client == [RUN]


@pytest.mark.parametrize(
    "said",
    [
        {"PREFECT_API_URL": ""},
        {"PREFECT_API_URL": "http://127.0.0.1:1/api"},
        {"PREFECT_API_KEY": "pnu_1"},
        {"PREFECT_CLIENT_CUSTOM_HEADERS": "{}"},
        {"http_proxy": "http://127.0.0.1:1"},
    ],
    ids=lambda said: next(iter(said)) if isinstance(said, dict) else None,
)
def test_what_is_said_to_the_client_is_the_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_client: list[str], said: dict[str, str]
) -> None:
    server = Server(201, {"status": "ACCEPT"})
    with prefect(server, tmp_path, monkeypatch):
        for name, value in said.items():
            monkeypatch.setenv(name, value)
        assert ring()
    assert (server.asked, by_client) == ([], [RUN])


def test_a_server_that_is_slow_is_rung_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_client: list[str]
) -> None:
    """It has taken the yes, and says so late: whoever rings again hears that nobody waits."""
    server = Server(201, {"status": "ACCEPT"}, seconds=0.5)
    monkeypatch.setattr(runs, "HURRY_SECONDS", 0.2)
    with prefect(server, tmp_path, monkeypatch):
        assert ring()
    assert (len(server.asked), by_client) == (1, [])
