"""Ten mistakes that people make when they write the first file of an application: `flipgate check` names each, with its
mend, in one sentence of one run, whatever else is wrong."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from flipgate.adapters.cluster import Cluster
from flipgate.core.spec.application import load_application
from flipgate.steps.looking import header
from lab.control.records import Lab
from lab.stories.example import OVERLAYS, ROUTING, Place, application_text
from tests.api.desk import Desk
from tests.api.front import fronted, saying
from tests.api.shop import GREEN, ROUTES, Shop
from tests.api.wire import Answer, Handler, serving

NAME = f"ten-{uuid4().hex[:8]}"
PLACE = Place(NAME, f"{NAME}-blue", f"{NAME}-green", NAME, "live", f"{NAME}.example")
GROUPS = {"v1": "/api/v1", "apps/v1": "/apis/apps/v1", "batch/v1": "/apis/batch/v1"}
VENUE, FRANCHISE, CONTEST = (f"{name}-football-ncaa" for name in ("venue", "franchise", "contest"))
KEDA = {"name": "keda.sh", "preferredVersion": {"groupVersion": "keda.sh/v1alpha1"}}


@dataclass
class Sports:
    """The example of the checkout, live on blue by TLS alone, with what a mistake may change: its file, and KEDA."""

    shop: Shop
    folder: Path
    text: str
    scaled: tuple[dict[str, Any], ...] = ()

    def check(self) -> tuple[int, list[str]]:
        """The exit code of `flipgate check`, and its problems."""
        self.shop.application = load_application(self.text, "flipgate.yaml")
        file = self.folder / "flipgate.yaml"
        file.write_text(self.text)
        with serving(self._script(), self.folder):
            wire = str(self.folder / "wire.kubeconfig")
            result = Desk(self.shop).run("check", "-f", str(file), "--kubeconfig", wire, "-o", "json")
        assert result.stdout, result.stderr
        return result.exit_code, json.loads(result.stdout)["problems"]

    def _script(self) -> Callable[[Handler], Answer | None]:
        def users(request: Handler) -> Answer | None:
            if "/https:" in request.path:
                return saying(f"X-Served-Side: {self.shop.where()[0]}")(request)
            return saying(f"Location: https://{PLACE.host}/", status=308)(request)

        through = fronted(self.shop, users)

        def script(request: Handler) -> Answer | None:
            if request.path == "/apis":
                groups = self.shop.cluster.get("/apis")["groups"]
                return 200, json.dumps({"groups": [*groups, KEDA]}).encode()
            if request.path.startswith("/apis/keda.sh/"):
                found = self.scaled if f"/{PLACE.green}/" in request.path else ()
                return 200, json.dumps({"items": found}).encode()
            return through(request)

        return script

    def write(self, old: str, new: str) -> None:
        """Changes the file."""
        assert old in self.text, old
        self.text = self.text.replace(old, new)

    def deployment(self, name: str) -> str:
        return f"{self.shop.deployments(GREEN)}/{name}"

    def put_sidecar(self, *names: str) -> None:
        """The containers of green's contest, in this order."""
        containers = [{"name": name, "image": f"sportsdata/{name}:1"} for name in names]
        self.shop.patch(self.deployment(CONTEST), ("add", "/spec/template/spec/containers", containers))


def install(cluster: Cluster, lab: Lab) -> Shop:
    """Both sides and the live route as the example's manifests have them, blue Ready."""
    files = ("namespaces.yaml", "production-routing.yaml")
    manifests = [PLACE.rename((ROUTING / name).read_text()) for name in files]
    for side in ("blue", "green"):
        command = [str(lab.kubectl), "kustomize", str(OVERLAYS / f"production-{side}")]
        manifests.append(PLACE.rename(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    found = [each for text in manifests for each in yaml.safe_load_all(text) if each]
    for obj in (each for each in found if each["kind"] != "ExternalSecret"):  # its operator is not in this tier
        kind, meta = obj["kind"], obj["metadata"]
        api = GROUPS.get(obj["apiVersion"], f"/apis/{obj['apiVersion']}")
        where = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
        cluster.apply(f"{api}{where}/{kind.lower()}s/{meta['name']}", obj)
    for namespace in (PLACE.blue, PLACE.green):
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "azure-app-config"}}
        cluster.apply(f"/api/v1/namespaces/{namespace}/secrets/azure-app-config", secret)
    text = application_text(PLACE)
    shop = Shop(cluster, lab.kubeconfig, NAME, ("live",), load_application(text, "flipgate.yaml"), text)
    shop.play_all_ready()
    return shop


