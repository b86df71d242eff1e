"""The example application on a lab, under its own names or, so that several can live side by side, under others."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab.control.records import Lab
from lab.machine import paths
from lab.machine.errors import LabError

EXAMPLE = paths.CHECKOUT / "examples" / "sportsdata"


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


def application_text(place: Place, policy: Mapping[str, Any] | None = None) -> str:
    """The example's application file for this place, with some of its policy set otherwise."""
    text = place.rename((EXAMPLE / "flipgate.yaml").read_text())
    if not policy:
        return text
    document = yaml.safe_load(text)
    document["spec"]["policy"] |= dict(policy)
    return yaml.safe_dump(document, sort_keys=False)


def install(lab: Lab, place: Place | None = None, *, wait_seconds: float = 60.0) -> Place:
    """Both sides, blue up at version 1, and the live route at blue. Returns when blue is available.

    Raises:
        LabError: kubectl refused something, or blue did not come up in time.
    """
    place = place or Place()
    manifests = EXAMPLE / "manifests"
    _apply(lab, place.rename((manifests / "namespaces.yaml").read_text()))
    for side in ("blue", "green"):
        _apply(lab, place.rename(_kubectl(lab, "kustomize", str(manifests / side))))
    _apply(lab, place.rename((manifests / "route.yaml").read_text()))
    _kubectl(
        lab,
        "-n",
        place.blue,
        "wait",
        "--for=condition=Available",
        "deployments",
        "--all",
        f"--timeout={wait_seconds:g}s",
    )
    return place


def remove(lab: Lab, place: Place) -> None:
    """Deletes what `install` made; does not wait for it to be gone."""
    names = [place.blue, place.green, place.route_namespace]
    _kubectl(lab, "delete", "namespace", *names, "--wait=false", "--ignore-not-found")


def write_application(folder: Path, place: Place, policy: Mapping[str, Any] | None = None) -> Path:
    """The application file in `folder`, for `flipgate apply -f`."""
    path = folder / f"{place.application}.yaml"
    path.write_text(application_text(place, policy))
    return path


def _apply(lab: Lab, text: str) -> None:
    _kubectl(lab, "apply", "--server-side", "--force-conflicts", "-f", "-", text=text)


def _kubectl(lab: Lab, *arguments: str, text: str = "") -> str:
    command = [str(lab.kubectl), "--kubeconfig", str(lab.kubeconfig), *arguments]
    answer = subprocess.run(command, input=text, capture_output=True, text=True)
    if answer.returncode:
        raise LabError(f"`kubectl {' '.join(arguments)}` failed: {answer.stderr.strip()[-1000:]}")
    return answer.stdout
