"""The lab's own kubectl, in a namespace of one test."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lab.control.records import Lab

PATIENCE = 180.0  # seconds


@dataclass(frozen=True)
class Kubectl:
    """Calls kubectl in one namespace."""

    lab: Lab
    namespace: str

    def __call__(self, *words: str, given: Any = None) -> str:
        """Its output. Raises AssertionError with what it said where it failed."""
        answer = self.run(*words, given=given)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def run(self, *words: str, given: Any = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            input=json.dumps(given) if given is not None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def command(self, *words: str) -> list[str]:
        return [str(self.lab.kubectl), f"--kubeconfig={self.lab.kubeconfig}", "-n", self.namespace, *words]

    def apply(self, *objects: Any) -> None:
        self("apply", "-f", "-", given={"apiVersion": "v1", "kind": "List", "items": list(objects)})

    def get(self, what: str) -> Any:
        return json.loads(self("get", what, "-o", "json"))

    def body(self, pod: str, path: str = "/", port: int = 8080) -> Any:
        """What a pod answers, through the API server: once it does, which without a probe is after it is Ready."""
        words = ("get", "--raw", f"/api/v1/namespaces/{self.namespace}/pods/{pod}:{port}/proxy{path}")
        self.until(lambda: self.run(*words).returncode == 0, f"an answer of pod {pod}")
        return json.loads(self(*words))

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for it. Raises AssertionError with the namespace's pods and events."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come about\n{self('get', 'pods,pvc')}\n{self('get', 'events')}")
            time.sleep(0.1)

    def ready(self, pod: str) -> None:
        """Wait until a pod is Ready."""
        self.until(lambda: _is_ready(self.run("get", "pod", pod, "-o", "json")), f"pod {pod} Ready")


@contextmanager
def namespace(lab: Lab, name: str) -> Iterator[Kubectl]:
    """A namespace for the block."""
    kubectl = Kubectl(lab, f"t{os.getpid()}-{name}")
    kubectl("create", "namespace", kubectl.namespace)
    try:
        yield kubectl
    finally:
        kubectl("delete", "namespace", kubectl.namespace, "--wait=false")


def _is_ready(answer: subprocess.CompletedProcess[str]) -> bool:
    if answer.returncode:
        return False
    conditions = (json.loads(answer.stdout).get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