@pytest.fixture
def sports(cluster: Cluster, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sports:
    monkeypatch.setattr(header, "HOLD_SECONDS", 0.1)
    traefik = f"traefik: {{namespace: {NAME}, throttleSeconds: 0}}"
    text = application_text(PLACE).replace("    header: X", f"    {traefik}\n    header: X")
    return Sports(install(cluster, lab), tmp_path, text)


@dataclass(frozen=True)
class Mistake:
    """How it is made, how it is mended, and how its sentence begins and what mends it there."""

    make: Callable[[Sports], Any]
    mend: Callable[[Sports], Any]
    said: str
    mends: str
    sentences: int = 1


def service(sports: Sports) -> str:
    return f"/api/v1/namespaces/{PLACE.green}/services/season-service"


def make_service(sports: Sports) -> None:
    ports = [{"name": "http", "port": 8080, "targetPort": "http"}]
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "season-service"}, "spec": {"ports": ports}}
    sports.shop.cluster.apply(service(sports), body)


def make_route(sports: Sports) -> None:
    to = {"name": "api-service", "namespace": PLACE.blue, "port": 8080}
    spec = {"routes": [{"kind": "Rule", "match": "Host(`other.example`)", "services": [to]}]}
    body = {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "second"}, "spec": spec}
    sports.shop.cluster.create(f"{ROUTES}/{NAME}/ingressroutes", body)


def make_middleware(sports: Sports) -> None:
    api = "traefik.io/v1alpha1"
    body = {"apiVersion": api, "kind": "Middleware", "metadata": {"name": "page"}, "spec": {"stripPrefix": {}}}
    sports.shop.cluster.apply(f"{ROUTES}/{PLACE.blue}/middlewares/page", body)
    named = [{"name": "page", "namespace": PLACE.blue}]
    sports.shop.patch(sports.shop.route_path(), ("add", "/spec/routes/0/middlewares", named))


def make_quota(sports: Sports) -> None:
    quotas = f"/api/v1/namespaces/{PLACE.green}/resourcequotas"
    sports.shop.cluster.create(quotas, {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "3"}}})
    status = {"hard": {"pods": "3"}, "used": {"pods": "0"}}
    sports.shop.cluster.merge(f"{quotas}/small/status", {"status": status})


