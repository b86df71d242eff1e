"""Brings one lab up: its folder, its namespace, and what has to hold before it may be used."""

from __future__ import annotations

import dataclasses
import socket
import ssl
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx

from lab.control.records import KUBECTL, Lab, Record
from lab.control.waiting import Wait
from lab.machine import paths
from lab.machine.progress import Progress
from lab.plane import apply, credentials, namespaces
from lab.plane.components import NODE_NAME, Tier, targets

API_PATIENCE = 60.0  # seconds until the API server has to answer
FULL_PATIENCE = 60.0  # seconds more until the node and Traefik have to

GATEWAY_API = tuple(f"/apis/gateway.networking.k8s.io/v1/{plural}" for plural in ("gatewayclasses", "gateways"))
"""Of what the lab makes itself: it can be made once it is served."""


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
    wait = Wait(order.folder, record.keeper, tell)
    with api_client(order.folder, record.api_url) as client:
        wait.until("the API server", API_PATIENCE, lambda: _answers(client, "/readyz"))
        wait.until("its namespaces", API_PATIENCE, lambda: _answers(client, "/api/v1/namespaces/default"))
        if order.tier == "full":
            apply.files(client, sorted((programs["traefik"].parent / "crds").glob("*.yaml")))
            wait.until("the Gateway API", API_PATIENCE, lambda: all(_answers(client, path) for path in GATEWAY_API))
            _install(order, client)
            wait.until(f"node {NODE_NAME}", FULL_PATIENCE, lambda: _node_ready(client))
            wait.until("Traefik", FULL_PATIENCE, lambda: _traefik_ready(client, record.traefik_url))
    record = dataclasses.replace(record, ready=True)
    record.write(order.folder)
    tell(f"lab {order.name}: up after {wait.took():.1f} s")
    return record.lab(order.folder)


def _furnish(folder: Path, programs: Mapping[str, Path]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700)
    for name in ("logs", "bin"):
        (folder / name).mkdir()
    link(folder, {**programs, KUBECTL: programs["controlplane"]})


def link(folder: Path, programs: Mapping[str, Path]) -> None:
    """Let the lab's pods run these by name; also again, after an attempt to add them that did not get to its end."""
    for name, program in programs.items():
        (folder / "bin" / name).unlink(missing_ok=True)
        (folder / "bin" / name).symlink_to(program)


def _launch(order: Order) -> Record:
    """Make the doors, which belong to the network outside, and the namespace that serves them."""
    behind = targets(order.tier)
    with ExitStack() as stack:
        doors = {name: stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024)) for name in behind}
        urls = {name: f"http://127.0.0.1:{door.getsockname()[1]}" for name, door in doors.items()}
        api_url = urls["api"].replace("http:", "https:")
        credentials.create(order.folder, order.name, api_url)
        log = order.folder / "logs" / "supervisor.log"
        arguments = [f"--dir={order.folder}", f"--tier={order.tier}"]
        arguments += [f"--door={door.fileno()}={behind[name]}" for name, door in doors.items()]
        command = [*order.apart, sys.executable, "-m", "lab.plane.supervisor", *arguments]
        keeper = namespaces.start(command, log, sockets=[door.fileno() for door in doors.values()])
    record = Record(
        order.tier,
        keeper,
        api_url,
        urls.get("traefik", ""),
        order.throttle_ms,
        traefik_tls_url=urls.get("traefik-tls", "").replace("http:", "https:"),
        prometheus_url=urls.get("prometheus", ""),
        alertmanager_url=urls.get("alertmanager", ""),
        git_url=urls.get("git", ""),
    )
    record.write(order.folder)
    return record


def api_client(folder: Path, api_url: str) -> httpx.Client:
    """The lab's API server, as its administrator."""
    return httpx.Client(
        base_url=api_url,
        verify=ssl.create_default_context(cafile=str(folder / "pki" / "ca.crt")),
        headers={"Authorization": f"Bearer {credentials.admin_token(folder)}"},
        timeout=10,
        trust_env=False,
    )


def _install(order: Order, client: httpx.Client) -> None:
    values = {"KUBECONFIG": str(order.folder / "traefik.kubeconfig"), "THROTTLE": f"{order.throttle_ms}ms"}
    names = ("storage", "traefik", "gateway", "external-secrets")
    apply.files(client, [paths.MANIFESTS / f"{name}.yaml" for name in names], values)


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
