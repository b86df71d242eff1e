"""A draft says what runs, and has a person choose where nobody can know; flipgate's own loader reads each."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import yaml

from flipgate.core.draft.found import Found, Seen
from flipgate.core.draft.services import DRAFTED, LEFT_OUT
from flipgate.core.draft.text import POLICY, draft_file, guess_name, quoted
from flipgate.core.spec.application import load_application
from flipgate.core.spec.policy import Policy
from flipgate.steps.looking.undeclared import WORKLOADS
from tests.core.draft.towns import (
    BLUE,
    GREEN,
    comments,
    container,
    cron_job,
    drafted,
    http_probe,
    route,
    rule,
    service,
    side,
    town,
    traefik,
    workload,
)
from tests.core.source import ROOT

EXAMPLE = ROOT / "examples" / "sportsdata"


@cache
def example() -> Found:
    """The example's two namespaces, as `kubectl apply -k` of its manifests makes them."""
    kinds: dict[str, list[Any]] = {}
    for path in sorted((EXAMPLE / "app" / "base" / "apps").glob("*.yaml")):
        for obj in yaml.safe_load_all(path.read_text()):
            kinds.setdefault(obj["kind"], []).append(obj)
    known = {kind: kinds[kind] for kind in ("Deployment", "CronJob", "Service")}
    rest = [{**each, "spec": {**each["spec"], "replicas": 0}} for each in known["Deployment"]]
    live = yaml.safe_load((EXAMPLE / "clusters" / "home" / "production-routing.yaml").read_text())
    return town(
        side(BLUE, "production-blue", **known),
        side(GREEN, "production-green", **{**known, "Deployment": rest}),
        (live["kind"], live),
        traefiks=(traefik("--providers.kubernetescrd.allowcrossnamespace=true"),),
    )


def test_of_the_example_it_is_the_examples_own_file() -> None:
    written = load_application((EXAMPLE / "flipgate.yaml").read_text(), "flipgate.yaml")
    draft, application = drafted(example(), seen=Seen("X-Served-Side"))
    ours, theirs = application.spec, written.spec
    assert application.name == written.name
    assert (ours.sides, ours.routes, ours.policy) == (theirs.sides, theirs.routes, theirs.policy)
    assert ours.traffic.model_dump() == {**theirs.traffic.model_dump(), "path": "/"}
    assert {each.name: each for each in ours.services} == {each.name: each for each in theirs.services}
    asked = {check.service for check in theirs.checks if not check.makes_job}
    assert {(check.service, check.port, check.path) for check in ours.checks} == {
        (name, 8080, "/health/ready") for name in asked
    }
    assert (draft.live, draft.choices) == (BLUE, 0)
    assert draft.text.startswith("# yaml-language-server: $schema=application.schema.json\n")
    assert max(map(len, draft.text.splitlines())) <= 125


@pytest.mark.parametrize(
    ("arguments", "seconds", "patience"),
    [
        (["--providers.providersThrottleDuration=50ms"], 0.05, 30),
        (["--providers.providersthrottleduration=1m30s"], 90, 120),
        (["--providers.providersthrottleduration=10", "--providers.kubernetescrd.throttleduration=500ms"], 10.5, 40),
        (["--providers.kubernetescrd.throttleDuration=3s", "--providers.kubernetesgateway.throttleDuration=1m"], 5, 35),
        (["--providers.providersthrottleduration=soon"], 2, 30),
        (["--log.level=INFO"], 2, 30),
    ],
)
def test_traefiks_throttle_is_what_it_was_given(arguments: list[str], seconds: float, patience: int) -> None:
    """A file that says less has a move proven by answers that a replica holding the change back may give."""
    usual = "--providers.providersthrottleduration=50ms"
    others = traefik(usual, name="traefik-0"), traefik("--providers.providersthrottleduration=1h", namespace="other")
    found = replace(example(), traefiks=(others[1], traefik(*arguments), *others[:1]))
    _, application = drafted(found, seen=Seen("X-Served-Side"))
    traffic = application.spec.traffic
    assert (traffic.traefik.throttle_seconds, traffic.proof_timeout_seconds) == (seconds, patience)


def test_a_header_that_nobody_has_seen_is_to_be_chosen_and_what_came_is_said() -> None:
    draft, application = drafted(example(), seen=Seen(fact="HTTP 200 without header X-Served-Side"))
    assert application.spec.traffic.header == "X-Served-Side"
    assert draft.choices == 1
    assert "CHOOSE: which header of each answer says the side that gave it?" in comments(draft)
    assert "HTTP 200 without header X-Served-Side" in comments(draft)