SCALER = {
    "metadata": {"name": "ingest"},
    "spec": {"scaleTargetRef": {"name": "ingest-worker"}, "minReplicaCount": 0, "triggers": []},
}
MISTAKES = {
    "Service missing": Mistake(
        lambda sports: sports.shop.cluster.delete(service(sports)),
        make_service,
        f"Service {PLACE.green}/season-service does not exist, and check season asks it",
        f"kubectl -n {PLACE.blue} get service season-service -o yaml",
    ),
    "wrong port": Mistake(
        lambda sports: sports.write(f"service: {VENUE}, port: 8080, path", f"service: {VENUE}, port: 8081, path"),
        lambda sports: sports.write(f"service: {VENUE}, port: 8081, path", f"service: {VENUE}, port: 8080, path"),
        f"Service {NAME}-",
        "/venue-service has no port 8081 (it has: http 8080), and check venue asks it; declare `port: 8080` for venue",
        sentences=2,  # one of each side
    ),
    "TLS-only route asked in plain HTTP": Mistake(
        lambda sports: sports.write("    scheme: https\n", ""),
        lambda sports: sports.write("    header: X", "    scheme: https\n    header: X"),
        "Traefik (traefik-1) for ",
        "declare spec.traffic.scheme: https",
    ),
    "undeclared second route": Mistake(
        make_route,
        lambda sports: sports.shop.cluster.delete(f"{ROUTES}/{NAME}/ingressroutes/second"),
        f"IngressRoute {NAME}/second leads to {PLACE.blue} (blue), and is not declared",
        "spec.routesThatStay",
    ),
    "middleware in a side's namespace": Mistake(
        make_middleware,
        lambda sports: sports.shop.patch(sports.shop.route_path(), ("remove", "/spec/routes/0/middlewares", None)),
        f"Middleware {PLACE.blue}/page is named by IngressRoute {NAME}/live",
        f"copy it to namespace {NAME}, or another of neither side, and let the route name that one",
    ),
    "KEDA on a worker": Mistake(
        lambda sports: setattr(sports, "scaled", (SCALER,)),
        lambda sports: setattr(sports, "scaled", ()),
        f"ScaledObject {PLACE.green}/ingest may start ingest-worker on green, which is dark",
        "The next deploy pauses it",
    ),
    "quota too small": Mistake(
        make_quota,
        lambda sports: sports.shop.cluster.delete(f"/api/v1/namespaces/{PLACE.green}/resourcequotas/small"),
        f"room in the namespace: fail: ResourceQuota {PLACE.green}/small: pods 0 of 3 used, 10 more wanted",
        f"raise it to 10 at least (kubectl -n {PLACE.green} edit resourcequota small)",
    ),
    "paused Deployment": Mistake(
        lambda sports: sports.shop.patch(sports.deployment(FRANCHISE), ("add", "/spec/paused", True)),
        lambda sports: sports.shop.patch(sports.deployment(FRANCHISE), ("remove", "/spec/paused", None)),
        f"Deployment {PLACE.green}/{FRANCHISE} is paused",
        f"kubectl -n {PLACE.green} rollout resume deployment/{FRANCHISE}",
    ),
    "sidecar first": Mistake(
        lambda sports: (
            sports.write("replicas: 1, image: sportsdata/contest}", "replicas: 1}"),
            sports.put_sidecar("proxy", "contest"),
        ),
        lambda sports: (
            sports.write(
                "service: contest-service, replicas: 1}",
                "service: contest-service, replicas: 1, image: sportsdata/contest}",
            ),
            sports.put_sidecar("contest"),
        ),
        f"Deployment {PLACE.green}/{CONTEST} has several containers",
        f"declare `container:` for {CONTEST}, or `image:`, its repository",
    ),
    "slack channel unquoted": Mistake(
        lambda sports: setattr(sports, "text", f"{sports.text}  announce:\n    slackChannel: #releases\n"),
        lambda sports: sports.write("  announce:\n    slackChannel: #releases\n", ""),
        "FILE: line ",
        'write slackChannel: "#releases"',
    ),
}


def named(problems: list[str], mistake: Mistake, sports: Sports) -> list[str]:
    """The sentences that are about this mistake, and say how it is mended."""
    begins = mistake.said.replace("FILE", str(sports.folder / "flipgate.yaml"))
    return [each for each in problems if each.startswith(begins) and mistake.mends in each]


def test_each_is_named_with_its_mend_in_one_run_and_nothing_else_is_said(sports: Sports) -> None:
    assert sports.check() == (0, [])
    for code, names in ((1, [what for what in MISTAKES if "slack" not in what]), (2, ["slack channel unquoted"])):
        for what in names:
            MISTAKES[what].make(sports)
        found, problems = sports.check()
        made = {what: each for what, each in MISTAKES.items() if code == 2 or what in names}
        assert found == code
        assert [what for what, mistake in made.items() if not named(problems, mistake, sports)] == []
        assert len(problems) == sum(mistake.sentences for mistake in made.values()), problems
    for mistake in MISTAKES.values():
        mistake.mend(sports)
    assert sports.check() == (0, []), "each is mended"
