"""A copy of the example application on the shared lab, and what tests ask of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
import yaml

from flipgate.adapters.chat import Chat
from flipgate.adapters.cluster import Cluster
from flipgate.adapters.routes import patch_route
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.spec.application import load_application
from flipgate.core.traffic.moves import RoutePatch
from flipgate.core.values.errors import Unreachable
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import DEFAULT_NAMESPACE, World
from flipgate.steps.releasing.setup import adopt, apply_application
from lab.control.records import Lab
from lab.load import Load, LoadReport
from lab.machine.paths import CHECKOUT
from lab.stories import example
from tests import dying

POLICY: Mapping[str, Any] = {
    "readyTimeoutSeconds": 600,
    "bakeSeconds": 2,
    "bakeIntervalSeconds": 0.5,
    "soakSeconds": 0,
    "keepFailedSeconds": 3600,
}
ENDS_SECONDS = 300.0
"""A process has ended by then: a whole pipeline on a busy machine."""
THROTTLE_SECONDS = 0.05
"""The lab's Traefik holds changes back no longer than that."""
BLUE, GREEN = Side.BLUE, Side.GREEN
SPORTS = yaml.safe_load((example.EXAMPLE / "flipgate.yaml").read_text())["spec"]["services"]
SERVING = tuple(service["name"] for service in SPORTS if service["role"] == "serving")
WORKERS = tuple(service["name"] for service in SPORTS if service["role"] == "worker")

Edit = Callable[[dict[str, Any]], None]


def wait_until(what: str, condition: Callable[[], Any], seconds: float = 240, pause: float = 0.1) -> Any:
    """The condition's first true value. Fails the test, saying what was waited for, when there is none in time. An API
    server that does not answer meanwhile is one that has too much to do: it is asked again."""
    deadline, fault = time.monotonic() + seconds, ""
    while True:
        try:
            if found := condition():
                return found
        except Unreachable as silent:
            fault = f" ({silent})"
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}{fault}")
        time.sleep(pause)


def images(version: str, *services: str) -> dict[str, str]:
    """New images of these services; of all when none is named."""
    repositories = {service["name"]: service["image"] for service in SPORTS}
    return {name: f"{repositories[name]}:{version}" for name in services or (*SERVING, *WORKERS)}


def phases(release: Release | None) -> list[str]:
    """Each change of a release's phase with its reason, as `phase Reason`."""
    assert release is not None
    return [f"{change.phase} {change.reason}" for change in release.changes]