def test_users_who_are_sent_to_https_are_asked_for_there() -> None:
    plain = route("IngressRoute", "shop", routes=[rule("Host(`shop.example`)", "api-service", "production-blue")])
    sides, ports = example().sides, {"web": 8000, "websecure": 9443}
    found = town(sides[BLUE], sides[GREEN], plain, traefiks=(traefik(ports=ports),))
    draft, application = drafted(found, seen=Seen("X-Side", by_https=True))
    traffic = application.spec.traffic
    assert (traffic.scheme, traffic.header, traffic.traefik.https_port) == ("https", "X-Side", 9443)
    assert "Who asks by http is sent to https." in comments(draft)


def test_hosts_are_lower_case_and_what_a_route_says_cannot_end_a_comment() -> None:
    found = example()
    match = "(Host(`Shop.Example`) || Host(`b\nx: 1\x07.example`)) && PathPrefix(`/`)"
    live = route("IngressRoute", "shop", routes=[rule(match, "api", "production-blue")])
    draft, application = drafted(town(found.sides[BLUE], found.sides[GREEN], live))
    assert application.spec.traffic.host == "shop.example"
    assert "they also take b x: 1?.example." in comments(draft)


def boutique() -> Found:
    """Services that speak gRPC among each other, one of them behind TLS for users, one with a Service of another
    name."""
    grpc = {"readinessProbe": {"grpc": {"port": 7070}}}
    probe = http_probe("/_healthz", 8080, httpHeaders=[{"name": "Cookie", "value": "shop_session-id=x"}])
    deployments = [
        workload(
            "frontend", container("server", "registry.example:5000/shop/frontend:v0.10.1", 8080, **probe), replicas=3
        ),
        workload("cartservice", container("server", "registry.example:5000/shop/cartservice:v1", 7070, **grpc)),
        workload("redis-cart", container("redis", "redis:alpine", 6379, readinessProbe={"tcpSocket": {"port": 6379}})),
        workload("loadgenerator", container("main", "registry.example:5000/shop/loadgenerator@sha256:" + "a" * 64)),
    ]
    services = [
        service("frontend-web", {"name": "http", "port": 8000, "targetPort": 8080}, app="frontend"),
        service("frontend-metrics", {"name": "metrics", "port": 9090}, app="frontend"),
        service("cartservice", {"name": "grpc", "port": 7070}),
        service("redis-cart", {"name": "tcp", "port": 6379}),
    ]
    live = route(
        "IngressRoute",
        "shop",
        entryPoints=["websecure"],
        tls={"secretName": "shop"},
        routes=[rule("Host(`shop.example.com`) && PathPrefix(`/`)", "frontend-web", "shop-green", 8000)],
    )
    kinds: dict[str, Any] = {"Deployment": deployments, "Service": services}
    return town(
        side(BLUE, "shop-blue", Deployment=deployments[:2], Service=services[:2]),
        side(GREEN, "shop-green", **kinds),
        live,
        traefiks=(traefik("--log.level=INFO", namespace="kube-system", ports={"web": 8000, "websecure": 9443}),),
    )


def test_grpc_tls_and_a_service_of_another_name() -> None:
    draft, application = drafted(boutique())
    spec = application.spec
    assert (draft.name, draft.live) == ("shop", GREEN)
    assert (spec.traffic.host, spec.traffic.scheme) == ("shop.example.com", "https")
    assert (spec.traffic.traefik.namespace, spec.traffic.traefik.https_port) == ("kube-system", 9443)
    facts = {each.name: (each.role, each.service, each.replicas, each.image) for each in spec.services}
    assert facts == {
        "frontend": ("serving", "frontend-web", 3, "registry.example:5000/shop/frontend"),
        "cartservice": ("serving", None, 1, "registry.example:5000/shop/cartservice"),
        "redis-cart": ("serving", None, 1, "redis"),
        "loadgenerator": ("worker", None, 1, "registry.example:5000/shop/loadgenerator"),
    }
    assert spec.services[0].name == "frontend", "what users reach comes first"
    assert [(each.service, each.port, each.path) for each in spec.checks] == [("frontend", 8000, "/_healthz")]
    said = comments(draft)
    assert "cartservice: its readinessProbe asks by grpc" in said
    assert "A worker? No Service leads to it. A worker consumes, and runs on the live side only." in said
    assert "CHOOSE: Deployment redis-cart is missing on blue" in said
    assert "CHOOSE: Service cartservice is missing on blue." in said
    assert "allowCrossNamespace" in said


