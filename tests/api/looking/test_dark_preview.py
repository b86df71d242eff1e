"""What people are told of a dark preview: by `check`, the question, `status`, and what its host answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from flipgate.adapters.routes import delete_route
from flipgate.cli import cli
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.steps.acting.world import World
from flipgate.steps.looking.dark_preview import dark_preview_evidence, look_at_dark_preview
from flipgate.steps.moving.dark_preview import keep_dark_preview, put_dark_preview_right
from flipgate.steps.releasing.questions import pose
from flipgate.steps.releasing.setup import check_application
from tests.api.front import checked, fronted, saying
from tests.api.looking.test_companions import put_middleware, through
from tests.api.moving.test_dark_preview import HOST, gone_dark, looked, rejected, there
from tests.api.shop import Shop, under_lease
from tests.api.steps import Install, status
from tests.api.wire import serving


@pytest.fixture
def dark(shop: Shop) -> World:
    return gone_dark(looked(shop))


def test_the_question_and_status_say_where_to_look(shop: Shop, dark: World) -> None:
    address = f"http://{HOST}/"
    question = pose(dark, QuestionKind.FLIP, [])
    assert question.look_first[0] == address
    assert f"Preview     {address} leads to green" in status(shop, shop.name)
    ((name, obj),) = look_at_dark_preview(dark, None).found.items()
    assert obj
    delete_route(shop.cluster, name, obj["apiVersion"], uid=obj["metadata"]["uid"])
    assert f"{address} may not lead to green: a route of it is not as it is to be ({name})" in status(shop, shop.name)
    put_dark_preview_right(dark)
    rejected(dark)
    assert f"{address} is left over: {name}; reconcile sees to it within minutes" in status(shop, shop.name)


def test_a_question_names_no_address_that_leads_nowhere(shop: Shop) -> None:
    world = looked(shop).gone_live("pipeline", until=Phase.DARK)
    assert HOST not in str(pose(world, QuestionKind.FLIP, []).look_first)


def test_people_are_told_what_its_host_answers(shop: Shop, dark: World, tmp_path: Path) -> None:
    release = dark.store.read().release
    assert release
    with serving(fronted(shop, saying("X-Served-Side: green")), tmp_path) as cluster:
        (evidence,) = dark_preview_evidence(shop.world("pipeline", cluster), release)
    assert (evidence.verdict, evidence.answer) == ("info", "answers from green through 1 of 1 Traefik replicas")
    with serving(fronted(shop, saying(status=401)), tmp_path) as cluster:
        (evidence,) = dark_preview_evidence(shop.world("pipeline", cluster), release)
    assert evidence.answer.startswith("lets only some in, and not flipgate's own request: traefik-1 (HTTP 401")


def test_check_says_what_keeps_it_from_being_made_and_who_may_come(shop: Shop, tmp_path: Path) -> None:
    said: list[str] = []
    looked(shop, "staff")
    (problem,) = checked(shop, tmp_path)
    assert problem.startswith(f"spec.traffic.darkPreview.middlewares: Middleware {shop.own}/staff is not there")
    put_middleware(shop, shop.own, "staff", stripPrefix={"prefixes": ["/v1"]})
    with serving(fronted(shop), tmp_path) as cluster:
        assert check_application(cluster, shop.application, shop.own, said.append) == []
    assert any(f"{HOST} shows the dark side to all who know it" in line for line in said)
    said.clear()
    through(shop, put_middleware(shop, shop.own, "office", ipAllowList={"sourceRange": ["10.0.0.0/8"]}))
    with serving(fronted(shop), tmp_path) as cluster:
        assert check_application(cluster, shop.application, shop.own, said.append) == []
    assert not any("all who know it" in line for line in said)


def test_a_host_that_users_ask_for_is_no_preview(shop: Shop, tmp_path: Path) -> None:
    shop.patch(shop.route_path(), ("replace", "/spec/routes/0/match", f"Host(`x`) || Host(`{HOST}`)"))
    (problem,) = checked(looked(shop), tmp_path)
    assert problem.startswith(f"spec.traffic.darkPreview.host: {HOST} is a host of IngressRoute {shop.own}/")
    world = shop.gone_live("pipeline", until=Phase.DARK)
    said: list[str] = []
    world.say = said.append
    under_lease(world, keep_dark_preview)
    assert there(world) == []
    assert "users who ask for it would be shown the dark side" in said[0]


def test_check_says_that_one_host_stands_for_several_routes(install: Install, tmp_path: Path) -> None:
    shop = looked(install(routes=("live", "split")))
    said: list[str] = []
    with serving(fronted(shop), tmp_path) as cluster:
        check_application(cluster, shop.application, shop.own, said.append)
    assert any(f"{HOST} stands for 2 routes" in line for line in said)


def test_a_no_takes_it_away_at_once(shop: Shop, dark: World) -> None:
    pose(dark, QuestionKind.FLIP, [])
    where = ["--kubeconfig", str(shop.kubeconfig), "-n", shop.own]
    said = CliRunner().invoke(cli, ["reject", shop.name, "--reason", "not yet", *where], prog_name="flipgate")
    assert said.exit_code == 0, said.output
    assert there(dark) == []
