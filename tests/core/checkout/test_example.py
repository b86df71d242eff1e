"""The example's manifests and its application file tell the same story."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from flipgate.core.gates.kinds import KINDS, Gate
from flipgate.core.gates.kinds.in_flight import InFlightLimit
from flipgate.core.gates.kinds.logs import LogLimit
from flipgate.core.gates.kinds.promql import MinSamples
from flipgate.core.gates.kinds.traefik import TraefikLimit
from flipgate.core.spec.application import Application, load_application
from flipgate.core.spec.metrics import Metrics
from flipgate.core.spec.service import Consume, ConsumeStatus
from flipgate.core.values.sides import Side
from tests.core.source import ROOT

EXAMPLE = ROOT / "examples" / "sportsdata"
BASE, OVERLAYS, ROUTING = EXAMPLE / "app" / "base", EXAMPLE / "app" / "overlays", EXAMPLE / "clusters" / "home"


@pytest.fixture(scope="module")
def app() -> Application:
    return load_application((EXAMPLE / "flipgate.yaml").read_text(), "flipgate.yaml")


@cache
def read(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def base(kind: str) -> dict[str, dict[str, Any]]:
    kustomization = read(BASE / "kustomization.yaml")[0]
    objects = [obj for name in kustomization["resources"] for obj in read(BASE / name)]
    return {obj["metadata"]["name"]: obj for obj in objects if obj["kind"] == kind}


def kustomization(side: Side) -> dict[str, Any]:
    return read(OVERLAYS / f"production-{side}" / "kustomization.yaml")[0]


def settings(path: Path) -> dict[str, str]:
    """An env file's keys and values."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def of_the_docs(page: str) -> tuple[str, Application]:
    """A page, and the example's application with what the page's first YAML says besides."""
    text = (ROOT / "docs" / page).read_text()
    said = yaml.safe_load(text.partition("```yaml\n")[2].partition("```")[0])
    document = yaml.safe_load((EXAMPLE / "flipgate.yaml").read_text())
    document["spec"]["services"] += said.get("services", [])
    document["spec"] |= said.get("spec", {})
    return text, load_application(yaml.safe_dump(document), "docs")


def test_its_first_line_names_a_schema_that_exists() -> None:
    first = (EXAMPLE / "flipgate.yaml").read_text().splitlines()[0]
    reference = first.removeprefix("# yaml-language-server: $schema=")
    assert reference != first
    assert (EXAMPLE / reference).resolve().is_file()


def test_nine_services_seven_of_them_serving_and_a_cron_job(app: Application) -> None:
    assert (len(app.serving()), len(app.workers()), len(app.spec.services)) == (7, 2, 10)


@pytest.mark.parametrize("side", list(Side))
def test_each_side_is_the_base_in_its_own_namespace(app: Application, side: Side) -> None:
    assert kustomization(side)["namespace"] == app.place_of(side).namespace
    assert kustomization(side)["resources"] == ["../../base"]
    assert app.place_of(side).namespace in {obj["metadata"]["name"] for obj in read(ROUTING / "namespaces.yaml")}


@pytest.mark.parametrize("side", list(Side))
def test_a_sides_own_configuration_is_merged_into_that_of_both(side: Side) -> None:
    (shared,) = read(BASE / "kustomization.yaml")[0]["configMapGenerator"]
    (own,) = kustomization(side)["configMapGenerator"]
    assert (shared["name"], own["name"], own["behavior"]) == ("app-config", "app-config", "merge")
    assert settings(OVERLAYS / f"production-{side}" / own["envs"][0])["SIDE"] == side.value
    assert "SIDE" not in settings(BASE / shared["envs"][0])


def test_every_deployment_is_a_service_and_the_other_way_round(app: Application) -> None:
    written = {name: deployment["spec"]["replicas"] for name, deployment in base("Deployment").items()}
    assert written == {service.name: service.replicas for service in app.spec.services if service.kind == "Deployment"}
    assert set(base("CronJob")) == {service.name for service in app.spec.services if service.kind == "CronJob"}


def test_green_starts_at_rest_and_blue_does_not() -> None:
    scaled, suspended = kustomization(Side.GREEN)["patches"]
    assert scaled["target"] == {"kind": "Deployment"}
    assert yaml.safe_load(scaled["patch"]) == [{"op": "replace", "path": "/spec/replicas", "value": 0}]
    assert suspended["target"] == {"kind": "CronJob"}
    assert yaml.safe_load(suspended["patch"]) == [{"op": "add", "path": "/spec/suspend", "value": True}]
    assert "patches" not in kustomization(Side.BLUE)