def many_hands() -> Found:
    """Sidecars, an autoscaler, a worker that is scraped, a StatefulSet, a DaemonSet, a CronJob; by HTTPRoute."""
    log = container("fluent-bit", "fluent/fluent-bit:3")
    deployments = [
        workload("web", log, container("app", "acme/storefront:1", 8080, **http_probe("ready", 8080)), replicas=2),
        workload("orders", container("envoy", "envoyproxy/envoy:1"), container("orders", "acme/orders:1", 80)),
        workload("mailer", log, container("main", "acme/mail:1", 9102), replicas=0),
        workload("odd", container("one", "acme/one:1"), container("two", "acme/two:1")),
    ]
    scaler = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web-hpa"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 2, "maxReplicas": 10},
    }
    kinds: dict[str, Any] = {
        "Deployment": deployments,
        "CronJob": [cron_job("nightly", "acme/nightly:1")],
        "StatefulSet": [workload("db", container("db", "postgres:17", 5432))],
        "DaemonSet": [workload("agent", container("agent", "acme/agent:1"))],
        "Service": [service("web", 8080), service("orders", 80), service("mailer", {"name": "metrics", "port": 9102})],
    }
    backends = [{"name": "web", "namespace": "b", "port": 8080}]
    live = route(
        "HTTPRoute",
        "web",
        parentRefs=[{"name": "gate", "sectionName": "secure"}],
        hostnames=["*.acme.example"],
        rules=[{"matches": [{"path": {"type": "PathPrefix", "value": "/shop"}}], "backendRefs": backends}],
    )
    gate = {"spec": {"listeners": [{"name": "secure", "protocol": "HTTPS", "port": 8443}]}}
    ingress = route("Ingress", "old", "b", defaultBackend={"service": {"name": "web"}})
    return town(
        side(BLUE, "b", [scaler], **kinds),
        side(GREEN, "g", **kinds),
        live,
        ingress,
        name="acme",
        gateways={("edge", "gate"): gate},
        traefiks=(traefik(ports={"web": 8000, "websecure": 8443, "metrics": 9100}),),
    )


def test_sidecars_autoscalers_what_no_service_can_be_and_an_http_route() -> None:
    draft, application = drafted(many_hands())
    spec, said = application.spec, comments(draft)
    facts = {each.name: (each.role, each.image, each.container) for each in spec.services}
    assert facts == {
        "web": ("serving", "acme/storefront", None),
        "orders": ("serving", "acme/orders", None),
        "mailer": ("worker", "acme/mail", None),
        "odd": ("worker", None, None),
        "nightly": ("cron", "acme/nightly", None),
        "db": ("worker", "postgres", None),
    }
    assert (spec.routes[0].kind, spec.traffic.host, spec.traffic.path) == ("HTTPRoute", "www.acme.example", "/shop")
    assert spec.traffic.scheme == "https"
    assert (spec.traffic.header, spec.traffic.traefik.metrics_port) == (None, 9100)
    assert [(each.service, each.port, each.path) for each in spec.checks] == [("web", 8080, "/ready")]
    assert "HorizontalPodAutoscaler web-hpa scales it (2 to 10 pods)" in said
    assert "kept as they are: fluent-bit (fluent/fluent-bit)" in said
    assert "CHOOSE: which container of odd does a release give a new image? one (acme/one), two (acme/two)" in said
    assert "A worker? Behind Service mailer, for metrics alone." in said
    assert "CHOOSE: mailer has 0 pods on both sides" in said
    assert "CHOOSE: the routes take *.acme.example. Which host do users ask for?" in said
    assert "{kind: Ingress, namespace: b, name: old}" in said
    assert "DaemonSet agent (blue and green): it cannot be scaled to 0" in said
    assert "StatefulSet db (" not in said


def test_each_kind_of_workload_is_drafted_or_left_out_with_a_reason() -> None:
    assert set(WORKLOADS) == {*DRAFTED, *LEFT_OUT}


def behind_a_traefik_service(**more: Any) -> Found:
    web = workload("web", container("web", "acme/web:1", 80))
    kinds: dict[str, Any] = {"Deployment": [web], "Service": [service("web", 80)]}
    weights = {"services": [{"name": "web", "namespace": "b", "port": 80, "weight": 1}]}
    follower = route("IngressRoute", "web", routes=[{"match": 'Host("acme.example")', "services": [{"name": "web"}]}])
    return town(
        side(BLUE, "b", **kinds),
        side(GREEN, "g", **kinds),
        route("TraefikService", "web", weighted=weights),
        followers=[follower],
        **more,
    )


def test_a_traefik_service_moves_and_the_host_is_that_of_the_route_that_leads_to_it() -> None:
    draft, application = drafted(behind_a_traefik_service())
    assert [str(each) for each in application.spec.routes] == ["TraefikService edge/web"]
    assert application.spec.traffic.host == "acme.example"
    assert application.spec.traffic.header == "X-Served-Side", "no metrics port is known: somebody has to say"
    assert "CHOOSE: no pod with the label" in comments(draft)
    draft, application = drafted(behind_a_traefik_service(traefiks=(traefik(ports={"metrics": 9100}),)))
    assert (application.spec.traffic.header, application.spec.traffic.traefik.metrics_port) == (None, 9100)


