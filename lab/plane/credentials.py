"""Who is who in a lab: one certificate authority, a token for each user, and the kubeconfigs that use them."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

import trustme

from lab.plane.network import NODE_ADDRESS

ADMINS = "system:masters"


@dataclass(frozen=True)
class User:
    """A user of the lab's API server; `kubeconfig` is the file it reads, inside the lab."""

    name: str
    group: str
    kubeconfig: str


USERS = (
    User("admin", ADMINS, "inside.kubeconfig"),
    # One user for all controllers, so it needs the powers of each: starting them with accounts of their own is slower.
    User("system:kube-controller-manager", ADMINS, "controller-manager.kubeconfig"),
    User("system:kube-scheduler", "", "scheduler.kubeconfig"),
    User("system:node:lab-node-1", ADMINS, "node.kubeconfig"),
    User("lab-traefik", "", "traefik.kubeconfig"),
    # These two also in a lab without them: tokens are read once.
    User("lab-prometheus", "", "prometheus.kubeconfig"),
    User("lab-flux", "", "flux.kubeconfig"),
)

INSIDE = "https://127.0.0.1:6443"


def create(folder: Path, name: str, api_url: str) -> Path:
    """Write a lab's `pki` folder and kubeconfigs; the kubeconfig for use outside, at `api_url`."""
    pki = folder / "pki"
    pki.mkdir(mode=0o700)
    authority = trustme.CA(organization_name="flipgate lab", organization_unit_name=name)
    authority.cert_pem.write_to_path(pki / "ca.crt")
    _certificate(authority, pki / "apiserver", "127.0.0.1", "localhost", NODE_ADDRESS, "kubernetes.default.svc")
    _certificate(authority, pki / "kubelet", NODE_ADDRESS)
    client = authority.issue_cert(common_name="kube-apiserver-kubelet-client", organization_name=ADMINS)
    client.private_key_pem.write_to_path(pki / "kubelet-client.key")
    client.cert_chain_pems[0].write_to_path(pki / "kubelet-client.crt")
    authority.issue_cert("service-accounts").private_key_pem.write_to_path(pki / "service-accounts.key")

    tokens = {user.name: secrets.token_urlsafe(24) for user in USERS}
    lines = [f'{tokens[user.name]},{user.name},{user.name},"{user.group}"\n' for user in USERS]
    (pki / "tokens.csv").write_text("".join(lines))
    for user in USERS:
        _kubeconfig(folder / user.kubeconfig, name, INSIDE, pki / "ca.crt", user.name, tokens[user.name])
    for secret in pki.iterdir():
        secret.chmod(0o600)
    outside = folder / "kubeconfig"
    _kubeconfig(outside, name, api_url, pki / "ca.crt", "admin", tokens["admin"])
    return outside


def admin_token(folder: Path) -> str:
    """The token of the lab's administrator."""
    return (folder / "pki" / "tokens.csv").read_text().partition(",")[0]


def _certificate(authority: trustme.CA, path: Path, *names: str) -> None:
    issued = authority.issue_cert(*names)
    issued.private_key_pem.write_to_path(path.with_suffix(".key"))
    issued.cert_chain_pems[0].write_to_path(path.with_suffix(".crt"))


def _kubeconfig(path: Path, name: str, server: str, authority: Path, user: str, token: str) -> None:
    context = f"flipgate-lab-{name}"
    data = base64.b64encode(authority.read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": data}}],
        "users": [{"name": context, "user": {"token": token}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(content, indent=1) + "\n")  # JSON is YAML
