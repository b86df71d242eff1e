"""Where the flips happen: a lab of the benchmarks' own, the example on it with both sides up, adopted by flipgate."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx

from benchmarks.figures import MeasureError
from flipgate.adapters.cluster import Cluster
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import DEFAULT_NAMESPACE, World
from flipgate.steps.looking.look import look
from flipgate.steps.releasing.setup import adopt, apply_application
from lab.control import labs
from lab.control.records import Lab
from lab.load import LoadError
from lab.machine.errors import LabError
from lab.machine.progress import Printer, Progress
from lab.stories import example
from lab.stories.example import Place

LAB = "flipgate-bench"
READY_SECONDS = 120
THROTTLE = "--providers.providersthrottleduration="


@dataclass(frozen=True)
class Stage:
    """A running lab with the example on it, both sides Ready, the route on one of them."""

    lab: Lab
    place: Place
    throttle_ms: int

    @property
    def namespace(self) -> str:
        """Where flipgate keeps what it remembers of it: where its flows look, too."""
        return DEFAULT_NAMESPACE

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

    @staticmethod
    def writer(world: World) -> Cluster:
        """The same connections, to write by: what is done beside flipgate."""
        return Cluster(world.cluster._connection)

    def route_path(self, world: World) -> str:
        """The path of the live route at the API server."""
        api = world.route_api("IngressRoute")
        return f"/apis/{api}/namespaces/{self.place.route_namespace}/ingressroutes/{self.place.route}"

    def bare_patch(self, world: World, to: Side) -> list[dict[str, Any]]:
        """The cheapest patch that sends users to a side: nothing tested."""
        value = world.application.place_of(to).namespace
        return [{"op": "replace", "path": "/spec/routes/0/services/0/namespace", "value": value}]


@contextmanager
def staged(
    throttle_ms: int, tell: Progress, *, name: str = LAB, policy: Mapping[str, Any] | None = None
) -> Iterator[Stage]:
    """The stage, set up; cleared away at the end, however it ends. A lab of this name that ran before stays.

    `policy` is what the application's policy has otherwise than the example's. Raises LabError when the lab or the
    example does not come up, or runs with another throttle.
    """
    before = labs.status(name)
    ran = before.state == "running"
    if ran and before.throttle_ms != throttle_ms:
        fact = f"lab {name} runs with a throttle of {before.throttle_ms} ms, not {throttle_ms}"
        raise LabError(f"{fact}: `flipgate lab down --name {name}` first")
    place = Place.named(f"bench-{os.getpid()}")  # of its own: a lab that stays may not be through with the last one's
    try:
        lab = labs.up(name, throttle_ms=throttle_ms, progress=tell)
        stage = Stage(lab, place, throttle_ms)
        _set_up(stage, tell, policy)
        yield stage
    finally:
        if ran:
            tell(f"example {place.application}: removing it")
            _remove(stage)
        else:
            tell(f"lab {name}: taking it down")
            labs.down(name)


def run(
    name: str,
    options: argparse.Namespace,
    policy: Mapping[str, Any],
    measure: Callable[[Stage, argparse.Namespace, Progress], dict[str, Any]],
    table: Callable[[dict[str, Any]], str],
) -> int:
    """A benchmark as a command: measures on a stage, prints the table (and, asked to, one JSON object last), and says
    how it ended. 0: every request was answered. 1: some were lost, or something failed or could not be measured."""
    try:
        with Printer() as tell, staged(options.throttle_ms, tell, name=options.lab, policy=policy) as stage:
            found = measure(stage, options, tell)
    except (FlipgateError, LabError, LoadError, MeasureError) as error:
        print(f"benchmarks.{name}: {error}", file=sys.stderr)
        return 1
    print(table(found))
    if options.json:
        print(json.dumps(found))
    return 1 if found["requests_lost"] else 0


@contextmanager
def throttled(stage: Stage, throttle_ms: int, tell: Progress) -> Iterator[Stage]:
    """The same stage with another throttle: Traefik is started again with it, and with its own at the end."""
    _start_traefik(stage, throttle_ms, tell)
    try:
        yield replace(stage, throttle_ms=throttle_ms)
    finally:
        _start_traefik(stage, stage.throttle_ms, tell)


def _start_traefik(stage: Stage, throttle_ms: int, tell: Progress) -> None:
    tell(f"Traefik: starting it again with a throttle of {throttle_ms} ms")
    cluster, path = Cluster.connect(stage.lab.kubeconfig), "/apis/apps/v1/namespaces/traefik/deployments/traefik"
    args = cluster.get(path)["spec"]["template"]["spec"]["containers"][0]["args"]
    wanted = [f"{THROTTLE}{throttle_ms}ms" if arg.startswith(THROTTLE) else arg for arg in args]
    cluster.patch(path, [{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": wanted}])
    _kubectl(stage.lab, "-n", "traefik", "rollout", "status", "deployment/traefik", f"--timeout={READY_SECONDS}s")
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(stage):
        if time.monotonic() > deadline:
            raise LabError(f"Traefik does not answer for {stage.place.host}, {READY_SECONDS} s after a start")
        time.sleep(0.1)


def _answers(stage: Stage) -> bool:
    try:
        headers = {"Host": stage.place.host}
        return httpx.get(
            stage.lab.traefik_tls_url, headers=headers, trust_env=False, verify=False, timeout=5
        ).is_success
    except httpx.TransportError:
        return False


def _remove(stage: Stage) -> None:
    """Everything of it, also what flipgate remembers."""
    lab, name = stage.lab, stage.place.application
    example.remove(lab, stage.place)
    of_it = ("-l", f"flipgate.dev/application={name}", "--wait=false")
    _kubectl(lab, "-n", stage.namespace, "delete", "configmap,lease", *of_it)


def _set_up(stage: Stage, tell: Progress, policy: Mapping[str, Any] | None) -> None:
    lab, place = stage.lab, stage.place
    tell(f"example {place.application}: installing both sides")
    example.install(lab, place)
    text = example.application_text(place, policy, by_http=True)
    application = load_application(text, "the example's application file")
    apply_application(Cluster.connect(lab.kubeconfig, lab.context), application, text, stage.namespace)
    adopt(stage.world())
    tell(f"example {place.application}: scaling both sides to the wanted counts")
    for side in Side:
        there = application.place_of(side)
        for service in (each for each in application.spec.services if each.kind == "Deployment"):
            workload = f"deployment/{there.workload_of(service)}"
            _kubectl(lab, "-n", there.namespace, "scale", workload, f"--replicas={service.replicas}")
        ready = (f"--timeout={READY_SECONDS}s", "--for=condition=Available", "deployments", "--all")
        _kubectl(lab, "-n", there.namespace, "wait", *ready)


def _kubectl(lab: Lab, *arguments: str) -> None:
    command = [str(lab.kubectl), "--kubeconfig", str(lab.kubeconfig), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True)
    if answer.returncode:
        raise LabError(f"`kubectl {' '.join(arguments)}` failed: {answer.stderr.strip()[-1000:]}")
