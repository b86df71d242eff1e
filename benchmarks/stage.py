"""Where the flips happen: a lab of the benchmarks' own, the example on it with both sides up, adopted by flipgate."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
NAMESPACE = "flipgate-bench"
READY_SECONDS = 120

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """A running lab with the example on it, both sides Ready, the route on one of them."""

    lab: Lab
    place: Place
    throttle_ms: int

    def world(self) -> World:
        """A World with connections of its own, as a process that flips once has them: opened, and one look taken."""
        world = World.open(
            self.place.application,
            kubeconfig=self.lab.kubeconfig,
            context=self.lab.context,
            namespace=NAMESPACE,
            actor="benchmark",
        )
        look(world)
        return world

    def route_path(self, world: World) -> str:
        """The path of the live route at the API server."""
        return f"/apis/{world.route_api}/namespaces/{self.place.route_namespace}/ingressroutes/{self.place.route}"


@contextmanager
def staged(throttle_ms: int, tell: Progress) -> Iterator[Stage]:
    """The stage, set up; cleared away at the end, however it ends. A lab of this name that ran before stays.

    Raises LabError when the lab or the example does not come up, or runs with another throttle.
    """
    before = control.status(LAB)
    ran = before.state == "running"
    if ran and before.throttle_ms != throttle_ms:
        fact = f"lab {LAB} runs with a throttle of {before.throttle_ms} ms, not {throttle_ms}"
        raise LabError(f"{fact}: `flipgate lab down --name {LAB}` first")
    place = Place.named("bench")
    try:
        lab = control.up(LAB, throttle_ms=throttle_ms, progress=tell)
        _set_up(lab, place, tell)
        yield Stage(lab, place, throttle_ms)
    finally:
        if ran:
            tell(f"example {place.application}: removing it")
            used = (place.blue, place.green, place.route_namespace, NAMESPACE)
            _kubectl(lab, "delete", "namespace", *used, "--ignore-not-found", f"--timeout={READY_SECONDS}s")
        else:
            tell(f"lab {LAB}: taking it down")
            control.down(LAB)


def _set_up(lab: Lab, place: Place, tell: Progress) -> None:
    tell(f"example {place.application}: installing both sides")
    example.install(lab, place)
    cluster = Cluster.connect(lab.kubeconfig, lab.context)
    text = example.application_text(place)
    application = load_application(text, "the example's application file")
    apply_application(cluster, application, text, NAMESPACE)
    adopt(World.open(place.application, kubeconfig=lab.kubeconfig, context=lab.context, namespace=NAMESPACE))
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