@dataclass
class Stage:
    """One copy: two namespaces, a route, a host, and an application of its own in flipgate's namespace."""

    lab: Lab
    place: example.Place
    scheme: str = "https"
    """How users of the application's file ask."""

    @property
    def application(self) -> str:
        return self.place.application

    def world(self, actor: str = "tester", chat: Chat | None = None) -> World:
        """A World as the command line would build it, with all that is said on standard output."""
        world = World.open(self.application, kubeconfig=self.lab.kubeconfig, actor=actor, chat=chat)
        world.say = print
        return world

    def record(self) -> Record:
        return self.world().store.read()

    def apply(self, policy: Mapping[str, Any] | None = None, edit: Edit | None = None) -> None:
        """Writes the application's file to the cluster; `edit` may change the document before."""
        document = yaml.safe_load(example.application_text(self.place, {**POLICY, **(policy or {})}, by_http=True))
        document["spec"]["traffic"]["traefik"] = {"throttleSeconds": THROTTLE_SECONDS}
        for check in (each for each in document["spec"]["checks"] if "samples" in each):
            check["withinSeconds"] = 20  # what the machine keeps a pod waiting for is nothing of its version
        if edit:
            edit(document)
        if document["spec"]["traffic"]["host"] == self.place.host:
            self.scheme = document["spec"]["traffic"].get("scheme", "http")
        text = yaml.safe_dump(document, sort_keys=False)
        cluster = Cluster.connect(self.lab.kubeconfig)
        apply_application(cluster, load_application(text, "test"), text, DEFAULT_NAMESPACE)

    def install(self, policy: Mapping[str, Any] | None = None, edit: Edit | None = None) -> None:
        """Blue live at version 1, adopted, and answering users."""
        example.install(self.lab, self.place)
        self.apply(policy, edit)
        self.wait_for_users_on(BLUE)  # before that, adopt finds a Traefik that does not know the route yet
        adopt(self.world())

    def traefik(self, path: str) -> str:
        """What Traefik itself says, on its own entry point."""
        return self.kubectl("get", "--raw", f"/api/v1/namespaces/traefik/services/traefik:8080/proxy{path}")

    def remove(self) -> None:
        """Everything of it, also what flipgate remembers."""
        example.remove(self.lab, self.place)
        selector = f"flipgate.dev/application={self.application}"
        self.kubectl("-n", DEFAULT_NAMESPACE, "delete", "configmap", "-l", selector, "--wait=false")
        lease = f"lease/flipgate-{self.application}"
        self.kubectl("-n", DEFAULT_NAMESPACE, "delete", lease, "--ignore-not-found", "--wait=false")

    @property
    def url(self) -> str:
        """Where users ask."""
        return self.lab.traefik_tls_url if self.scheme == "https" else self.lab.traefik_url

    def load(self) -> Load:
        """Users of the route, not started yet."""
        return Load(self.url, self.place.host, clients=6, rate=150)

    def ask(self, path: str = "/", timeout: float = 10) -> httpx.Response:
        """One user's request; whatever certificate Traefik has is taken."""
        headers = {"Host": self.place.host}
        return httpx.get(self.url + path, headers=headers, trust_env=False, verify=False, timeout=timeout)

    def answering(self) -> str:
        """The side that answers users now; empty when none does."""
        with suppress(httpx.TransportError):
            answer = self.ask()
            return answer.headers.get("X-Served-Side", "") if answer.is_success else ""
        return ""

    def wait_for_users_on(self, side: Side) -> None:
        """Traefik follows a patched route within its own time; here that may be a second."""
        wait_until(f"users of {self.place.host} on {side}", lambda: self.answering() == side)

    def deployments(self, side: Side) -> dict[str, dict[str, Any]]:
        """The Deployments of a side by name."""
        namespace = self.place.blue if side is BLUE else self.place.green
        items = Cluster.connect(self.lab.kubeconfig).items(f"/apis/apps/v1/namespaces/{namespace}/deployments")
        return {item["metadata"]["name"]: item for item in items}

    def replicas(self, side: Side) -> dict[str, int]:
        """The wanted pods of a side by service, without those that are at 0."""
        wanted = {name: item["spec"]["replicas"] for name, item in self.deployments(side).items()}
        return {name: count for name, count in wanted.items() if count}

    def images(self, side: Side) -> dict[str, str]:
        """The image of each service of a side."""
        found = self.deployments(side).items()
        return {name: item["spec"]["template"]["spec"]["containers"][0]["image"] for name, item in found}

    def versions(self, side: Side) -> dict[str, tuple[str, int]]:
        """resourceVersion and generation of each Deployment: equal means that nobody has touched it."""
        found = self.deployments(side).items()
        return {name: (item["metadata"]["resourceVersion"], item["metadata"]["generation"]) for name, item in found}

    def kubectl(self, *arguments: str) -> str:
        """Runs the lab's kubectl; its standard output. Fails the test with what it said."""
        command = [str(self.lab.kubectl), "--kubeconfig", str(self.lab.kubeconfig), *arguments]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=ENDS_SECONDS)
        assert answer.returncode == 0, f"kubectl {' '.join(arguments)}: {answer.stderr}"
        return answer.stdout

    def wait_until_gone(self, namespace: str, label: str) -> None:
        """Until no pod with this label is left in a namespace."""
        self.kubectl("-n", namespace, "wait", "--for=delete", "--timeout=240s", "pod", "-l", label)

    def die_at(self, verb: str, step: str, edge: str, *more: str) -> None:
        """A pipeline's steps (tests/lab/runbook.py) as a process of its own, which dies at this edge of its journal."""
        with self.program("-m tests.lab.runbook", verb, self.application, *more, env=dying.at(step, edge)) as process:
            out, err = process.communicate(timeout=ENDS_SECONDS)
        assert process.returncode == -signal.SIGKILL, (out, err)

    def typed(self, *words: str, env: Mapping[str, str] | None = None, code: int = 0) -> tuple[str, str]:
        """`flipgate` with these words, in a process of its own that ends with this code; its two outputs."""
        with self.program("-m flipgate.cli", *words, env=env) as process:
            out, err = process.communicate(timeout=ENDS_SECONDS)
        assert process.returncode == code, (out, err)
        return out, err

    def program(self, module: str, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """A Python program of this checkout, started, with its two outputs piped and this lab's kubeconfig."""
        own = {"KUBECONFIG": str(self.lab.kubeconfig), "PYTHONPATH": str(CHECKOUT)}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        return subprocess.Popen(
            [sys.executable, *module.split(), *arguments],
            env={**kept, **own, **(env or {})},
            cwd=Path(self.lab.dir),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


S = TypeVar("S", bound=Stage)


def copies(kind: type[S], lab: Lab) -> Iterator[Callable[..., S]]:
    """Makes copies of this kind, for a fixture, and removes them all at its end."""
    made: list[S] = []

    def new(name: str, policy: Mapping[str, Any] | None = None, edit: Edit | None = None) -> S:
        stage = kind(lab, example.Place.named(f"t{os.getpid()}-{name}"))
        made.append(stage)
        stage.install(policy, edit)
        return stage

    yield new
    for stage in made:
        stage.remove()


NewStage = Callable[..., Stage]
"""The fixture `new_stage`: a name, and maybe `policy` and `edit` as `Stage.install` takes them."""


def before_patches(monkeypatch: pytest.MonkeyPatch, *deeds: Callable[[], object]) -> None:
    """Somebody acts between a route's look and its patch; each deed is done once."""
    waiting = list(deeds)

    def patch(cluster: Cluster, patch: RoutePatch, **options: Any) -> None:
        if waiting:
            waiting.pop(0)()
        patch_route(cluster, patch, **options)

    monkeypatch.setattr("flipgate.steps.moving.move.patch_route", patch)


def second_route(lab: Lab) -> Edit:
    """A route of its own for one path (/second), declared after the first."""

    def edit(document: dict[str, Any]) -> None:
        first = document["spec"]["routes"][0]
        cluster = Cluster.connect(lab.kubeconfig)
        routes = f"/apis/traefik.io/v1alpha1/namespaces/{first['namespace']}/ingressroutes"
        spec = cluster.get(f"{routes}/{first['name']}")["spec"]
        spec["routes"][0]["match"] += " && PathPrefix(`/second`)"
        made = {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "second"}}
        cluster.create(routes, {**made, "spec": spec})
        document["spec"]["routes"].append({**first, "name": "second"})

    return edit


def through_a_traefik_service(lab: Lab) -> Edit:
    """The rule leads to a TraefikService, which is the route."""

    def edit(document: dict[str, Any]) -> None:
        route = document["spec"]["routes"][0]
        cluster, name = Cluster.connect(lab.kubeconfig), route["name"]
        routes = f"/apis/traefik.io/v1alpha1/namespaces/{route['namespace']}"
        services = cluster.get(f"{routes}/ingressroutes/{name}")["spec"]["routes"][0]["services"]
        made = {"apiVersion": "traefik.io/v1alpha1", "kind": "TraefikService", "metadata": {"name": name}}
        cluster.create(f"{routes}/traefikservices", {**made, "spec": {"weighted": {"services": services}}})
        entry = {"kind": "TraefikService", "name": name}
        pointer = "/spec/routes/0/services/0"
        cluster.patch(f"{routes}/ingressroutes/{name}", [{"op": "replace", "path": pointer, "value": entry}])
        route["kind"] = "TraefikService"

    return edit


def through_an_http_route(lab: Lab) -> Edit:
    """An HTTPRoute of the lab's Gateway in the IngressRoute's place, granted by both sides."""

    def edit(document: dict[str, Any]) -> None:
        spec, route = document["spec"], document["spec"]["routes"][0]
        cluster, home = Cluster.connect(lab.kubeconfig), route["namespace"]
        gateway = "gateway.networking.k8s.io"
        giver = {"group": gateway, "kind": "HTTPRoute", "namespace": home}
        lets = {"from": [giver], "to": [{"group": "", "kind": "Service"}]}
        for side in spec["sides"].values():
            grants = f"/apis/{gateway}/v1beta1/namespaces/{side['namespace']}/referencegrants"
            named = {"apiVersion": f"{gateway}/v1beta1", "kind": "ReferenceGrant", "metadata": {"name": "routes"}}
            cluster.create(grants, {**named, "spec": lets})
        backend = {"name": "api-service", "namespace": spec["sides"]["blue"]["namespace"], "port": 8080}
        says = {
            "parentRefs": [{"name": "web", "namespace": "traefik"}],
            "hostnames": [spec["traffic"]["host"]],
            "rules": [{"backendRefs": [backend]}],
        }
        named = {"apiVersion": f"{gateway}/v1", "kind": "HTTPRoute", "metadata": {"name": route["name"]}}
        cluster.create(f"/apis/{gateway}/v1/namespaces/{home}/httproutes", {**named, "spec": says})
        cluster.delete(f"/apis/traefik.io/v1alpha1/namespaces/{home}/ingressroutes/{route['name']}")
        route["kind"] = "HTTPRoute"
        spec["traffic"]["scheme"] = "http"  # the lab's Gateway listens without TLS

    return edit


def lost_none(load: Load) -> LoadReport:
    """Users go on for a little after what has been done; then each of them must have been answered."""
    done = load.snapshot().sent
    wait_until("users go on", lambda: load.snapshot().sent > done + 100)
    report = load.stop()
    assert report.failed == 0, (report.failures_by_kind, report.failures[:5])
    return report
