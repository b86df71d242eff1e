"""docs/your-application.md, followed: its commands in their order, on an application that nobody has declared before,
on a real API server; what they say is what the page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from uuid import uuid4

import pytest

from flipgate.adapters.cluster import Cluster
from lab.control.records import Lab
from lab.machine.paths import CHECKOUT
from tests.api.front import saying
from tests.api.town import pod
from tests.api.wire import Answer, Handler, Through, connect, listening

PAGE = CHECKOUT / "docs" / "your-application.md"
MANIFEST = Path(__file__).with_name("bookshop.yaml")
BLOCK = re.compile(r"^(<!-- not run: .* -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = "bookshop"
SCHEMA = re.compile(r"(?<=schema=)\S*docs/")
RELEASE = re.compile(r"\b[0-9a-f]{12}\b")


@dataclass(frozen=True)
class Said:
    """Commands of the page, and what it says that they say, or that the drafted file is."""

    commands: str
    answer: str | None = None
    file: str | None = None


def steps() -> Iterator[Said]:
    """The page's commands, each with the blocks that follow them."""
    commands, shown, page = "", dict[str, str](), PAGE.read_text()
    assert 2 * len(BLOCK.findall(page)) == page.count("\n```"), "a block that nobody would read"
    for skipped, kind, text in BLOCK.findall(page):
        if kind == "sh":
            if commands:
                yield Said(commands, shown.get("text"), shown.get("yaml"))
            commands, shown = "" if skipped else text, {}
        else:
            shown[kind] = text
    if commands:
        yield Said(commands, shown.get("text"), shown.get("yaml"))


class Newcomer:
    """Somebody with a namespace, a route and the page, in a folder of their own."""

    def __init__(self, cluster: Cluster, lab: Lab, folder: Path) -> None:
        self.cluster, self.lab, self.folder = cluster, lab, folder
        self.name = f"b{uuid4().hex[:7]}"  # as long as the page's, so that lines break where the page's do
        self.through = Through(lab.kubeconfig)
        (folder / "bin").mkdir()
        flipgate = folder / "bin" / "flipgate"
        wire = f"KUBECONFIG={folder / 'wire.kubeconfig'}"
        flipgate.write_text(f'#!/bin/sh\n{wire} exec {sys.executable} -m flipgate.cli "$@"\n')
        flipgate.chmod(0o755)
        (folder / "mine").mkdir()

    def named(self, text: str) -> str:
        return text.replace(NAME, self.name)

    def __call__(self, request: Handler) -> Answer | None:
        """The API server, a Traefik that follows the route, and one node."""
        if "/proxy/" in request.path:
            route = self.cluster.get(f"/apis/traefik.io/v1alpha1/namespaces/{self.name}-edge/ingressroutes/{self.name}")
            live = route["spec"]["routes"][0]["services"][0]["namespace"]
            return saying(f"X-Served-Side: {'blue' if live == self.name else 'green'}")(request)
        if request.path.startswith(("/api/v1/pods?", "/api/v1/namespaces/traefik/pods?")):
            ports = [{"name": "web", "containerPort": 8000}, {"name": "websecure", "containerPort": 8443}]
            args = ["--providers.kubernetescrd.allowcrossnamespace=true"]
            traefik = pod("traefik-1", namespace="traefik")
            traefik["spec"] = {"containers": [{"name": "traefik", "args": args, "ports": ports}]}
            return 200, json.dumps({"items": [traefik]}).encode()
        if request.path.startswith("/api/v1/nodes?"):
            room = {"cpu": "16", "memory": "64Gi", "pods": "110"}
            return 200, json.dumps({"items": [{"metadata": {"name": "n1"}, "status": {"allocatable": room}}]}).encode()
        return self.through(request)

    def run(self, commands: str) -> str:
        path = f"{self.folder / 'bin'}:{self.lab.kubectl.parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"exec 2>&1\n{self.named(commands)}"],
            env={"PATH": path, "KUBECONFIG": str(self.lab.kubeconfig), "HOME": str(self.folder), "USER": "you"},
            cwd=self.folder / "mine",
            stdout=subprocess.PIPE,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        return done.stdout.replace(self.name, NAME)

    def play_ready(self) -> None:
        """What the controllers would: all wanted pods of the Deployments and StatefulSets there and Ready."""
        for kind, namespace in product(("deployments", "statefulsets"), (self.name, f"{self.name}-green")):
            at = f"/apis/apps/v1/namespaces/{namespace}/{kind}"
            for obj in self.cluster.items(at):
                count = obj["spec"]["replicas"]
                status = {"observedGeneration": obj["metadata"]["generation"]}
                status |= dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas"), count) if count else {}
                operation = {"op": "add", "path": "/status", "value": status}
                self.cluster.patch(f"{at}/{obj['metadata']['name']}/status", [operation])


def agrees(page: str, said: str) -> bool:
    """Whether it says that, line by line. Three dots are anything, as a line of their own any lines; a release's id is
    any id."""
    lines = (
        "(?:.*\n)*" if line.strip() == "..." else ".*".join(map(re.escape, line.split("..."))) + "\n"
        for line in _plain(page)
    )
    return bool(re.fullmatch("".join(lines), "".join(f"{line}\n" for line in _plain(said))))


def _plain(text: str) -> list[str]:
    return [RELEASE.sub("RELEASE", SCHEMA.sub("docs/", line)).rstrip() for line in text.splitlines()]


@pytest.fixture
def newcomer(cluster: Cluster, lab: Lab, tmp_path: Path) -> Iterator[Newcomer]:
    somebody = Newcomer(cluster, lab, tmp_path)
    with listening(somebody) as address:
        connect(f"http://{address}", tmp_path)
        (tmp_path / "theirs.yaml").write_text(somebody.named(MANIFEST.read_text()))
        somebody.run(f"kubectl create namespace {NAME}; kubectl create namespace {NAME}-edge")
        somebody.run(f"kubectl apply -f {tmp_path}/theirs.yaml")
        yield somebody


def test_who_follows_the_page_gets_what_it_says(newcomer: Newcomer) -> None:
    wrong = []
    for step in steps():
        newcomer.play_ready()
        said = newcomer.run(step.commands)
        if step.answer is not None and not agrees(step.answer, said):
            wrong.append(f"$ {step.commands}{said}")
        if step.file is not None:
            file = (newcomer.folder / "mine" / f"{newcomer.name}.yaml").read_text().replace(newcomer.name, NAME)
            if not agrees(step.file, file):
                wrong.append(file)
    assert not wrong, "\n".join(wrong)
