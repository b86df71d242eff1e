"""The example in a Git repository of the lab, from where Flux brings it to the cluster: as its team keeps it.

The overlays say no `replicas` and no `suspend`: how much of a side runs is flipgate's. The route is in Git, whole.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from lab.control.reconciling import NAMESPACE, git_folder
from lab.control.records import Lab
from lab.control.starting import api_client
from lab.git.publisher import BRANCH
from lab.git.server import REFUSED
from lab.machine.errors import LabError
from lab.plane import apply
from lab.stories import example
from lab.stories.example import EXAMPLE, Place

KIND = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}
KUSTOMIZATIONS = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations"
ARTIFACTS = f"/apis/source.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/externalartifacts"
SIDES = ("production-blue", "production-green")
ROUTING = "routing"
ROUTES = "clusters/home/production-routing.yaml"
INTERVAL_SECONDS = 5
REMOVAL_SECONDS = 10
SOMEBODY = {"name": "dev", "email": "dev@example.test"}


@dataclass(frozen=True)
class Repository:
    """One copy's repository. A user has `url`, and `token` as the password to it by whatever name."""

    lab: Lab
    place: Place

    @property
    def bare(self) -> Path:
        """Where it lies on this machine."""
        return git_folder(self.lab) / "repositories" / f"{self.place.application}.git"

    @property
    def url(self) -> str:
        return f"{self.lab.git_url}/{self.bare.name}"

    @property
    def token(self) -> str:
        return (git_folder(self.lab) / "token").read_text().strip()

    def clone(self, folder: Path) -> Path:
        """A clone over HTTP that remembers the token: `git(folder, "push")` does."""
        header = f"Authorization: Basic {base64.b64encode(f'any:{self.token}'.encode()).decode()}"
        git(folder.parent, "clone", "--quiet", "-c", f"http.extraHeader={header}", self.url, str(folder))
        return folder

    def section(self, block: str = "") -> dict[str, Any]:
        """The `git` of the application's file, with the block that has the token, where there is one."""
        blue, green = SIDES
        return {
            "repository": self.url,
            **({"block": block} if block else {}),
            "overlays": {"blue": f"app/overlays/{blue}", "green": f"app/overlays/{green}"},
            "routes": [ROUTES],
            "flux": {
                word: {"name": self.name(w)} for word, w in (("blue", blue), ("green", green), ("routes", ROUTING))
            },
            "timeoutSeconds": 90,
        }

    def log(self) -> list[str]:
        """Each commit of the branch, the oldest first, as `COMMIT what it says`."""
        return git(self.bare, "log", "--reverse", "--format=%h %s", BRANCH).splitlines()

    @contextmanager
    def away(self, how: str = REFUSED) -> Iterator[None]:
        """The Git server fails in this way (lab/git/server.py), for all of its repositories. What was pushed before
        still reaches the cluster."""
        file = git_folder(self.lab) / "away"
        file.write_text(how)
        try:
            yield
        finally:
            file.unlink()

    def name(self, which: str) -> str:
        """What the Kustomization for an overlay, or for the routing, is called here."""
        names = dict(zip((*SIDES, ROUTING), (self.place.blue, self.place.green, self.place.route), strict=True))
        return names[which]

    def kustomization(self, which: str) -> dict[str, Any]:
        """It as it is on the cluster."""
        with api_client(self.lab.dir, self.lab.api_url) as client:
            found = client.get(f"{KUSTOMIZATIONS}/{self.name(which)}").raise_for_status()
        return dict(found.json())

    def ready(self, which: str) -> dict[str, str]:
        """Its condition Ready, of the last thing that Flux has tried; empty as long as there is none."""
        conditions = self.kustomization(which).get("status", {}).get("conditions", ())
        return next((dict(each) for each in conditions if each["type"] == "Ready"), {})

    def reconcile(self, which: str) -> str:
        """Ask Flux to look now, as `flux reconcile kustomization` does; by this word its status says that it has."""
        now = datetime.now(UTC).isoformat()
        asked = {"reconcile.fluxcd.io/requestedAt": now}
        with api_client(self.lab.dir, self.lab.api_url) as client:
            client.patch(
                f"{KUSTOMIZATIONS}/{self.name(which)}",
                json={"metadata": {"annotations": asked}},
                headers={"Content-Type": "application/merge-patch+json"},
            ).raise_for_status()
        return now

    def handled(self, which: str, asked: str) -> bool:
        """Whether Flux has looked since it was asked. It had finished then whatever it was at."""
        return bool(self.kustomization(which)["status"].get("lastHandledReconcileAt") == asked)


