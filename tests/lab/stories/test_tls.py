"""A route as most are in production: TLS at an entry point of its own, plain HTTP redirected; releases under load."""

from __future__ import annotations

from dataclasses import replace
from http.client import MISDIRECTED_REQUEST as MISDIRECTED
from typing import Any

import pytest
import trustme

from flipgate.adapters.cluster import Cluster
from flipgate.core.spec.application import load_application
from flipgate.core.way_back.facts import agreed
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.observe import observe
from flipgate.steps.releasing.setup import check_application
from lab.load import Load
from lab.stories import example
from tests.lab import runbook
from tests.lab.stage import BLUE, GREEN, NewStage, Stage, images, lost_none, phases, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

ROUTES = "/apis/traefik.io/v1alpha1/namespaces"


def redirect(stage: Stage) -> None:
    """Who asks by http is sent to https."""
    place, cluster = stage.place, Cluster.connect(stage.lab.kubeconfig)
    where = f"{ROUTES}/{place.route_namespace}"
    made = {"apiVersion": "traefik.io/v1alpha1", "metadata": {"name": "to-https"}}
    says = {"redirectScheme": {"scheme": "https", "permanent": True}}
    cluster.create(f"{where}/middlewares", {**made, "kind": "Middleware", "spec": says})
    rule: dict[str, Any] = {"kind": "Rule", "match": f"Host(`{place.host}`)", "middlewares": [{"name": "to-https"}]}
    rule["services"] = [{"kind": "TraefikService", "name": "noop@internal"}]
    spec = {"entryPoints": ["web"], "routes": [rule]}
    cluster.create(f"{where}/ingressroutes", {**made, "kind": "IngressRoute", "spec": spec})
    plain = replace(stage, scheme="http")
    wait_until("who asks by http is sent to https", lambda: plain.ask().is_redirect)


def problems(stage: Stage, scheme: str = "https") -> list[str]:
    """What `check` finds where users are said to ask by this scheme."""
    text = example.application_text(stage.place).replace("    scheme: https\n", f"    scheme: {scheme}\n")
    application = load_application(text, "flipgate.yaml")
    return check_application(Cluster.connect(stage.lab.kubeconfig), application, "flipgate")


def test_releases_go_through_a_route_with_tls_and_no_user_is_lost(new_stage: NewStage) -> None:
    stage = new_stage("tls")
    redirect(stage)
    (problem,) = problems(stage, "http")
    assert (
        f"HTTP 301: who asks by http is sent to https://{stage.place.host}/api/venues; declare spec.traffic.scheme"
        in problem
    )
    assert problems(stage) == []

    world = stage.world()
    with stage.load() as load:
        live = runbook.go_live(world, images("2"))
        assert live.first_new_answer_ms is not None
        assert agreed(observe(world)()) is GREEN
        assert roll_back(world, "orders fail", by="ana").left == ()
        assert agreed(observe(world)()) is BLUE

        runbook.go_live(world, images("3"))
        settled = runbook.scale_down(world)
        report = lost_none(load)
    assert phases(settled)[-1] == "settled OldSideAtRest"
    assert report.transitions[-1][1:] == ("blue", "green")
    assert min(report.by_side[side] for side in ("blue", "green")) > 100


def test_a_route_whose_tls_needs_the_name_is_asked_by_its_address(new_stage: NewStage) -> None:
    stage = new_stage("sni")
    place, cluster, authority = stage.place, Cluster.connect(stage.lab.kubeconfig), trustme.CA()
    issued = authority.issue_cert(place.host)
    pem = {"tls.crt": issued.cert_chain_pems[0].bytes().decode(), "tls.key": issued.private_key_pem.bytes().decode()}
    secret = {"type": "kubernetes.io/tls", "metadata": {"name": "shop"}, "stringData": pem}
    cluster.create(f"/api/v1/namespaces/{place.route_namespace}/secrets", secret)
    strict = {"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption", "metadata": {"name": "strict"}}
    cluster.create(f"{ROUTES}/{place.route_namespace}/tlsoptions", {**strict, "spec": {"sniStrict": True}})
    tls = {"op": "replace", "path": "/spec/tls", "value": {"secretName": "shop", "options": {"name": "strict"}}}
    cluster.patch(f"{ROUTES}/{place.route_namespace}/ingressroutes/{place.route}", [tls])
    wait_until("the host is served by its name alone", lambda: stage.ask().status_code == MISDIRECTED)
    (problem,) = problems(stage)
    assert "HTTP 421: the route has TLS options of its own" in problem
    assert "declare spec.traffic.address: https://" in problem

    by_address = {"address": stage.lab.traefik_tls_url, "ca": authority.cert_pem.bytes().decode()}
    stage.apply(edit=lambda document: document["spec"]["traffic"].update(by_address))
    world = stage.world()
    with Load(stage.lab.traefik_tls_url, place.host, clients=6, rate=150) as load:
        runbook.go_live(world, images("2", "api-all"))
        report = lost_none(load)
    assert report.transitions[-1][1:] == ("blue", "green")
    assert agreed(observe(world)()) is GREEN
    assert check_application(cluster, world.application, "flipgate") == []