def pod_templates() -> dict[str, dict[str, Any]]:
    jobs = {name: each["spec"]["jobTemplate"]["spec"]["template"] for name, each in base("CronJob").items()}
    return {name: each["spec"]["template"] for name, each in base("Deployment").items()} | jobs


def test_a_missed_start_is_not_made_up_for_hours_later() -> None:
    for job in base("CronJob").values():
        assert (job["spec"]["startingDeadlineSeconds"], job["spec"]["concurrencyPolicy"]) == (600, "Forbid")


def test_images_are_the_ones_that_build_events_name(app: Application) -> None:
    for name, template in pod_templates().items():
        (container,) = template["spec"]["containers"]
        assert container["image"] == app.service(name).image
    for side in Side:
        tags = {image["name"]: image["newTag"] for image in kustomization(side)["images"]}
        assert tags == {service.image: "1" for service in app.spec.services}


def test_serving_services_are_reachable_on_port_8080_and_workers_are_not(app: Application) -> None:
    services = {service.name: base("Service")[service.service or service.name] for service in app.serving()}
    assert len(services) == len(base("Service"))
    for name, service in services.items():
        pod = base("Deployment")[name]["spec"]["template"]
        (port,) = pod["spec"]["containers"][0]["ports"]
        assert port == {"name": "http", "containerPort": 8080}
        assert service["spec"]["ports"] == [{"name": "http", "port": 8080, "targetPort": "http"}]
        assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


def test_every_deployment_selects_its_own_pods_and_says_when_it_is_ready() -> None:
    for deployment in base("Deployment").values():
        pod = deployment["spec"]["template"]
        assert deployment["spec"]["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        probe = pod["spec"]["containers"][0]["readinessProbe"]
        assert probe == {"httpGet": {"path": "/health/ready", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5}


def test_every_configuration_that_is_read_exists() -> None:
    asked = base("ExternalSecret").values()
    known = {"configMapRef": {"app-config"}, "secretRef": {each["spec"]["target"]["name"] for each in asked}}
    for template in pod_templates().values():
        for source in template["spec"]["containers"][0]["envFrom"]:
            ((kind, reference),) = source.items()
            assert reference["name"] in known[kind]


def test_the_route_is_the_applications_and_points_at_blue(app: Application) -> None:
    (route,) = read(ROUTING / "production-routing.yaml")
    namespaces = {each["metadata"]["name"] for each in read(ROUTING / "namespaces.yaml")}
    (declared,) = app.spec.routes
    assert (route["kind"], route["metadata"]["name"]) == (declared.kind, declared.name)
    assert route["metadata"]["namespace"] == declared.namespace
    assert declared.namespace in namespaces
    assert (route["spec"]["entryPoints"], app.spec.traffic.scheme) == (["websecure"], "https")
    assert route["spec"]["tls"]
    (rule,) = route["spec"]["routes"]
    assert rule["match"] == f"Host(`{app.spec.traffic.host}`)"
    assert rule["services"] == [
        {"kind": "Service", "name": "api-service", "namespace": app.place_of(Side.BLUE).namespace, "port": 8080}
    ]


def test_every_serving_service_is_checked(app: Application) -> None:
    assert {check.service for check in app.spec.checks if not check.makes_job} == {
        service.name for service in app.serving()
    }


def test_the_mixed_service_of_the_docs_is_read_and_every_key_is_explained() -> None:
    page, application = of_the_docs("handing-over.md")
    (ledger,) = application.mixed()
    assert ledger.consume
    assert ledger.consume.status
    keys = {field.alias for model in (Consume, ConsumeStatus) for field in model.model_fields.values()}
    assert not [key for key in keys if key not in page]


def test_the_gates_of_the_docs_are_read_and_every_key_is_explained() -> None:
    page, application = of_the_docs("gates.md")
    gates = application.spec.gates
    assert {gate.kind for gate in gates} == set(KINDS.values())
    assert {gate.of for gate in gates if gate.promql} == {"namespace", "target", "time"}
    keys = {
        field.alias
        for model in (Gate, LogLimit, Metrics, TraefikLimit, MinSamples, InFlightLimit)
        for field in model.model_fields.values()
    }
    assert not [key for key in keys if f"{key}`" not in page and f"`{key}" not in page]
