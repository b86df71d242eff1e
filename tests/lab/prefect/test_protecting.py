"""Who may do what at Prefect, on a real server: nobody without the login, and no run chooses what it runs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from lab.control.pipelines import POOL, Pipelines

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

COMMAND = {"command": "touch /tmp/owned"}


def deployment(client: httpx.Client, name: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/deployments/name/{name}/{name}").json()
    return found


@pytest.mark.parametrize("chosen", [COMMAND, {"env": {"KUBECONFIG": "/tmp/mine"}}, {"env.PATH": "/tmp"}])
def test_no_run_chooses_its_command_or_its_environment(alone: Pipelines, chosen: dict[str, Any]) -> None:
    with alone.client() as client:
        path = f"/deployments/{deployment(client, 'reconcile')['id']}/create_flow_run"
        refused = client.post(path, json={"job_variables": chosen})
        assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY, refused.text
        assert "Additional properties are not allowed" in refused.text
        taken = client.post(path, json={"name": "as it is"})
        assert taken.status_code == httpx.codes.CREATED
        later = client.patch(f"/flow_runs/{taken.json()['id']}", json={"job_variables": chosen})
        assert later.status_code == httpx.codes.UNPROCESSABLE_ENTITY, later.text


def test_the_pool_has_no_place_for_what_prefect_does_not_look_at(alone: Pipelines) -> None:
    """A run that is made without its deployment's address is taken whatever it chooses: no worker reads it."""
    with alone.client() as client:
        pool = client.get(f"/work_pools/{POOL}").json()["base_job_template"]
    assert "{{" not in str(pool["job_configuration"])
    assert pool["variables"] == {"type": "object", "properties": {}, "additionalProperties": False}


@pytest.mark.parametrize("path", ["/flow_runs/filter", "/events", "/block_documents/filter", "/variables/filter"])
def test_nobody_gets_anything_without_the_login(alone: Pipelines, path: str) -> None:
    for auth in (None, ("flipgate", "guessed")):
        answer = httpx.post(alone.api_url + path, json=[], auth=auth, trust_env=False)
        assert answer.status_code == httpx.codes.UNAUTHORIZED


def test_a_page_of_another_origin_may_ask_nothing(alone: Pipelines) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with alone.client() as client:
        allowed = [
            client.options("/flow_runs/filter", headers={**asks, "Origin": origin}).headers.get(
                "access-control-allow-origin"
            )
            for origin in ("https://elsewhere.example", "null", alone.ui_url)
        ]
    assert allowed == [None, None, alone.ui_url]


def test_the_login_is_in_no_argument_and_no_log_and_only_its_owner_reads_it(alone: Pipelines) -> None:
    assert alone.login_file.read_text() == alone.login
    assert alone.login_file.stat().st_mode & 0o077 == 0
    password = alone.login.partition(":")[2]
    assert password not in repr(alone)
    assert password not in (alone.lab.dir / "logs" / "prefect-server.log").read_text()
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            assert password.encode() not in each.read_bytes()
