"""A workload behind a Service of another name: checked and asked by that name, and never confused with the API server
itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.gates.checks import Check
from flipgate.core.spec.application import Application, load_application
from flipgate.core.values.answer import status_message
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.acting.world import World
from flipgate.steps.looking.check import check
from flipgate.steps.looking.look import look_at_side, look_at_traffic
from flipgate.steps.looking.plan import plan_back
from flipgate.steps.looking.services import count_notes, service_problems, serving_notes
from flipgate.steps.looking.targets import need_targets
from flipgate.steps.moving.move import move
from flipgate.steps.moving.preview import need_preview
from flipgate.steps.releasing.setup import adopt
from tests.api.front import checked, previewed, traefik
from tests.api.shop import BLUE, GREEN, ROUTES, Shop, last_entry
from tests.api.targets import put_endpoints, put_service
from tests.api.users import grant, user
from tests.api.wire import Handler, serving

HTTP = {"name": "http", "port": 8080}
STATUSES = (200, 404, 503)
ELSEWHERE = "{name: web, service: web-service,"


def behind(shop: Shop, *checks: str, service: str = "{name: web,") -> Application:
    """The shop's file, with these checks; `service` begins the line of `web`."""
    text = shop.text.replace("{name: web,", service) + f"  checks: [{', '.join(checks)}]\n"
    return load_application(text, "shop.yaml")


def stand(shop: Shop, *names: str, selector: dict[str, str] | None = None, port: dict[str, Any] = HTTP) -> None:
    """These Services, on both sides."""
    for side in (BLUE, GREEN):
        for name in names:
            spec = {"ports": [port]} | ({"selector": selector} if selector else {})
            made = {"metadata": {"name": name}, "spec": spec}
            shop.cluster.create(f"/api/v1/namespaces/{shop.namespace(side)}/services", made)


def missing(shop: Shop, application: Application, *sides: Side) -> list[str]:
    """What `check` says of the Services on these sides, or both."""
    world = shop.world()
    world.application = application
    return [each for side in sides or Side for each in service_problems(world, look_at_side(world, side))]


def asked(world: World, **keys: Any) -> tuple[Verdict, str, str]:
    """One check's verdict, of whom it was asked, and what came."""
    rule = Check.model_validate({"name": "health", "service": "web", "path": "/health", **keys})
    world.application = but(world.application, spec=but(world.application.spec, checks=(rule,)))
    (evidence,) = check(world, GREEN)
    return evidence.verdict, evidence.asked, evidence.answer


def test_what_the_api_server_says_itself_is_no_answer_of_the_application(shop: Shop) -> None:
    """Not even where the check wants that very status."""
    world, itself = shop.world(), "no answer: HTTP {} from the API server itself: {}"
    gone = (Verdict.UNKNOWN, "web:80/health", itself.format(404, 'services "web" not found'))
    assert [asked(world, status=status) for status in STATUSES] == [gone] * 3
    pod = shop.cluster.through_pod(shop.namespace(GREEN), "web-1", 8080, "/queue", timeout=5)
    assert (pod.status, status_message(pod)) == (404, 'pods "web-1" not found')
    put_service(shop, {"name": "http", "port": 80})
    none = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "web"}, "subsets": []}
    shop.cluster.apply(f"/api/v1/namespaces/{shop.namespace(GREEN)}/endpoints/web", none)
    nobody = (Verdict.UNKNOWN, "web:80/health", itself.format(503, 'no endpoints available for service "web"'))
    assert [asked(world, status=status) for status in STATUSES] == [nobody] * 3
    other = (Verdict.UNKNOWN, "web:81/health", itself.format(503, 'no service port 81 found for service "web"'))
    assert [asked(world, port=81, status=status) for status in STATUSES] == [other] * 3


@pytest.mark.parametrize("service", ["{name: web,", ELSEWHERE], ids=["its own name", "another"])
def test_checks_ask_by_the_service_and_the_applications_own_404_is_a_fail(
    imagined: Shop, tmp_path: Path, service: str
) -> None:
    name, paths = "web-service" if service == ELSEWHERE else "web", list[str]()
    status = iter([200, *[404] * 3])

    def script(request: Handler) -> tuple[int, bytes] | None:
        paths.append(request.path)
        return next(status), json.dumps({"kind": "Page", "status": "ok"}).encode()

    with serving(script, tmp_path) as cluster:
        world = imagined.world("ana", cluster)
        world.application = behind(imagined, service=service)
        good = asked(world, port="http")
        bad = asked(world, port="http")
    assert good[:2] == (Verdict.PASS, f"{name}:http/health")
    assert bad == (Verdict.FAIL, f"{name}:http/health", "status 404, expected 200")
    place = imagined.namespace(GREEN)
    assert set(paths) == {f"/api/v1/namespaces/{place}/services/{name}:http/proxy/health"}


