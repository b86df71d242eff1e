"""`flipgate draft` on a real API server: what it prints is what `check` has nothing against, and nothing is written."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner, Result

from flipgate.cli import cli
from flipgate.core.spec.application import load_new_application
from tests.api.front import Users, fronted, saying
from tests.api.shop import ROUTES, Shop
from tests.api.steps import Install
from tests.api.town import pod
from tests.api.users import grant, user
from tests.api.wire import Answer, Handler, Script, serving


def with_traefik(shop: Shop, *headers: str, users: Users | None = None) -> Script:
    """The shop behind a Traefik that lists in all namespaces, and answers with these headers."""
    front = fronted(shop, users or saying(*headers))
    traefik = {**pod("traefik-1"), "spec": {"containers": [{"name": "traefik", "args": []}]}}
    traefik["metadata"] = {**traefik["metadata"], "namespace": shop.own}

    def script(request: Handler) -> Answer | None:
        if request.path.startswith("/api/v1/pods?"):
            return 200, json.dumps({"items": [traefik]}).encode()
        return front(request)

    return script


def serve(shop: Shop) -> None:
    """Gives `web` the Service that the route names."""
    for side in ("blue", "green"):
        service = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
        shop.cluster.create(f"/api/v1/namespaces/{shop.name}-{side}/services", service)


def draft(shop: Shop, folder: Path, *more: str) -> Result:
    line = ["draft", f"{shop.name}-blue", f"{shop.name}-green", *more]
    return CliRunner().invoke(cli, [*line, "--kubeconfig", str(folder / "wire.kubeconfig")], prog_name="flipgate")


def check(shop: Shop, folder: Path, drafted: Result) -> Result:
    file = folder / "flipgate.yaml"
    file.write_text(drafted.stdout)
    line = ["check", "-f", str(file), "-n", shop.own, "--kubeconfig", str(folder / "wire.kubeconfig")]
    return CliRunner().invoke(cli, line, prog_name="flipgate")


def test_what_it_prints_is_what_check_has_nothing_against_and_nothing_is_written(shop: Shop, tmp_path: Path) -> None:
    serve(shop)
    before = shop.version(shop.route_path())
    with serving(with_traefik(shop, "X-Side: blue"), tmp_path):
        drafted = draft(shop, tmp_path)
        assert drafted.exit_code == 0, drafted.output
        checked = check(shop, tmp_path, drafted)
    assert checked.output.splitlines()[-1] == f"ok: {shop.name}, 2 services, 1 route", checked.output
    application = load_new_application(drafted.stdout, "the draft")
    assert application.name == shop.name
    assert application.spec.traffic.header == "X-Side", "the one that was seen to name the side"
    assert application.spec.traffic.traefik.namespace == shop.own
    services = {each.name: (each.role, each.replicas, each.image) for each in application.spec.services}
    assert services == {"web": ("serving", 2, "shop/web"), "mailer": ("worker", 1, "shop/mailer")}
    said = f"drafted: application {shop.name}, 1 place to CHOOSE. Next: flipgate check -f FILE\n"
    assert drafted.stderr == said, "what to ask beyond being Ready"
    assert shop.version(shop.route_path()) == before
    assert shop.where() == ("blue",)


def test_a_header_that_does_not_come_is_to_be_chosen_and_check_names_it(shop: Shop, tmp_path: Path) -> None:
    serve(shop)
    with serving(with_traefik(shop, "Server: nginx"), tmp_path):
        drafted = draft(shop, tmp_path, "--name", "mine")
        checked = check(shop, tmp_path, drafted)
    assert "name: mine" in drafted.stdout
    assert "HTTP 200 without header X-Served-Side" in " ".join(drafted.stdout.split())
    assert "2 places to CHOOSE" in drafted.stderr
    (problem,) = checked.stdout.splitlines()
    assert "without header X-Served-Side" in problem


def test_where_http_leads_to_https_it_is_asked_for_there(shop: Shop, tmp_path: Path) -> None:
    serve(shop)

    def users(request: Handler) -> Answer | None:
        if "/https:traefik-1:" in request.path:
            return saying("X-Served-Side: blue")(request)
        return saying(f"Location: https://{shop.name}.example/", status=308)(request)

    with serving(with_traefik(shop, users=users), tmp_path):
        drafted = draft(shop, tmp_path)
        checked = check(shop, tmp_path, drafted)
    traffic = load_new_application(drafted.stdout, "the draft").spec.traffic
    assert (traffic.scheme, traffic.header) == ("https", "X-Served-Side")
    assert checked.exit_code == 0, checked.output


def test_what_may_not_be_looked_for_is_said_and_workloads_have_to_be_read(shop: Shop, tmp_path: Path) -> None:
    user(shop, tmp_path)
    line = ["draft", f"{shop.name}-blue", f"{shop.name}-green", "--kubeconfig", str(tmp_path / "robot.kubeconfig")]
    refused = CliRunner().invoke(cli, line, prog_name="flipgate")
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert "kubectl auth can-i" in refused.stderr


def test_who_may_list_on_the_sides_alone_gets_a_draft_that_says_where_nobody_looked(shop: Shop, tmp_path: Path) -> None:
    user(shop, tmp_path)
    kinds = ("deployments.apps", "statefulsets.apps", "daemonsets.apps", "cronjobs.batch", "services")
    rights = [("list", kind) for kind in kinds] + [("get", "namespaces")]
    for side in ("blue", "green"):
        where = f"{shop.name}-{side}"
        grant(shop, [f"no permission to {verb} {what} in namespace {where} (kubectl auth)" for verb, what in rights])
    line = ["draft", f"{shop.name}-blue", f"{shop.name}-green", "--kubeconfig", str(tmp_path / "robot.kubeconfig")]
    drafted = CliRunner().invoke(cli, line, prog_name="flipgate")
    said = " ".join(drafted.stdout.replace("#", "").split())
    assert load_new_application(drafted.stdout, "the draft").spec.services[0].name == "mailer"
    assert f"Left out, perhaps: not looked for in namespace {shop.name}-blue, for want of rights to list: " in said
    assert "Left out, perhaps: Traefik's pods were not looked for, for want of rights to list pods" in said
    assert "CHOOSE: nothing that can be moved" in said


def test_namespaces_without_a_workload_are_refused(shop: Shop, tmp_path: Path) -> None:
    line = ["draft", shop.own, "nowhere", "--kubeconfig", str(shop.kubeconfig)]
    refused = CliRunner().invoke(cli, line, prog_name="flipgate")
    assert refused.exit_code == 1
    assert f"namespaces {shop.own} and nowhere: have no workload" in refused.stderr


def test_a_namespace_cannot_be_both_sides(imagined: Shop) -> None:
    refused = CliRunner().invoke(
        cli, ["draft", "a", "a", "--kubeconfig", str(imagined.kubeconfig)], prog_name="flipgate"
    )
    assert refused.exit_code == 2
    assert 'both sides are namespace "a"; each side needs one of its own' in refused.stderr


def test_a_traefik_service_and_an_http_route_are_found_and_so_is_who_leads_there(
    install: Install,
) -> None:
    shop = install(routes=("live", "api"), weighted=("live",), http=("api",))
    serve(shop)
    rule = {"kind": "Rule", "match": "Host(`shop.example`)", "services": [{"kind": "TraefikService", "name": "live"}]}
    door = {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "door"}}
    shop.cluster.create(f"{ROUTES}/{shop.own}/ingressroutes", {**door, "spec": {"routes": [rule]}})
    line = ["draft", f"{shop.name}-blue", f"{shop.name}-green", "--kubeconfig", str(shop.kubeconfig)]
    drafted = CliRunner().invoke(cli, line, prog_name="flipgate")
    spec = load_new_application(drafted.stdout, "the draft").spec
    assert {f"{each.kind} {each.name}" for each in spec.routes} == {"TraefikService live", "HTTPRoute api"}
    assert spec.traffic.host == "shop.example"
    assert "no pod with the label app.kubernetes.io/name=traefik was found" in " ".join(drafted.stdout.split())
