"""docs/protecting-prefect.md: its commands as they stand, against a real Prefect behind a real Traefik with our example
of a configuration. The names that it takes for examples are this machine's."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme

from lab.control.pipelines import POOL, Pipelines
from lab.machine.paths import CHECKOUT
from lab.plane import build
from tests.lab.prefect_api import PrefectApi
from tests.lab.stage import wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

PAGE = (CHECKOUT / "docs" / "protecting-prefect.md").read_text()
BLOCKS = re.findall(r"^<!-- run: (\w+) -->\n```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
KINDS = ("secrets", "pool", "ci", "closed")


@dataclass(frozen=True)
class Door:
    """Traefik before the server: people come by `127.0.0.1`, CI by `localhost`."""

    server: Pipelines
    folder: Path
    port: int

    def run(self, kind: str, **env: str) -> str:
        """All commands of this kind, where the page's reader would type them; what they print."""
        text = "".join(commands for each, commands in BLOCKS if each == kind).replace("uv run ", "")
        text = text.replace("prefect.example", f"127.0.0.1:{self.port}").replace("builds.example", self.builds)
        text = text.replace("deployments/", f"{CHECKOUT}/deployments/")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env={
                **self.server.env(),
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "CURL_CA_BUNDLE": str(self.folder / "ca.pem"),
                "NO_PROXY": "*",
                "TMPDIR": str(self.folder),
                **env,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, (text, done.stdout, done.stderr)
        return done.stdout

    @property
    def builds(self) -> str:
        return f"localhost:{self.port}"

    @property
    def ci(self) -> str:
        return f"ci:{(self.folder / 'ci-password').read_text().strip()}"


@pytest.fixture(scope="module")
def door(alone: Pipelines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    folder = tmp_path_factory.mktemp("door")
    with socket.create_server(("127.0.0.1", 0)) as free:
        made = Door(alone, folder, free.getsockname()[1])
    made.run("secrets")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "tls.key")
    for part in certificate.cert_chain_pems:
        part.write_to_path(folder / "tls.crt", append=True)
    text = (CHECKOUT / "deployments" / "proxy" / "traefik.yaml").read_text()
    for example, here in {
        "/etc/traefik/prefect": str(folder),
        "prefect.example": "127.0.0.1",
        "builds.example": "localhost",
        "http://127.0.0.1:4200": alone.ui_url,
    }.items():
        assert example in text
        text = text.replace(example, here)
    (folder / "traefik.yaml").write_text(text)
    command = [
        str(build.ensure(["traefik"])["traefik"]),
        f"--entrypoints.https.address=127.0.0.1:{made.port}",
        f"--providers.file.filename={folder / 'traefik.yaml'}",
    ]
    env = {**os.environ, "PREFECT_SERVER_API_AUTH_STRING": alone.login}
    with (
        (folder / "traefik.log").open("wb") as log,
        subprocess.Popen(command, env=env, stdout=log, stderr=log) as proxy,
    ):
        try:
            wait_until("Traefik to answer", lambda: ask(made, "GET", "127.0.0.1", "/api/health") == 200)
            yield made
        finally:
            proxy.kill()


def ask(door: Door, verb: str, host: str, path: str, login: str = "", body: str = "[]") -> int:
    """The status of one request, its path sent as it is."""
    name, _, password = login.partition(":")
    try:
        with httpx.Client(verify=False, trust_env=False, auth=(name, password) if login else None) as client:
            url = f"https://{host}:{door.port}"
            headers = {"Content-Type": "application/json"}
            request = client.build_request(verb, url, content=body, headers=headers)
            request.url = request.url.copy_with(raw_path=path.encode())
            return client.send(request).status_code
    except httpx.TransportError:
        return 0


def test_every_command_of_the_page_is_run() -> None:
    assert len(BLOCKS) == len(re.findall(r"^```sh\n", PAGE, re.MULTILINE))
    assert {kind for kind, _ in BLOCKS} == set(KINDS)


def test_the_pool_made_as_the_page_says_lets_no_run_choose(door: Door) -> None:
    door.run("pool")
    with door.server.client() as client:
        template = client.get(f"/work_pools/{POOL}").json()["base_job_template"]
    assert template["variables"]["additionalProperties"] is False


def test_the_secrets_are_their_owner_s_alone(door: Door) -> None:
    for name in ("prefect-server.env", "ci-password", "ci-users"):
        assert (door.folder / name).stat().st_mode & 0o077 == 0
    assert door.ci.partition(":")[2] not in (door.folder / "ci-users").read_text()


def test_what_is_closed_answers_as_the_page_says(door: Door) -> None:
    (said,) = [commands for kind, commands in BLOCKS if kind == "closed"]
    assert door.run("closed").split() == re.findall(r"# (\d+)$", said, re.MULTILINE)


def test_ci_announces_a_build_without_prefect_s_login(door: Door) -> None:
    own = {"PREFECT_API_URL": f"https://{door.builds}/api", "PREFECT_API_AUTH_STRING": door.ci}
    sent = door.run("ci", **own)
    identity = sent.split()[1]
    body = {"filter": {"id": {"id": [identity]}}}
    wait_until("the event", lambda: PrefectApi(door.server)._call("POST", "/events/filter", body)["events"])


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "/api/flow_runs/filter"),
        ("POST", "/api/events/filter"),
        ("POST", "/api/events/../flow_runs/filter"),
        ("POST", "/api/events/..%2fflow_runs/filter"),
        ("POST", "/api//events/../block_documents/filter"),
        ("GET", "/api/events"),
        ("DELETE", "/api/events"),
        ("GET", "/"),
    ],
)
def test_ci_s_login_opens_nothing_else(door: Door, verb: str, path: str) -> None:
    assert ask(door, verb, "localhost", path, door.ci) in (400, 404)
    assert ask(door, verb, "127.0.0.1", path, door.ci) in (200, 400, 401, 404, 405)
    assert ask(door, "POST", "127.0.0.1", "/api/events", door.ci) == 401


def test_a_flood_of_events_is_stopped_at_the_door(door: Door) -> None:
    answers = [ask(door, "POST", "localhost", "/api/events", door.ci) for _ in range(60)]
    assert answers[0] == 204
    assert answers[-1] == 429
