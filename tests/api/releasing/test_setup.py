"""Setting up: what stands between a file and a release is said, one sentence each, before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import Forbidden, NotFound
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look
from flipgate.steps.moving.move import move
from flipgate.steps.releasing.bring_up import bring_up, wait_ready
from flipgate.steps.releasing.settle import settle
from flipgate.steps.releasing.setup import adopt, apply_application, check_application
from tests.api.front import checked
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, advanced, opened
from tests.api.steps import Install, approved, refusing
from tests.api.users import grant, user


@pytest.fixture(scope="module")
def untouched(install: Install) -> Shop:
    """A shop that no test here changes, nor adopts."""
    return install()


def test_nothing_stands_in_the_way_but_a_container_that_nobody_has_which_is_named_with_those_there_are(
    untouched: Shop, tmp_path: Path
) -> None:
    assert checked(untouched, tmp_path) == []
    application = load_application(untouched.text.replace("container: web", "container: app"), "shop.yaml")
    assert checked(untouched, tmp_path, application) == [
        f"Deployment {untouched.name}-{side}/web has no container app (it has: web)" for side in (BLUE, GREEN)
    ]


def test_a_missing_namespace_is_said_once(untouched: Shop, tmp_path: Path) -> None:
    shop = untouched
    elsewhere = shop.text.replace(f"namespace: {shop.name}-green", "namespace: nowhere-green")
    application = load_application(elsewhere, "shop.yaml")
    assert checked(shop, tmp_path, application) == ["namespace nowhere-green (green) does not exist"]
    with refusing("NamespaceMissing", "kubectl create namespace nowhere-green"):
        apply_application(shop.cluster, application, elsewhere, shop.own)
    assert shop.world().store.application() == shop.application


def test_a_route_that_is_missing_or_points_elsewhere_is_named_and_deployments_that_are_missing_at_once(
    shop: Shop, tmp_path: Path
) -> None:
    shop.point("live", "elsewhere")
    (elsewhere,) = checked(shop, tmp_path)
    assert elsewhere.startswith(f"IngressRoute {shop.own}/live names neither side (it names elsewhere)")
    shop.cluster.delete(shop.route_path())
    (missing,) = checked(shop, tmp_path)
    assert missing.startswith(f"IngressRoute {shop.own}/live is missing")

    for side, name in ((BLUE, "web"), (GREEN, "web"), (GREEN, "mailer")):
        shop.cluster.delete(f"{shop.deployments(side)}/{name}")
    problems = checked(shop, tmp_path)
    assert len(problems) == 3
    assert missing in problems
    assert f"namespace {shop.name}-blue (blue) lacks the Deployments web" in problems
    nothing = f"namespace {shop.name}-green (green) lacks the Deployments mailer, web: nothing of the application"
    assert any(problem.startswith(nothing) for problem in problems)


def test_a_user_without_rights_is_told_each_one(untouched: Shop, tmp_path: Path) -> None:
    shop = untouched
    robot = user(shop, tmp_path)
    problems = check_application(robot, shop.application, shop.own)
    deployments = f"no permission to patch deployments.apps mailer, web in namespace {shop.name}-green"
    assert f"{deployments} (kubectl auth can-i patch deployments.apps/mailer -n {shop.name}-green)" in problems
    assert all(problem.startswith("no permission to ") for problem in problems)
    assert not any("secrets" in problem or " * " in problem for problem in problems)
    assert not any("pods/log" in problem for problem in problems), "asked for where a gate reads logs, only there"
    reads_logs = f"{shop.text}  gates: [{{name: noise, logs: {{pattern: x, max: 0}}}}]\n"
    problems = check_application(robot, load_application(reads_logs, "shop.yaml"), shop.own)
    log = f"no permission to get pods/log in namespace {shop.name}-green"
    assert f"{log} (kubectl auth can-i get pods --subresource=log -n {shop.name}-green)" in problems
    on_a_side = shop.text.replace(f"namespace: {shop.own}, name", f"namespace: {shop.name}-green, name")
    problems = check_application(robot, load_application(on_a_side, "shop.yaml"), shop.own)
    events = f"no permission to create events in namespace {shop.name}-green"
    assert len([problem for problem in problems if problem.startswith(events)]) == 1, "not once more for the route"
    with pytest.raises(Forbidden, match="kubectl auth can-i --list"):
        apply_application(robot, shop.application, shop.text, shop.own)


def test_the_rights_that_check_asks_for_are_enough_for_a_whole_release(shop: Shop, tmp_path: Path) -> None:
    robot = user(shop, tmp_path)
    grant(shop, check_application(robot, shop.application, shop.own))
    assert checked(shop, tmp_path, kubeconfig=tmp_path / "robot.kubeconfig") == []

    apply_application(robot, shop.application, shop.text, shop.own)
    world = shop.world("robot", robot)
    adopt(world)
    with shop.playing_ready():
        for turn in ("2", "3"):
            with world.acting() as acting:
                release = opened(world, turn)
                bring_up(acting, release)
                wait_ready(acting, release, timeout_seconds=20)
                move(acting, GREEN)
                advanced(world, release, Phase.LIVE)
            if turn == "2":
                assert roll_back(world, "a rehearsal", by="robot").way == "fast"
    approved(world, QuestionKind.SCALE_DOWN)
    with world.acting() as acting:
        assert settle(acting, release.name).phase is Phase.SETTLED
    assert (shop.where(), shop.counts(BLUE)) == (("green",), dict.fromkeys(COUNTS, 0))
    assert [old.phase for old in world.store.history()] == [Phase.SETTLED, Phase.ROLLED_BACK]


def test_applying_again_keeps_one_application_and_elsewhere_makes_the_namespace(untouched: Shop) -> None:
    shop = untouched
    path = f"{shop.config_maps}/application-{shop.name}"
    version = shop.version(path)
    apply_application(shop.cluster, shop.application, shop.text, shop.own)
    assert shop.version(path) == version

    apply_application(shop.cluster, shop.application, shop.text, f"{shop.name}-new")
    assert shop.cluster.find(path.replace(f"/{shop.own}/", f"/{shop.name}-new/"))


def test_nothing_is_adopted_while_the_live_side_lacks_a_service_or_the_routes_are_split(shop: Shop) -> None:
    shop.cluster.delete(f"{shop.deployments(BLUE)}/mailer")
    with refusing("WorkloadMissing", "lacks the Deployments mailer"):
        adopt(shop.world())

    shop.cluster.delete(shop.route_path())
    shop.add_route("live", BLUE, GREEN)
    with refusing("RoutesSplit", "blue and green"):
        adopt(shop.world())
    assert shop.world().store.find() is None


def test_adopting_takes_what_runs_as_it_is_and_again_changes_nothing(shop: Shop) -> None:
    store, path = shop.world().store, f"{shop.config_maps}/record-{shop.name}"
    assert store.find() is None
    with pytest.raises(NotFound, match=f"flipgate adopt {shop.name}"):
        store.read()

    record = adopt(shop.world("ana"))
    assert record.active is BLUE
    assert record.sides[BLUE].images == {"web": "shop/web:1", "mailer": "shop/mailer:1"}
    assert record.sides[GREEN].replicas == {"web": 0, "mailer": 0}
    assert [entry.step for entry in record.journal] == ["Adopt"]

    version = shop.version(path)
    assert adopt(shop.world("ben")) == record
    assert shop.version(path) == version

    shop.cluster.delete(path)
    times = {"at", "ended", "since"}
    played = shop.adopted().store.read()
    assert without(times, played.model_dump()) == without(times, record.model_dump()), "what other tests begin with"


def without(keys: set[str], value: Any) -> Any:
    """The value without these keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(keys, each) for key, each in value.items() if key not in keys}
    return [without(keys, each) for each in value] if isinstance(value, list | tuple) else value


def test_both_sides_are_stamped_when_they_are_adopted_and_what_comes_later_when_it_is_adopted_again(shop: Shop) -> None:
    world = shop.world()
    adopt(world)
    assert all(each.stamp for state in look(world).sides.values() for each in state.stamped)
    shop.cluster.delete(f"{shop.deployments(GREEN)}/web")
    shop.add_deployment(GREEN, "web", 0)
    before = look(world).sides[BLUE].workloads["web"].stamp
    adopt(world)
    view = look(world)
    assert view.sides[GREEN].workloads["web"].stamp
    assert view.sides[BLUE].workloads["web"].stamp == before


def test_two_routes_that_lead_to_both_sides_are_a_problem(two_routes: Shop, tmp_path: Path) -> None:
    two_routes.point("back", two_routes.namespace(GREEN))
    problems = checked(two_routes, tmp_path, two_routes.application)
    assert any("the routes lead to both sides" in problem for problem in problems), problems
