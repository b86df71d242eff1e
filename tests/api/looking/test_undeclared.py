"""What leads to a side and was never declared: named by `check` and in the question, and in the way of the old side's
rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.record.release import Release
from flipgate.core.spec.application import load_application
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused, TemporaryError
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.looking.undeclared import need_declared, undeclared_evidence, undeclared_problems
from flipgate.steps.releasing.questions import decide, pose
from flipgate.steps.releasing.settle import settle, soak_evidence
from flipgate.steps.releasing.setup import check_application
from tests.api.front import checked, fronted
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, under_lease
from tests.api.users import grant, user
from tests.api.wire import Answer, Through, serving
from tests.core.builders import ANA

TRAEFIK = "/apis/traefik.io/v1alpha1"


def put(shop: Shop, api: str, kind: str, namespace: str, name: str, spec: dict[str, Any]) -> None:
    """An object that somebody else has made."""
    plural = f"{kind.lower()}es" if kind.endswith("ss") else f"{kind.lower()}s"
    version = api.removeprefix("/apis/").removeprefix("/api/")
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
    shop.cluster.create(f"{api}/namespaces/{namespace}/{plural}", body)


def put_route(shop: Shop, namespace: str, name: str = "campaign", to: Any = BLUE, kind: str = "IngressRoute") -> None:
    """A route of Traefik's to a side."""
    service = {"name": "web", "namespace": shop.namespace(to), "port": 80}
    put(shop, TRAEFIK, kind, namespace, name, {"routes": [{"match": "Host(`y`)", "services": [service]}]})


def put_others(shop: Shop) -> dict[str, str]:
    """One of each kind on blue or beside it; what each is called, and where it leads."""
    blue, web = shop.namespace(BLUE), {"name": "web", "namespace": shop.namespace(BLUE), "port": 80}
    put_route(shop, shop.own)
    put_route(shop, shop.own, "mqtt", kind="IngressRouteTCP")
    put(shop, TRAEFIK, "TraefikService", shop.own, "shared", {"weighted": {"services": [web]}})
    gateway = "/apis/gateway.networking.k8s.io/v1"
    put(shop, gateway, "HTTPRoute", blue, "inner", {"rules": [{"backendRefs": [{"name": "web", "port": 80}]}]})
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    put(shop, "/apis/networking.k8s.io/v1", "Ingress", blue, "old", {"defaultBackend": backend})
    put(shop, "/api/v1", "Service", blue, "public", {"type": "NodePort", "ports": [{"port": 80}]})
    put(shop, "/api/v1", "Service", blue, "web", {"ports": [{"port": 80}]})
    named = {"IngressRoute": "campaign", "IngressRouteTCP": "mqtt", "TraefikService": "shared"}
    beside = [f"{kind} {shop.own}/{name}" for kind, name in named.items()]
    inside = [f"{kind} {blue}/{name}" for kind, name in (("HTTPRoute", "inner"), ("Ingress", "old"))]
    return dict.fromkeys([*beside, *inside, f"Service {blue}/public"], "blue")


def staying(shop: Shop, names: Any) -> str:
    """The shop's file, with these declared to stay."""
    parts = [(kind, *where.split("/")) for kind, _, where in (name.partition(" ") for name in names)]
    lines = [f"{{kind: {kind}, namespace: {namespace}, name: {name}}}" for kind, namespace, name in parts]
    return f"{shop.text}  routesThatStay: [{', '.join(lines)}]\n"


def test_check_names_each_object_that_leads_to_a_side_until_it_is_declared(shop: Shop, tmp_path: Path) -> None:
    others = put_others(shop)
    problems = checked(shop, tmp_path)
    assert {problem.partition(" leads to ")[0] for problem in problems} == set(others), "\n".join(problems)
    assert all(f"leads to {shop.name}-blue (blue), and is not declared" in problem for problem in problems)
    assert all("spec.routesThatStay" in problem for problem in problems)
    (route,) = [problem for problem in problems if problem.startswith("IngressRoute ")]
    assert "spec.routes, " in route
    (ingress,) = [problem for problem in problems if problem.startswith("Ingress ")]
    assert "spec.routes, " not in ingress, "no move changes one"

    world = shop.world()
    world.application = load_application(staying(shop, others), "shop.yaml")
    assert list(undeclared_problems(world)) == []


def test_what_follows_a_declared_route_or_leads_elsewhere_is_none_of_it(shop: Shop) -> None:
    rule = {"match": "Host(`y`)", "services": [{"name": "live", "kind": "TraefikService"}]}
    put(shop, TRAEFIK, "IngressRoute", shop.own, "www", {"routes": [rule]})
    home = {"weighted": {"services": [{"name": "web", "port": 80}]}}
    put(shop, TRAEFIK, "TraefikService", shop.namespace(BLUE), "inner", home)  # nobody comes in by that
    assert list(undeclared_problems(shop.world())) == []


