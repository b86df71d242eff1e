"""A Prefect server that answers with something else: one of our own errors, which every caller is ready for."""

from __future__ import annotations

import itertools
import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from flipgate.adapters import runs
from flipgate.core.values.errors import Unreachable
from tests.core.answering import NONE, Answering, answering

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

RUN = "0c5b3ab1-0d43-4a6b-9a3c-6d8d8bd1e0aa"
ASKS: dict[str, Callable[[], object]] = {
    "start": lambda: runs.start("reconcile", {}),
    "ring": lambda: runs.ring(RUN, "approve", "fine", "ana"),
    "ended": lambda: runs.ended(RUN),
    "answers": lambda: runs.answers_of(RUN, "suspended-1-"),
    "variables": runs.variables,
}
LISTS = ("answers", "variables")


@contextmanager
def prefect_says(status: int, body: bytes, headers: Mapping[str, str] = NONE) -> Iterator[Answering]:
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_CSRF_SUPPORT_ENABLED, temporary_settings

    with answering(status, body, headers) as there:
        # Else a token would be asked for before anything is posted, and what is said to that would be judged alone.
        told = {PREFECT_API_URL: f"{there.url}/api", PREFECT_CLIENT_CSRF_SUPPORT_ENABLED: False}
        with temporary_settings(told):
            yield there


@pytest.mark.parametrize("body", [b"<p>\xff 502", b"<p>Sorry!", b"[]", b'{"id": 1}', b'[{"id": 1}]'])
@pytest.mark.parametrize("ask", ASKS)
def test_what_is_no_answer_of_prefect_s_is_no_answer(ask: str, body: bytes) -> None:
    if ask in LISTS and body == b"[]":
        body = b"[1]"
    with prefect_says(200, body), pytest.raises(Unreachable, match="did not answer as expected"):
        ASKS[ask]()


@pytest.mark.parametrize(
    "headers",
    [{}, {"Retry-After": "600"}, {"Prefect-Maintenance": "true"}],
    ids=lambda headers: " ".join(headers) or "-",
)
@pytest.mark.parametrize("ask", ["ring", "ended"])
def test_whoever_types_a_decision_waits_seconds_for_a_server_that_is_down(
    ask: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands before it says 502 then, which Prefect's client asks about again for a minute, or for as long as it
    is told to, which may be for ever."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert sum(slept) < 60, slept

    monkeypatch.setattr("prefect.client.base.time.sleep", sleep)
    with prefect_says(502, b"", headers) as there, pytest.raises(Unreachable, match="502"):
        ASKS[ask]()
    assert there.asked
    assert sum(slept) < 10, slept


def test_users_who_are_on_their_way_back_wait_for_two_seconds_of_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody who reaches Prefect makes ten thousand variables."""
    clock = itertools.count()
    monkeypatch.setattr(runs, "monotonic", lambda: next(clock))
    page = json.dumps([{"value": "x"}] * runs.VARIABLES_A_PAGE).encode()
    with prefect_says(200, page) as there:
        with pytest.raises(Unreachable, match="than were read in 2 s"):
            runs.variables(in_a_hurry=True)
        assert len([path for path, _ in there.asked if path.endswith("/variables/filter")]) == 3
        with pytest.raises(Unreachable, match="more than 10000 variables"):
            runs.variables()


PASSWORD = "hunter2-of-prefect"


@pytest.mark.parametrize("status", [401, 500])
@pytest.mark.parametrize("ask", ASKS)
def test_a_password_in_the_server_s_address_is_in_no_message(
    ask: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefect.client.base.time.sleep", lambda _: None)
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with answering(status, b"") as there:
        url = there.url.replace("//", f"//flipgate:{PASSWORD}@") + "/api"
        with temporary_settings({PREFECT_API_URL: url}), pytest.raises(Unreachable) as unreachable:
            ASKS[ask]()
    assert str(status) in str(unreachable.value)
    assert PASSWORD not in "".join(traceback.format_exception(unreachable.value))


@pytest.mark.parametrize("ui", [None, f"https://ana:{PASSWORD}@prefect.example"])
def test_a_link_to_a_run_names_no_login(ui: str | None) -> None:
    from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

    server = {PREFECT_API_URL: f"https://ana:{PASSWORD}@prefect.example/api", PREFECT_UI_URL: ui}
    with temporary_settings(server):
        assert runs.url_of(RUN) == f"https://prefect.example/v2/runs/flow-run/{RUN}"
        assert runs.artifact_url("checks") == "https://prefect.example/v2/artifacts/key/checks"


@pytest.mark.parametrize(
    ("api", "ui", "link"),
    [
        ("https://prefect.example/api", None, "https://prefect.example/v2/runs/flow-run/"),
        ("https://prefect.example/api", "https://prefect.example/ui", "https://prefect.example/ui/v2/runs/flow-run/"),
        ("https://prefect.example/api", "https://prefect.example/v2", "https://prefect.example/v2/runs/flow-run/"),
        ("https://api.prefect.cloud/api/accounts/a/workspaces/w", None, "https://app.prefect.cloud/account/"),
        (None, None, ""),
    ],
)
def test_a_link_to_a_run_is_to_the_ui_that_asks_for_a_login(api: str | None, ui: str | None, link: str) -> None:
    """tests/ui follows one without a login."""
    from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: api, PREFECT_UI_URL: ui}):
        url = runs.url_of(RUN)
        assert url.startswith(link) if link else url == ""
        assert "cloud" not in url or "/v2" not in url
