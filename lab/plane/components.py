"""The lab's programs: how each is called, and which of them a lab can't live without."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.plane.network import NODE_ADDRESS

Tier = Literal["api", "full"]

NODE_NAME = "lab-node-1"
API_TARGET = "127.0.0.1:6443"
TRAEFIK_ADDRESS = "10.244.0.80"
TRAEFIK_TARGET = f"{TRAEFIK_ADDRESS}:8000"
TRAEFIK_TLS_TARGET = f"{TRAEFIK_ADDRESS}:8443"
KUBELET_TARGET = f"{NODE_ADDRESS}:10250"
PROMETHEUS_TARGET = "10.244.0.90:9090"
ALERTMANAGER_TARGET = "10.244.0.93:9093"
GIT_TARGET = "10.244.0.96:3000"
ETCD_URL = "http://127.0.0.1:2379"

# The controller-manager's own limit of requests would make hundreds of pods a matter of a minute.
UNLIMITED = ("--kube-api-qps=1000", "--kube-api-burst=2000")


@dataclass(frozen=True)
class Component:
    """One program of the lab. Without a core one the lab ends; the others are started again."""

    name: str
    command: tuple[str, ...]
    core: bool = False
    sockets: tuple[int, ...] = ()
    """Those that it inherits."""


@dataclass(frozen=True)
class Door:
    """A listening socket that the supervisor inherits, and what stands behind it as HOST:PORT."""

    socket: int
    target: str

    @classmethod
    def read(cls, text: str) -> Door:
        """From `FD=HOST:PORT`."""
        socket, _, target = text.partition("=")
        return cls(int(socket), target)

    def __str__(self) -> str:
        return f"{self.socket}={self.target}"


@dataclass(frozen=True)
class Plan:
    """What the supervisor is told: where the lab lies, how much of it to run, and its doors."""

    folder: Path
    tier: Tier
    doors: tuple[Door, ...]

    @property
    def program(self) -> str:
        """The multi-call program."""
        return str(self.folder / "bin" / "controlplane")


def targets(tier: Tier) -> dict[str, str]:
    """What there are doors to. A lab that has no Prometheus or no Git server yet has the doors to it, so that it can
    be added."""
    if tier == "api":
        return {"api": API_TARGET}
    return {
        "api": API_TARGET,
        "traefik": TRAEFIK_TARGET,
        "traefik-tls": TRAEFIK_TLS_TARGET,
        "prometheus": PROMETHEUS_TARGET,
        "alertmanager": ALERTMANAGER_TARGET,
        "git": GIT_TARGET,
    }


def forwarder(plan: Plan) -> tuple[Component, ...]:
    """The way in from outside the namespace, to whatever does not accept on its door itself."""
    doors = [door for door in plan.doors if door.target != API_TARGET]
    if not doors:
        return ()
    command = (plan.program, "forward", *map(str, doors))
    return (Component("forward", command, core=True, sockets=tuple(door.socket for door in doors)),)


def etcd(plan: Plan) -> Component:
    """The store. It never waits for the disk: a lab that the machine's end takes with it is made anew."""
    return Component(
        "etcd",
        (
            plan.program,
            "etcd",
            f"--data-dir={plan.folder / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={ETCD_URL}",
            f"--advertise-client-urls={ETCD_URL}",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls=http://127.0.0.1:2380",
            "--initial-cluster=default=http://127.0.0.1:2380",
            "--log-level=warn",
        ),
        core=True,
    )


def api_server(plan: Plan) -> Component:
    """The API server: RBAC on, tokens for users, the node's kubelet reached at its own address."""
    pki = plan.folder / "pki"
    doors = tuple(door.socket for door in plan.doors if door.target == API_TARGET)
    flags = [
        *(f"--door-fd={door}" for door in doors),
        f"--etcd-servers={ETCD_URL}",
        "--bind-address=127.0.0.1",
        "--secure-port=6443",
        f"--advertise-address={NODE_ADDRESS}",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        "--authorization-mode=RBAC",
        f"--token-auth-file={pki / 'tokens.csv'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki / 'service-accounts.key'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        "--allow-privileged=true",
        "--profiling=false",
        "--enable-priority-and-fairness=false",  # nobody competes for a lab's API server
    ]
    if plan.tier == "api":
        # Nobody makes the service accounts that pods would be refused without.
        flags.append("--disable-admission-plugins=ServiceAccount")
        flags.append("--watch-cache=false")  # from its memory it answers a list up to 100 ms late, from etcd at once
    return Component("kube-apiserver", (plan.program, "kube-apiserver", *flags), core=True, sockets=doors)


def followers(plan: Plan) -> tuple[Component, ...]:
    """What runs once the API server answers."""
    if plan.tier == "api":
        return ()
    return (_controller_manager(plan), _scheduler(plan), _node(plan))


def _controller_manager(plan: Plan) -> Component:
    pki = plan.folder / "pki"
    flags = (
        f"--kubeconfig={plan.folder / 'controller-manager.kubeconfig'}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--authentication-skip-lookup=true",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        f"--root-ca-file={pki / 'ca.crt'}",
        "--profiling=false",
        *UNLIMITED,
    )
    return Component("kube-controller-manager", (plan.program, "kube-controller-manager", *flags))


def _scheduler(plan: Plan) -> Component:
    flags = (
        f"--kubeconfig={plan.folder / 'scheduler.kubeconfig'}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--authentication-skip-lookup=true",
        "--profiling=false",
        *UNLIMITED,
    )
    return Component("kube-scheduler", (plan.program, "kube-scheduler", *flags))


def _node(plan: Plan) -> Component:
    flags = (
        f"--kubeconfig={plan.folder / 'node.kubeconfig'}",
        f"--node={NODE_NAME}",
        f"--bin={plan.folder / 'bin'}",
        f"--volumes={plan.folder / 'volumes'}",
        f"--cert={plan.folder / 'pki' / 'kubelet.crt'}",
        f"--key={plan.folder / 'pki' / 'kubelet.key'}",
    )
    return Component("node", (sys.executable, "-m", "lab.node", *flags))