def test_a_missing_service_is_named_with_the_one_that_was_meant(shop: Shop) -> None:
    stand(shop, "web-service", selector={"app": "web"})
    stand(shop, "mail", selector={"app": "mailer"})
    stand(shop, "bare")
    assert missing(
        shop, behind(shop, "{name: health, path: /, service: web}", "{name: deep, path: /, service: web}")
    ) == [
        f"Service {shop.name}-{side}/web does not exist, and checks health, deep ask it; Deployment "
        f"{shop.name}-{side}/web's pods are behind web-service (http 8080): declare `service: web-service` for web"
        for side in (BLUE, GREEN)
    ]
    assert missing(shop, behind(shop, service="{name: web, service: wbe,"), BLUE)[0] == (
        f"Service {shop.name}-blue/wbe does not exist; spec.services names it as that of web; Deployment "
        f"{shop.name}-blue/web's pods are behind web-service (http 8080): declare `service: web-service` for web"
    )
    assert missing(shop, behind(shop, "{name: health, path: /, service: web, port: 8080}", service=ELSEWHERE)) == []


def test_a_port_that_the_service_has_not_is_named_with_those_it_has(shop: Shop, tmp_path: Path) -> None:
    stand(shop, "web-service", selector={"app": "web"})
    application = behind(
        shop, "{name: a, path: /, service: web}", "{name: b, path: /, service: web, port: http}", service=ELSEWHERE
    )
    assert checked(shop, tmp_path, application) == [
        f"Service {shop.name}-{side}/web-service has no port 80 (it has: http 8080), and check a asks it; "
        "declare `port: 8080` for a, or give the Service that port"
        for side in (BLUE, GREEN)
    ]


def test_who_may_not_list_services_is_told_what_is_missing_all_the_same(shop: Shop, tmp_path: Path) -> None:
    stand(shop, "web-service", selector={"app": "web"})
    application = behind(shop, "{name: health, path: /, service: web}")
    robot = user(shop, tmp_path)
    grant(shop, checked(shop, tmp_path, application, kubeconfig=tmp_path / "robot.kubeconfig"))
    assert robot.allowed("get", "", "services", shop.namespace(BLUE))
    assert checked(shop, tmp_path, application, kubeconfig=tmp_path / "robot.kubeconfig") == [
        f"Service {shop.name}-{side}/web does not exist, and check health asks it; make it, or declare another as "
        "`service:` for web"
        for side in (BLUE, GREEN)
    ]


def test_routes_to_it_are_looked_at_previewed_moved_and_taken_back(shop: Shop, tmp_path: Path) -> None:
    shop.patch(shop.route_path(), ("replace", "/spec/routes/0/services/0/name", "web-service"))
    shop.application = behind(shop, service=ELSEWHERE)
    world = shop.adopted()
    with pytest.raises(Refused) as refused:
        need_targets(world, look_at_traffic(world), GREEN)
    assert (refused.value.reason, refused.value.obj) == ("ServiceMissing", f"Service {shop.name}-green/web-service")
    put_service(shop, {"name": "http", "port": 80}, name="web-service")
    put_endpoints(shop, True, service="web-service")
    need_targets(world, look_at_traffic(world), GREEN)

    shown = []

    def shows(host: str) -> str:
        preview = shop.cluster.get(f"{ROUTES}/{shop.own}/ingressroutes/flipgate-preview-{shop.name}-0")
        shown.extend(preview["spec"]["routes"][0]["services"])
        return "green"

    with serving(traefik(shop, shows), tmp_path) as cluster:
        seeing = previewed(shop.world("ana", cluster))
        with seeing.acting() as acting:
            need_preview(acting, look_at_traffic(seeing), GREEN, ["traefik-a"])
    there = {"name": "web-service", "namespace": shop.namespace(GREEN), "port": 80}
    assert shown == [there]

    with world.acting() as acting:
        move(acting, GREEN)
    assert shop.route()["spec"]["routes"][0]["services"] == [there]
    _, (back,) = plan_back(world, BLUE)
    assert [op["value"] for op in back.operations if op["op"] == "replace"] == [shop.namespace(BLUE)]
    assert last_entry(world).outcome == "1 route to green"


def test_what_is_declared_serving_and_nobody_asks_is_said_to_be_so(shop: Shop) -> None:
    world = shop.world()
    (note,) = serving_notes(world)
    assert note.startswith("web is declared serving, and no Service selects its pods: if it works by itself")
    stand(shop, "front", selector={"app": "web"})
    assert list(serving_notes(world)) == []


def test_what_a_check_asks_is_no_worker(shop: Shop) -> None:
    world = shop.world()
    world.application = behind(shop, "{name: up, service: web, port: 80, path: /}")
    assert list(serving_notes(world)) == []


def test_a_live_side_that_asks_for_less_than_the_file_is_said_before_and_when_it_is_adopted(shop: Shop) -> None:
    """Adopted without a word, the next status was red for it."""
    world, said = shop.world(), list[str]()
    world.say = said.append
    assert list(count_notes(world, look_at_side(world, BLUE))) == []
    shop.scaled(BLUE, "web", 1)
    (note,) = count_notes(world, look_at_side(world, BLUE))
    assert note.startswith("web: the file says 2, the live side asks for 1: `status` will call it TooFewPods (kubectl ")
    adopt(world)
    assert note in said
