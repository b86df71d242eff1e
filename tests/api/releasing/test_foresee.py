"""A deploy that is only shown: what it says is what happens, and it changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import BadInput
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.bring_up import bring_up, open_release
from flipgate.steps.releasing.foresee import ServicePlan, foresee
from tests.api.desk import Desk
from tests.api.releasing.test_preflight import put_quota
from tests.api.shop import GREEN, Shop, under_lease

WEB = {"web": "shop/web:2"}


def versions(shop: Shop) -> list[str]:
    paths = [shop.deployments(GREEN), shop.config_maps]
    return [each["metadata"]["resourceVersion"] for path in paths for each in shop.cluster.items(path)]


def test_what_it_says_is_what_a_deploy_does_and_then_it_says_that_it_is_done(shop: Shop, world: World) -> None:
    before = versions(shop)
    plan = foresee(world, WEB)
    assert versions(shop) == before, "nothing was written"
    assert plan.services == (
        ServicePlan("mailer", "shop/mailer:1", "shop/mailer:1", 0, 0),
        ServicePlan("web", "shop/web:1", "shop/web:2", 0, 2),
    )
    assert plan.objects == (f"Deployment {shop.namespace(GREEN)}/web",)
    assert plan.outcome == f"opens release {plan.release} on green"

    release = open_release(world, WEB, "ci")
    assert (release.id, release.images, release.wanted) == (
        plan.release,
        {"mailer": "shop/mailer:1", **WEB},
        {each.service: each.pods_then for each in plan.services},
    )
    under_lease(world, bring_up, release)
    again = foresee(world, WEB)
    assert (again.objects, again.outcome) == ((), f"goes on with release {release.name}, which is the same")
    newer = foresee(world, {"mailer": "shop/mailer:2"})
    assert newer.outcome == f"opens release {newer.release} on green in the place of {release.name}"
    assert {each.service: each.image_then for each in newer.services} == {"mailer": "shop/mailer:2", **WEB}


def test_what_is_live_already_and_what_cannot_be_meant(world: World) -> None:
    assert foresee(world, {"web": "shop/web:1"}).outcome.startswith("nothing: blue has these images")
    with pytest.raises(BadInput, match='did you mean "web"'):
        foresee(world, {"wbe": "shop/web:2"})


def test_while_users_are_on_a_release_it_says_what_is_waited_for(shop: Shop) -> None:
    plan = foresee(shop.gone_live(), {"web": "shop/web:3"})
    assert plan.outcome.startswith("waits: release 3f2a9c01d4e8-1 is `live`")
    assert plan.services == ()


def test_by_the_command_line_without_any_prefect(shop: Shop, world: World, tmp_path: Path) -> None:
    desk = Desk(shop, tmp_path)
    shown = desk.run("deploy", shop.name, "--image", "web=shop/web:2", "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "web      shop/web:1        shop/web:2     0              2" in shown.stdout
    assert f"changed  Deployment {shop.namespace(GREEN)}/web" in shown.stdout
    data = desk.data("deploy", shop.name, "--image", "web=shop/web:2", "--dry-run")
    assert data["services"][1] == {
        "service": "web",
        "imageNow": "shop/web:1",
        "imageThen": "shop/web:2",
        "podsNow": 0,
        "podsThen": 2,
    }
    assert world.store.read().release is None


def test_a_row_that_fails_ends_the_dry_run_with_exit_code_1_but_where_nothing_would_be_brought_up(
    shop: Shop, world: World, tmp_path: Path
) -> None:
    put_quota(shop, "1")
    desk = Desk(shop, tmp_path)
    words = ("deploy", shop.name, "--image", "web=shop/web:2", "--dry-run")
    assert desk.refused(*words) == "PreflightFailed"
    shown = desk.run(*words)
    assert (shown.exit_code, "asked    room in the namespace: fail: ResourceQuota" in shown.stdout) == (1, True)
    assert "rows do not pass; room in the namespace: fail: " in shown.stderr
    assert "Left untouched: everything: no release was opened." in shown.stderr
    live = desk.run("deploy", shop.name, "--image", "web=shop/web:1", "--dry-run")
    assert live.exit_code == 0, live.output
    assert world.store.read().release is None


def test_a_sidecar_of_the_same_build_that_is_behind_is_a_change(shop: Shop) -> None:
    shop.text = shop.text.replace("container: web}", "container: web, image: shop/web}")
    shop.application = load_application(shop.text, "shop.yaml")
    world = shop.adopted()
    under_lease(world, bring_up, open_release(world, WEB, "ci"))
    containers = f"{shop.deployments(GREEN)}/web", "/spec/template/spec/containers/-"
    shop.patch(containers[0], ("add", containers[1], {"name": "exporter", "image": "shop/web:1"}))
    assert foresee(world, WEB).objects == (f"Deployment {shop.namespace(GREEN)}/web",)
