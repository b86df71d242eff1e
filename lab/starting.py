"""Brings one lab up: its folder, its namespace, and what has to hold before it may be used."""

from __future__ import annotations

import dataclasses
import socket
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from lab import apply, credentials, namespaces, paths
from lab.components import NODE_NAME, Tier
from lab.errors import LabError
from lab.records import KUBECTL, Lab, Record, read_state

Progress = Callable[[str], None]

API_PATIENCE = 60.0  # seconds until the API server has to answer
FULL_PATIENCE = 60.0  # seconds more until the node and Traefik have to
TICK = 0.05  # seconds between two looks
REMIND = 3.0  # seconds between two lines of progress about the same thing
TAIL = 5  # lines of a log that a message shows


@dataclass(frozen=True)
class Order:
    """What lab is wanted, where, and how this machine lets us set it apart."""

    name: str
    folder: Path
    tier: Tier
    throttle_ms: int
    apart: tuple[str, ...]


def start(order: Order, programs: Mapping[str, Path], tell: Progress) -> Lab:
    """Start a lab in an empty place and wait until it can be used.

    Raises:
        LabError: Something did not come up; its logs are still there.
    """
    _furnish(order.folder, programs)
    record = _launch(order)
    wait = _Wait(order, record, tell)
    with _client(order.folder, record.api_url) as client:
        wait.until("the API server", API_PATIENCE, lambda: _answers(client, "/readyz"))
        wait.until("its namespaces", API_PATIENCE, lambda: _answers(client, "/api/v1/namespaces/default"))
        if order.tier == "full":
            _install(order, client, programs["traefik"].parent / "crds")
            wait.until(f"node {NODE_NAME}", FULL_PATIENCE, lambda: _node_ready(client))
            wait.until("Traefik", FULL_PATIENCE, lambda: _traefik_ready(client, record.traefik_url))
    dataclasses.replace(record, ready=True).write(order.folder)
    tell(f"lab {order.name}: up after {wait.took():.1f} s")
    kubeconfig = order.folder / "kubeconfig"
    urls = (record.api_url, record.traefik_url)
    return Lab(order.name, order.folder, order.tier, kubeconfig, *urls, record.keeper.pid)


def _furnish(folder: Path, programs: Mapping[str, Path]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    for name in ("logs", "bin"):
        (folder / name).mkdir()
    for name, program in programs.items():
        (folder / "bin" / name).symlink_to(program)
    (folder / "bin" / KUBECTL).symlink_to(programs["controlplane"])


def _launch(order: Order) -> Record:
    """Make the doors, which belong to the network outside, and the namespace that serves them."""
    with ExitStack() as stack:
        api = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
        sockets = [api]
        arguments = [f"--dir={order.folder}", f"--tier={order.tier}", f"--api-socket={api.fileno()}"]
        if order.tier == "full":
            traefik = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
            sockets.append(traefik)
            arguments.append(f"--traefik-socket={traefik.fileno()}")
        urls = [f"https://127.0.0.1:{api.getsockname()[1]}"]
        urls += [f"http://127.0.0.1:{door.getsockname()[1]}" for door in sockets[1:]] or [""]
        credentials.create(order.folder, order.name, urls[0])
        log = order.folder / "logs" / "supervisor.log"
        command = [*order.apart, sys.executable, "-m", "lab.supervisor", *arguments]
        keeper = namespaces.start(command, log, sockets=[door.fileno() for door in sockets])
    record = Record(order.tier, keeper, urls[0], urls[1], order.throttle_ms)
    record.write(order.folder)
    return record


def _client(folder: Path, api_url: str) -> httpx.Client:
    return httpx.Client(
        base_url=api_url,
        verify=ssl.create_default_context(cafile=str(folder / "pki" / "ca.crt")),
        headers={"Authorization": f"Bearer {credentials.admin_token(folder)}"},
        timeout=10,
        trust_env=False,
    )


def _install(order: Order, client: httpx.Client, crds: Path) -> None:
    apply.files(client, sorted(crds.glob("*.yaml")))
    values = {"KUBECONFIG": str(order.folder / "traefik.kubeconfig"), "THROTTLE": f"{order.throttle_ms}ms"}
    apply.files(client, [paths.MANIFESTS / "traefik.yaml"], values)


def _answers(client: httpx.Client, path: str) -> bool:
    return client.get(path).status_code == httpx.codes.OK


def _node_ready(client: httpx.Client) -> bool:
    answer = client.get(f"/api/v1/nodes/{NODE_NAME}")
    if answer.is_error:
        return False
    conditions = answer.json().get("status", {}).get("conditions", ())
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _traefik_ready(client: httpx.Client, url: str) -> bool:
    answer = client.get("/apis/apps/v1/namespaces/traefik/deployments/traefik")
    if answer.is_error or not answer.json().get("status", {}).get("availableReplicas"):
        return False
    with httpx.Client(trust_env=False, timeout=2) as outside:  # no route yet: that it says so is the sign
        return outside.get(url).status_code == httpx.codes.NOT_FOUND


class _Wait:
    """Waits for one thing after the other to hold, and stops waiting when the lab is dead."""

    def __init__(self, order: Order, record: Record, tell: Progress) -> None:
        self.order, self.record, self.tell = order, record, tell
        self.began = time.monotonic()

    def took(self) -> float:
        """Seconds since the lab was started."""
        return time.monotonic() - self.began

    def until(self, what: str, patience: float, condition: Callable[[], bool]) -> None:
        """Wait for this.

        Raises:
            LabError: The lab died, or it took too long.
        """
        began = told = time.monotonic()
        self.tell(f"lab {self.order.name}: waiting for {what}, {self.took():.0f} s")
        while not _holds(condition):
            now = time.monotonic()
            if not self.record.keeper.alive():
                raise LabError(self._death())
            if now - began > patience:
                raise LabError(f"lab {self.order.name}: {what} was not ready within {patience:.0f} s. {self._logs()}")
            if now - told >= REMIND:
                told = now
                self.tell(f"lab {self.order.name}: still waiting for {what}, {self.took():.0f} s")
            time.sleep(TICK)

    def _death(self) -> str:
        state = read_state(self.order.folder)
        reason = state.get("reason") or "its first process ended"
        log = self.order.folder / "logs" / f"{state.get('culprit') or 'supervisor'}.log"
        lines = log.read_text(errors="replace").splitlines()[-TAIL:] if log.exists() else []
        end = "".join(f"\n  {line}" for line in lines)
        return f"lab {self.order.name}: {reason}. {self._logs()}{end and f'; the end of {log.name}:{end}'}"

    def _logs(self) -> str:
        return f"Its logs: {self.order.folder / 'logs'} (kept until the next start or `flipgate lab down`)"


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except (httpx.TransportError, ValueError):
        return False
