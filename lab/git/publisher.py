"""Tells Flux of each new commit, in the place of its source-controller: an archive, and an ExternalArtifact of it."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import httpx

from lab.machine.errors import LabError
from lab.plane import apply

BRANCH = "main"
NAMESPACE = "flux-system"
KIND = {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "ExternalArtifact"}


class Publisher:
    """Looks at the branch `main` of each repository in `folder`/repositories; archives are served at `url`."""

    def __init__(self, folder: Path, kubeconfig: Path, url: str) -> None:
        self._folder, self._url = folder, url
        self._client = _client(kubeconfig)
        self._published: dict[str, str] = {}

    def look(self) -> None:
        """Publish what is new. What fails is told, and tried again at the next look."""
        found = sorted((self._folder / "repositories").glob("*.git"))
        self._published = {each.name: self._published.get(each.name, "") for each in found}
        for repository in found:
            commit = tip(repository)
            if commit and self._published[repository.name] != commit:
                try:
                    self._publish(repository, commit)
                    self._published[repository.name] = commit
                except (LabError, httpx.HTTPError, OSError, subprocess.CalledProcessError) as error:
                    print(f"{repository.name} {commit}: {error!r}", flush=True)

    def _publish(self, repository: Path, commit: str) -> None:
        name, path = repository.stem, f"{repository.stem}/{commit}.tar.gz"
        # Of the tree, not of the commit: the header that names the commit is no file, and Flux refuses it.
        command = ["git", "-C", str(repository), "archive", "--format=tar.gz", f"{commit}^{{tree}}"]
        archive = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        file = self._folder / "artifacts" / path
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(archive)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        artifact = {
            "url": f"{self._url}/{path}",
            "path": path,
            "revision": f"{BRANCH}@sha1:{commit}",
            "digest": f"sha256:{hashlib.sha256(archive).hexdigest()}",
            "lastUpdateTime": now,
            "size": len(archive),
        }
        ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "lastTransitionTime": now}
        ready["message"] = f"stored artifact for revision '{artifact['revision']}'"
        item = {**KIND, "metadata": {"name": name, "namespace": NAMESPACE}}
        apply.one(self._client, item)
        apply.one(self._client, {**item, "status": {"artifact": artifact, "conditions": [ready]}}, "/status")
        print(f"{name}: {artifact['revision']}", flush=True)


def tip(repository: Path) -> str:
    """The commit that the branch is at; empty as long as there is none. Read as a file: this is asked all the time,
    and nothing packs the references of the lab's repositories."""
    try:
        return (repository / "refs" / "heads" / BRANCH).read_text().strip()
    except OSError:
        return ""


def _client(kubeconfig: Path) -> httpx.Client:
    """The lab's API server, by a kubeconfig as lab/plane/credentials.py writes them."""
    content = json.loads(kubeconfig.read_text())
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return httpx.Client(
        base_url=cluster["server"],
        verify=ssl.create_default_context(cadata=authority),
        headers={"Authorization": f"Bearer {user['token']}"},
        timeout=10,
        trust_env=False,
    )
