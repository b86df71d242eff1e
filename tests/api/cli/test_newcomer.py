"""Where somebody who begins would stumble, the message says how to go on."""

from __future__ import annotations

from pathlib import Path

from flipgate.core.values.sides import Side
from tests.api.desk import Desk
from tests.api.front import checked, fronted, saying
from tests.api.shop import GREEN, Shop
from tests.api.wire import serving


def test_apply_says_what_comes_next_until_the_application_is_managed(shop: Shop, tmp_path: Path) -> None:
    desk = Desk(shop, tmp_path)
    line = ["apply", "-f", str(desk.file)]
    first = desk.run(*line)
    assert first.stdout == f"application {shop.name} applied (namespace {shop.own})\n"
    assert first.stderr == f"Next: flipgate adopt {shop.name} (nothing runs yet: flipgate init {shop.name})\n"
    shop.adopted()
    assert desk.run(*line).stderr == ""


def test_check_names_the_key_for_a_route_that_shall_always_lead_to_one_side(two_routes: Shop, tmp_path: Path) -> None:
    two_routes.point("back", two_routes.namespace(GREEN))
    problems = checked(two_routes, tmp_path)
    (split,) = [problem for problem in problems if "the routes lead to both sides" in problem]
    assert split.endswith("point them there first, or declare one that shall stay under spec.routesThatStay")


def test_check_says_how_a_second_side_is_made_where_nothing_of_it_is_there(shop: Shop, tmp_path: Path) -> None:
    for name in ("web", "mailer"):
        shop.cluster.delete(f"{shop.deployments(Side.GREEN)}/{name}")
    (problem,) = checked(shop, tmp_path)
    assert problem == (
        f"namespace {shop.name}-green (green) lacks the Deployments mailer, web: nothing of the application is there "
        "(docs/your-application.md says how to make a second side)"
    )


def test_check_says_how_answers_get_a_header_where_nothing_like_it_came(standing: Shop, tmp_path: Path) -> None:
    (problem,) = checked(standing, tmp_path, users=saying("Server: nginx"))
    assert "What came: content-length, server" in problem
    assert "How services get one: docs/your-application.md" in problem


def test_check_names_the_key_where_traefik_is_elsewhere(standing: Shop, tmp_path: Path) -> None:
    desk = Desk(standing, tmp_path)
    with serving(fronted(standing, replicas=()), tmp_path):
        said = desk.run("check", "-f", str(desk.file), "--kubeconfig", str(tmp_path / "wire.kubeconfig"))
    assert said.exit_code == 1
    assert "no running pod matches app.kubernetes.io/name=traefik" in said.stdout
    assert "spec.traffic.traefik says where to look" in said.stdout
