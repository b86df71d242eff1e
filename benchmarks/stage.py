"""Where the flips happen: a lab of the benchmarks' own, the example on it with both sides up, adopted by flipgate."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flipgate.adapters.cluster import Cluster
from flipgate.core.application import load_application
from flipgate.core.sides import Side
from flipgate.steps.look import look
from flipgate.steps.setup import adopt, apply_application
from flipgate.steps.world import World
from lab import control, example
from lab.errors import LabError
from lab.example import Place
from lab.records import Lab

LAB = "flipgate-bench"
READY_SECONDS = 120

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """A running lab with the example on it, both sides Ready, the route on one of them."""

    lab: Lab
    place: Place
    throttle_ms: int

    @property
    def namespace(self) -> str:
        """Where flipgate keeps what it remembers of it."""
        return f"flipgate-{self.place.application}"

    def world(self) -> World:
        """A World with connections of its own, as a process that flips once has them: opened, and one look taken."""
        world = World.open(
            self.place.application,
            kubeconfig=self.lab.kubeconfig,
            context=self.lab.context,
            namespace=self.namespace,
            actor="benchmark",
        )
        look(world)
        return world

    def route_path(self, world: World) -> str:
        """The path of the live route at the API server."""
        return f"/apis/{world.route_api}/namespaces/{self.place.route_namespace}/ingressroutes/{self.place.route}"


@contextmanager
def staged(
    throttle_ms: int, tell: Progress, *, name: str = LAB, policy: Mapping[str, Any] | None = None
) -> Iterator[Stage]:
    """The stage, set up; cleared away at the end, however it ends. A lab of this name that ran before stays.

    `policy` is what the application's policy has otherwise than the example's. Raises LabError when the lab or the
    example does not come up, or runs with another throttle.
    """
    before = control.status(name)
    ran = before.state == "running"
    if ran and before.throttle_ms != throttle_ms:
        fact = f"lab {name} runs with a throttle of {before.throttle_ms} ms, not {throttle_ms}"
        raise LabError(f"{fact}: `flipgate lab down --name {name}` first")
    place = Place.named(f"bench-{os.getpid()}")  # of its own: a lab that stays may not be through with the last one's
    try:
        lab = control.up(name, throttle_ms=throttle_ms, progress=tell)
        stage = Stage(lab, place, throttle_ms)
        _set_up(stage, tell, policy)
        yield stage
    finally:
        if ran:
            tell(f"example {place.application}: removing it")
            example.remove(lab, place)
            _kubectl(lab, "delete", "namespace", stage.namespace, "--ignore-not-found", "--wait=false")
        else:
            tell(f"lab {name}: taking it down")
            control.down(name)


def _set_up(stage: Stage, tell: Progress, policy: Mapping[str, Any] | None) -> None:
    lab, place = stage.lab, stage.place
    tell(f"example {place.application}: installing both sides")
    example.install(lab, place)
    text = example.application_text(place, policy)
    application = load_application(text, "the example's application file")
    apply_application(Cluster.connect(lab.kubeconfig, lab.context), application, text, stage.namespace)
    adopt(stage.world())
    tell(f"example {place.application}: scaling both sides to the wanted counts")
    for side in Side:
        namespace = application.namespace_of(side)
        for service in application.spec.services:
            _kubectl(lab, "-n", namespace, "scale", f"deployment/{service.name}", f"--replicas={service.replicas}")
        ready = (f"--timeout={READY_SECONDS}s", "--for=condition=Available", "deployments", "--all")
        _kubectl(lab, "-n", namespace, "wait", *ready)


def _kubectl(lab: Lab, *arguments: str) -> None:
    command = [str(lab.kubectl), "--kubeconfig", str(lab.kubeconfig), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        raise LabError(f"`kubectl {' '.join(arguments)}` failed: {answer.stderr.strip()[-1000:]}")