def test_routes_that_lead_to_both_sides_are_all_declared_and_each_says_where_it_leads() -> None:
    found = example()
    preview = route("IngressRoute", "next", routes=[rule("Host(`next.example`)", "api", "production-green")])
    both = town(found.sides[BLUE], found.sides[GREEN], ("IngressRoute", found.routes[0].obj), preview)
    draft, application = drafted(both)
    assert draft.live is None
    assert [each.name for each in application.spec.routes] == ["api-live", "next"]
    said = comments(draft)
    assert "CHOOSE: they lead to both sides" in said
    assert "IngressRoute edge/next -> green" in said
    assert all(each.replicas for each in application.spec.services if each.role != "cron"), (
        "counts of the side that is up"
    )


def test_without_a_route_and_a_second_side_it_can_be_read_and_says_what_is_missing() -> None:
    found = example()
    nothing = replace(found.sides[GREEN], exists=False, workloads={}, services={})
    draft, application = drafted(town(found.sides[BLUE], nothing))
    said = comments(draft)
    assert str(application.spec.routes[0]) == "IngressRoute production-blue/sportsdata-live"
    assert "CHOOSE: nothing that can be moved (IngressRoute, TraefikService, HTTPRoute) was found" in said
    assert "CHOOSE: namespace production-green does not exist yet" in said
    assert "CHOOSE: production-green has none of these yet" in said
    assert "is missing on green" not in said, "once is enough"


@pytest.mark.parametrize(
    ("blue", "green", "name"),
    [("shop-blue", "shop-green", "shop"), ("shop", "shop-2", "shop"), ("x-blue", "y", "x"), ("a", "b", "a")],
)
def test_an_application_is_called_as_its_namespaces_are(blue: str, green: str, name: str) -> None:
    assert guess_name(town(side(BLUE, blue), side(GREEN, green))) == name


@pytest.mark.parametrize("value", ["on", "Y", "1e3", "010", "null", "a,b", "a: b", "*", "/x?y=1", "é", "'", ""])
def test_what_yaml_might_read_otherwise_is_quoted(value: str) -> None:
    assert yaml.safe_load(f"{{a: {quoted(value)}}}") == {"a": value}
    assert quoted(value).startswith('"')


def test_names_that_yaml_might_read_otherwise_come_back_as_they_are() -> None:
    kinds: dict[str, Any] = {
        "Deployment": [workload(name, container(name, f"acme/{name}:1", 80)) for name in ("on", "123", "1e3", "null")],
        "Service": [service("on", 80), service("1e3", 80)],
    }
    live = route("IngressRoute", "off", routes=[rule("Host(`acme.example`)", "on", "b")])
    _, application = drafted(town(side(BLUE, "b", **kinds), side(GREEN, "g", **kinds), live, name="yes"))
    assert {each.name for each in application.spec.services} == {"on", "123", "1e3", "null"}


def test_each_key_of_the_policy_that_is_written_exists_and_has_its_default() -> None:
    usual = Policy().model_dump(by_alias=True)
    assert set(POLICY) == set(usual) - {"joinBuildsSeconds", "keepLogs"}
    assert drafted(example())[1].spec.policy == Policy()


def test_what_keeps_data_says_that_each_side_has_its_own() -> None:
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "books"}}
    kinds: dict[str, Any] = {"Deployment": [workload("web", container("web", "acme/web:1", 80), volumes=[claim])]}
    draft, _ = drafted(town(side(BLUE, "b", **kinds), side(GREEN, "g", **kinds)))
    assert "It keeps data in books: each side has its own, and does not see what the other writes." in comments(draft)


def test_another_kind_of_workload_than_a_role_says_is_named() -> None:
    text = draft_file(many_hands(), "application.schema.json").text
    assert "- {name: db, kind: StatefulSet, role: worker, replicas: 1, image: postgres}" in text


def test_of_two_workloads_with_one_name_one_is_declared_and_the_other_is_said() -> None:
    kinds: dict[str, Any] = {
        "Deployment": [workload("report", container("report", "acme/report:1"))],
        "CronJob": [cron_job("report", "acme/report:1")],
    }
    draft, application = drafted(town(side(BLUE, "b", **kinds), side(GREEN, "g", **kinds)))
    assert [(each.name, each.role) for each in application.spec.services] == [("report", "worker")]
    assert "CHOOSE: CronJob report is not declared: Deployment report is a service of that name." in comments(draft)
