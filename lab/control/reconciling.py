"""Adds Flux to a running lab: its kustomize-controller, and a Git server that feeds it; pods on the lab's own node.

source-controller cannot be built from its module alone. In its place the Git server makes an archive of each new commit
and tells of it by an ExternalArtifact, Flux's own kind for sources that others fetch.
"""

from __future__ import annotations

import dataclasses
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from lab.control import starting
from lab.control.records import Lab, Record
from lab.control.waiting import Wait
from lab.machine import paths
from lab.machine.errors import LabError
from lab.machine.progress import Progress
from lab.plane import apply, build
from lab.plane.components import GIT_TARGET

PROGRAMS = ("kustomize-controller",)
NAMESPACE = "flux-system"
PATIENCE = 60.0  # seconds for each of the things waited for
SERVED = (
    "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations",
    "/apis/source.toolkit.fluxcd.io/v1/externalartifacts",
)


def there(lab: Lab) -> bool:
    """Whether the lab has it."""
    return bool(lab.git_url)


def git_folder(lab: Lab) -> Path:
    """Where the Git server keeps its repositories, its token and its archives."""
    return lab.dir / "git"


def add(lab: Lab, tell: Progress) -> Lab:
    """The lab with Flux and a Git server, built if need be. Doing it again is fine.

    Raises:
        LabError: A build failed, or something did not come up; the lab goes on as it was.
    """
    record = Record.read(lab.dir)
    if record is None or not record.git_url:
        raise LabError(
            f"Lab {lab.name} was started by an older flipgate and has no way in to a Git server. "
            f"Next: flipgate lab down --name {lab.name}, then flipgate lab up --name {lab.name} --flux."
        )
    programs = build.ensure(PROGRAMS, tell)
    try:
        _bring_up(lab, record, programs, Wait(lab.dir, record.keeper, tell))
    except LabError as error:
        told = f"{lab.kubectl} --kubeconfig {lab.kubeconfig} -n {NAMESPACE} logs deployment/kustomize-controller"
        raise LabError(f"{error}\nThe lab itself goes on, without Flux. What Flux says: {told}") from error
    record = dataclasses.replace(record, flux=True)
    record.write(lab.dir)
    return record.lab(lab.dir)


def _bring_up(lab: Lab, record: Record, programs: Mapping[str, Path], wait: Wait) -> None:
    starting.link(lab.dir, programs)
    values = _furnish(lab)
    with starting.api_client(lab.dir, lab.api_url) as client:
        apply.files(client, sorted((programs["kustomize-controller"].parent / "crds").glob("*.yaml")))
        wait.until("Flux's kinds", PATIENCE, lambda: all(client.get(path).is_success for path in SERVED))
        apply.files(client, [paths.MANIFESTS / "flux.yaml"], values)
        wait.until("kustomize-controller", PATIENCE, lambda: _available(client, "kustomize-controller"))
        wait.until("the Git server", PATIENCE, lambda: _available(client, "git") and _answers(record.git_url))
    wait.tell(f"lab {lab.name}: Flux after {wait.took():.1f} s")


def _furnish(lab: Lab) -> dict[str, str]:
    """Lay out what the Git server keeps; what the manifest is filled in with."""
    folder = git_folder(lab)
    for name in ("repositories", "artifacts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    token = folder / "token"
    if not token.exists():
        token.touch(mode=0o600)
        token.write_text(secrets.token_urlsafe(24))
    address, _, port = GIT_TARGET.partition(":")
    return {
        "CHECKOUT": str(paths.CHECKOUT),
        "FOLDER": str(folder),
        "GIT_IP": address,
        "GIT_PORT": port,
        "KUBECONFIG": str(lab.dir / "flux.kubeconfig"),
        "PYTHON": sys.executable,
    }


def _available(client: httpx.Client, name: str) -> bool:
    answer = client.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}")
    return answer.is_success and bool(answer.json().get("status", {}).get("availableReplicas"))


def _answers(url: str) -> bool:
    """That it asks for a token is the sign."""
    return httpx.get(url, trust_env=False, timeout=2).status_code == httpx.codes.UNAUTHORIZED