def test_the_old_side_does_not_rest_while_others_lead_to_it(shop: Shop) -> None:
    world = shop.gone_live()
    put_route(shop, shop.own, to=GREEN)
    put_route(shop, shop.own, "second")
    name = f"IngressRoute {shop.own}/second"
    (shown,) = [each for each in soak_evidence(world, live(world)) if each.gate == "other routes"]
    assert shown.verdict is Verdict.FAIL
    assert name in shown.answer
    approved_soak(world)
    with pytest.raises(Refused) as refused:
        under_lease(world, settle)
    assert (refused.value.reason, refused.value.obj) == ("UndeclaredRoute", name)
    assert "blue: the way back stays open" in refused.value.untouched
    assert f"flipgate scale-down {shop.name}" in refused.value.next_command
    assert (shop.counts(BLUE), world.store.read().phase) == (COUNTS, Phase.LIVE)

    world.application = load_application(staying(shop, [name]), "shop.yaml")
    assert under_lease(world, settle).phase is Phase.SETTLED
    assert shop.counts(BLUE) == dict.fromkeys(COUNTS, 0)


def test_where_nothing_may_be_looked_for_that_is_said_and_nothing_is_refused(shop: Shop, tmp_path: Path) -> None:
    robot, said = user(shop, tmp_path), list[str]()
    grant(shop, check_application(robot, shop.application, shop.own))
    put_route(shop, shop.own)
    with serving(fronted(shop, kubeconfig=tmp_path / "robot.kubeconfig"), tmp_path) as cluster:
        assert check_application(cluster, shop.application, shop.own, said.append) == []
        world = shop.world("robot", cluster)
        (shown,) = undeclared_evidence(world)
    blind = [line for line in said if line.startswith("not looked for")]
    assert len(blind) == 3, "a line for each namespace"
    side = next(line for line in blind if f"namespace {shop.name}-blue" in line)
    assert "ingresses.networking.k8s.io" in side
    assert "statefulsets.apps" in side
    assert f"(kubectl auth can-i list cronjobs.batch -n {shop.name}-blue)" in side
    assert (shown.verdict, "not looked for" in shown.answer) == (Verdict.INFO, True)


def test_who_may_list_in_the_namespaces_of_the_file_alone_finds_what_is_there(shop: Shop, tmp_path: Path) -> None:
    robot, said = user(shop, tmp_path), list[str]()
    needed = check_application(robot, shop.application, shop.own)
    resource = "ingressroutes.traefik.io"
    where = [shop.own, shop.namespace(BLUE), shop.namespace(GREEN)]
    lists = [f"no permission to list {resource} in namespace {each} (kubectl auth)" for each in where]
    grant(shop, [*needed, *lists])
    put_route(shop, shop.own)
    with serving(fronted(shop, kubeconfig=tmp_path / "robot.kubeconfig"), tmp_path) as cluster:
        (problem,) = check_application(cluster, shop.application, shop.own, said.append)
    assert problem.startswith(f"IngressRoute {shop.own}/campaign leads to ")
    assert any(line.startswith("looked for in namespaces ") and f" alone: {resource}" in line for line in said)


def test_an_api_that_does_not_answer_is_said_and_lets_no_side_rest(shop: Shop, tmp_path: Path) -> None:
    admin = shop.gone_live()

    def down(method: str, path: str) -> Answer | None:
        return (503, b"") if path.startswith("/apis/networking.k8s.io") else None

    with serving(Through(shop.kubeconfig, before=down), tmp_path) as cluster:
        world = shop.world("ana", cluster)
        (problem,) = undeclared_problems(world)
        assert problem.startswith("what else leads to a side is not known: ")
        assert undeclared_evidence(world)[0].verdict is Verdict.UNKNOWN
        with pytest.raises(TemporaryError):
            need_declared(world, BLUE, "scale-down")
    assert admin.store.read().phase is Phase.LIVE


def test_workloads_that_nobody_declared_are_named_in_one_sentence(shop: Shop) -> None:
    said: list[str] = []
    pods = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [{"name": "x", "image": "x"}]}}
    job = {"template": {**pods, "spec": {**pods["spec"], "restartPolicy": "Never"}}}
    nightly = {"schedule": "0 3 * * *", "jobTemplate": {"spec": job}}
    for side in (BLUE, GREEN):
        put(shop, "/apis/batch/v1", "CronJob", shop.namespace(side), "nightly", nightly)
    cache = {"selector": {"matchLabels": {"app": "x"}}, "serviceName": "cache", "template": pods}
    put(shop, "/apis/apps/v1", "StatefulSet", shop.namespace(BLUE), "cache", cache)
    assert list(undeclared_problems(replace(shop.world(), say=said.append))) == []
    (line,) = [each for each in said if "CronJob" in each]
    assert line.startswith(f"CronJob {shop.name}-blue/nightly, CronJob {shop.name}-green/nightly, StatefulSet ")
    assert f"StatefulSet {shop.name}-blue/cache" in line
    assert "whichever side is live" in line
    assert "spec.services" in line


def live(world: World) -> Release:
    release = world.store.read().release
    assert release
    return release


def approved_soak(world: World) -> None:
    """The soak is over, and a person has said that the old side may go to rest."""
    world.store.update(lambda r: records.update_release(r, lambda each: but(each, settle_after=world.now())))
    pose(world, QuestionKind.SCALE_DOWN, [])
    decide(world, Decision.APPROVE, by=ANA, via="cli", reason="it soaked")
