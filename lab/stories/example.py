"""The example application on a lab, under its own names or, so that several can live side by side, under others."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from lab.control.records import Lab
from lab.control.starting import api_client
from lab.machine import paths
from lab.machine.errors import LabError
from lab.plane import apply

EXAMPLE = paths.CHECKOUT / "examples" / "sportsdata"
ROUTING = EXAMPLE / "clusters" / "home"
OVERLAYS = EXAMPLE / "app" / "overlays"


@dataclass(frozen=True)
class Place:
    """What one copy of the example is called on the cluster."""

    application: str = "sportsdata"
    blue: str = "production-blue"
    green: str = "production-green"
    route_namespace: str = "monitoring"
    route: str = "api-live"
    host: str = "api.sportsdata.example"

    @classmethod
    def named(cls, name: str) -> Place:
        """A namespace pair and a route of one's own."""
        return cls(
            f"sports-{name}",
            f"{name}-blue",
            f"{name}-green",
            f"{name}-routes",
            f"{name}-live",
            f"{name}.sportsdata.example",
        )

    def rename(self, text: str) -> str:
        """The example's own text with these names in it."""
        mine = Place()
        for old, new in (
            (mine.blue, self.blue),
            (mine.green, self.green),
            (f"namespace: {mine.route_namespace}", f"namespace: {self.route_namespace}"),
            (f"name: {mine.route_namespace}", f"name: {self.route_namespace}"),
            (mine.route, self.route),
            (mine.host, self.host),
            (f"\n  name: {mine.application}\n", f"\n  name: {self.application}\n"),
        ):
            text = text.replace(old, new)
        return text


def application_text(place: Place, policy: Mapping[str, Any] | None = None, *, by_http: bool = False) -> str:
    """The example's application file for this place, with some of its policy set otherwise; `by_http`: without what
    runs a program or a Job, which takes its seconds: those checks, and the database."""
    text = place.rename((EXAMPLE / "flipgate.yaml").read_text())
    if not policy and not by_http:
        return text
    document = yaml.safe_load(text)
    document["spec"]["policy"] |= dict(policy or {})
    if by_http:
        document["spec"]["checks"] = [check for check in document["spec"]["checks"] if "path" in check]
        del document["spec"]["databases"]
    return yaml.safe_dump(document, sort_keys=False)


def install(lab: Lab, place: Place | None = None, *, wait_seconds: float = 300.0) -> Place:
    """Both sides, blue up at version 1, and the live route at blue. Returns when blue is available.

    Raises:
        LabError: kubectl refused something, or blue did not come up in time.
    """
    place = place or Place()
    _apply(lab, place.rename((ROUTING / "namespaces.yaml").read_text()))
    for side, namespace in (("blue", place.blue), ("green", place.green)):
        _apply(lab, place.rename(_kubectl(lab, "kustomize", str(OVERLAYS / f"production-{side}"))))
        sync_secrets(lab, namespace)
    _apply(lab, place.rename((ROUTING / "production-routing.yaml").read_text()))
    wait_for_blue(lab, place, wait_seconds)
    return place


def wait_for_blue(lab: Lab, place: Place, seconds: float) -> None:
    """Returns when all of blue's Deployments are available.

    Raises:
        LabError: They are not in time.
    """
    available = ("wait", "--for=condition=Available", "deployments", "--all", f"--timeout={seconds:g}s")
    _kubectl(lab, "-n", place.blue, *available)


def sync_secrets(lab: Lab, namespace: str) -> None:
    """Makes the Secrets that the ExternalSecrets of a namespace ask for, as External Secrets Operator would: owned by
    them, with a value that is not a secret at all.

    Raises:
        LabError: The API server refused one.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    ready = {"type": "Ready", "status": "True", "reason": "SecretSynced", "lastTransitionTime": now}
    with api_client(lab.dir, lab.api_url) as client:
        found = client.get(f"/apis/external-secrets.io/v1/namespaces/{namespace}/externalsecrets").raise_for_status()
        for asked in found.json()["items"]:
            kind = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret"}
            name = asked["metadata"]["name"]
            owner = {**kind, "name": name, "uid": asked["metadata"]["uid"], "controller": True}
            named = {"name": asked["spec"]["target"]["name"], "namespace": namespace, "ownerReferences": [owner]}
            values = {each["secretKey"]: "not-a-real-value" for each in asked["spec"]["data"]}
            apply.one(client, {"apiVersion": "v1", "kind": "Secret", "metadata": named, "stringData": values})
            says = {"metadata": {"name": name, "namespace": namespace}, "status": {"conditions": [ready]}}
            apply.one(client, {**kind, **says}, "/status")


def remove(lab: Lab, place: Place) -> None:
    """Deletes what `install` made; does not wait for it to be gone."""
    names = [place.blue, place.green, place.route_namespace]
    _kubectl(lab, "delete", "namespace", *names, "--wait=false", "--ignore-not-found")


def write_application(
    folder: Path, place: Place, policy: Mapping[str, Any] | None = None, git: Mapping[str, Any] | None = None
) -> Path:
    """The application file in `folder`, for `flipgate apply -f`; `git` is its section of that name."""
    path, text = folder / f"{place.application}.yaml", application_text(place, policy)
    if git:
        document = yaml.safe_load(text)
        document["spec"]["git"] = dict(git)
        text = yaml.safe_dump(document, sort_keys=False)
    path.write_text(text)
    return path


def _apply(lab: Lab, text: str) -> None:
    _kubectl(lab, "apply", "--server-side", "--force-conflicts", "-f", "-", text=text)


def _kubectl(lab: Lab, *arguments: str, text: str = "") -> str:
    command = [str(lab.kubectl), "--kubeconfig", str(lab.kubeconfig), *arguments]
    answer = subprocess.run(command, input=text, capture_output=True, text=True)
    if answer.returncode:
        raise LabError(f"`kubectl {' '.join(arguments)}` failed: {answer.stderr.strip()[-1000:]}")
    return answer.stdout