def git(folder: Path, *words: str) -> str:
    """What Git says, as somebody with a name, whatever this user has configured, and never asking for a password.

    Raises:
        LabError: It failed; in its own words, without the token.
    """
    who = {f"GIT_{role}_{key.upper()}": value for role in ("AUTHOR", "COMMITTER") for key, value in SOMEBODY.items()}
    own = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    env = {**os.environ, **who, **own}
    answer = subprocess.run(["git", *words], cwd=folder, env=env, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise LabError(f"`git {words[0]}` failed: {answer.stderr.strip()[-1000:]}")
    return answer.stdout.strip()


def lay_out(folder: Path, place: Place) -> None:
    """The repository's content: app/base, app/overlays, clusters/home, as the example has it, without what is
    flipgate's."""
    for part in ("app", "clusters"):
        for source in sorted((EXAMPLE / part).rglob("*")):
            target = folder / source.relative_to(EXAMPLE)
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(place.rename(_without_counts(source.read_text())))


def install(lab: Lab, place: Place | None = None, *, wait_seconds: float = 300.0) -> Repository:
    """Both sides and the route by Flux from a new repository; blue up at version 1, green at rest. Returns when blue is
    available.

    Raises:
        LabError: Git, kubectl or Flux refused something, or blue did not come up in time.
    """
    place = place or Place()
    repository = Repository(lab, place)
    _create(repository)
    paths = {side: f"./app/overlays/{side}" for side in SIDES} | {ROUTING: "./clusters/home"}
    with api_client(lab.dir, lab.api_url) as client:
        for which in (ROUTING, *SIDES):
            apply.one(client, _kustomization(repository, which, paths[which]))
    for which in paths:
        _wait_for(repository, which, wait_seconds)
    for namespace in (place.blue, place.green):
        example.sync_secrets(lab, namespace)
    _begin(repository)
    example.wait_for_blue(lab, place, wait_seconds)
    return repository


def remove(repository: Repository) -> None:
    """Deletes the Kustomizations, and with them what Flux had made of them, and the repository.

    Waits a little for Flux to let go of the namespaces: applying one that goes away it would not end for a minute.
    """
    application = repository.place.application
    with api_client(repository.lab.dir, repository.lab.api_url) as client:
        for which in (ROUTING, *SIDES):
            client.delete(f"{KUSTOMIZATIONS}/{repository.name(which)}")
        deadline = time.monotonic() + REMOVAL_SECONDS
        while client.get(f"{KUSTOMIZATIONS}/{repository.name(ROUTING)}").is_success and time.monotonic() < deadline:
            time.sleep(0.1)
        shutil.rmtree(repository.bare, ignore_errors=True)
        client.delete(f"{ARTIFACTS}/{application}")
    shutil.rmtree(git_folder(repository.lab) / "artifacts" / application, ignore_errors=True)


def _create(repository: Repository) -> None:
    """The bare repository with its first commit. Nothing packs it: lab/git/publisher.py reads its files."""
    bare = repository.bare
    work = bare.with_suffix(".first")
    for folder in (bare, work):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    git(bare, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}")
    for name, value in (("gc.auto", "0"), ("receive.autogc", "false"), ("uploadpack.allowFilter", "true")):
        git(bare, "config", name, value)
    lay_out(work, repository.place)
    git(work, "init", "--quiet", f"--initial-branch={BRANCH}")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "--message", "The platform")
    git(work, "push", "--quiet", str(bare), BRANCH)
    shutil.rmtree(work)


def _without_counts(text: str) -> str:
    """A manifest without `replicas`, and an overlay without the patches that set it to rest."""
    document = text.partition("\npatches:\n")[0].rstrip() + "\n" if "\npatches:\n" in text else text
    return re.sub(r"\n  replicas: \d+(?=\n)", "", document)


def _kustomization(repository: Repository, which: str, path: str) -> dict[str, Any]:
    return {
        **KIND,
        "metadata": {"name": repository.name(which), "namespace": NAMESPACE},
        "spec": {
            "interval": f"{INTERVAL_SECONDS}s",
            "timeout": "1m",
            "path": path,
            "prune": True,
            "sourceRef": {"kind": "ExternalArtifact", "name": repository.place.application},
        },
    }


def _wait_for(repository: Repository, which: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (ready := repository.ready(which)).get("status") != "True":
        if time.monotonic() > deadline:
            said = ready.get("message", "Flux has said nothing yet")
            raise LabError(f"Kustomization {repository.name(which)} was not Ready within {seconds:g} s: {said}")
        time.sleep(0.1)


def _begin(repository: Repository) -> None:
    """What is not in Git: as many pods of blue as its application says, none of green.

    A Deployment that is applied without `replicas` begins with one.
    """
    lab, place = repository.lab, repository.place
    services = yaml.safe_load((EXAMPLE / "flipgate.yaml").read_text())["spec"]["services"]
    scale = {"Content-Type": "application/merge-patch+json"}
    with api_client(lab.dir, lab.api_url) as client:
        for namespace, rests in ((place.blue, False), (place.green, True)):
            for service in services:
                kind = f"apps/v1/namespaces/{namespace}/deployments"
                spec = {"replicas": 0 if rests else service.get("replicas")}
                if service["role"] == "cron":
                    kind, spec = f"batch/v1/namespaces/{namespace}/cronjobs", {"suspend": rests}
                _patched(client.patch(f"/apis/{kind}/{service['name']}", json={"spec": spec}, headers=scale))


def _patched(answer: httpx.Response) -> None:
    if answer.is_error:
        raise LabError(f"The lab's API server refused a count: {answer.text.strip()[:500]}")
