"""What keeps a dark side's pods from coming up until somebody acts: named at once, not after the whole time for it."""

from __future__ import annotations

import pytest

from flipgate.core.record.phases import Phase, Reason
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World
from flipgate.steps.moving.stamp import stamped_look
from flipgate.steps.releasing.bring_up import bring_up, open_release, wait_ready
from flipgate.steps.releasing.settle import failing
from flipgate.steps.releasing.setup import check_application
from tests.api.shop import COUNTS, GREEN, Shop, opened, under_lease

LONG = 600.0


def pause(shop: Shop, name: str) -> None:
    """What `kubectl rollout pause` does."""
    shop.patch(f"{shop.deployments(GREEN)}/{name}", ("add", "/spec/paused", True))


# Paused Deployments


@pytest.mark.parametrize("name", ["web", "mailer"])
def test_a_paused_deployment_is_named_before_anything_is_written(shop: Shop, world: World, name: str) -> None:
    """A worker too, whose pods come up only after users were moved."""
    pause(shop, name)
    release = open_release(world, {name: f"shop/{name}:2"}, "ci")
    with world.acting() as acting:
        view = stamped_look(acting, GREEN)
        before = shop.version(f"{shop.deployments(GREEN)}/{name}")
        with pytest.raises(Refused, match=f"Deployment {shop.name}-green/{name} is paused") as refused:
            bring_up(acting, release, view)
    assert refused.value.reason == "DeploymentPaused"
    assert refused.value.next_command == f"kubectl -n {shop.name}-green rollout resume deployment/{name}"
    assert shop.version(f"{shop.deployments(GREEN)}/{name}") == before
    assert shop.counts(GREEN) == dict.fromkeys(COUNTS, 0)


def test_one_that_is_paused_while_its_pods_are_waited_for_is_named_at_once(shop: Shop, world: World) -> None:
    release = opened(world)
    under_lease(world, bring_up, release)
    pause(shop, "web")
    with pytest.raises(Refused, match="web is paused") as refused, world.acting() as acting, failing(acting, release):
        wait_ready(acting, release, timeout_seconds=LONG)
    assert refused.value.reason == "DeploymentPaused"
    assert "blue, which has the live traffic" in refused.value.untouched
    ended = world.store.read().last
    assert ended
    assert (ended.phase, ended.changes[-1].reason) == (Phase.FAILED, Reason.DEPLOYMENT_PAUSED)


def test_one_that_is_paused_with_nothing_to_roll_out_holds_nothing_up(shop: Shop, world: World) -> None:
    """Kubernetes scales a paused Deployment: what it runs already is what is wanted."""
    pause(shop, "mailer")
    release = opened(world)
    under_lease(world, bring_up, release)
    with shop.playing_ready():
        under_lease(world, wait_ready, release, timeout_seconds=20)


def test_check_names_the_paused(shop: Shop) -> None:
    pause(shop, "web")
    problems = check_application(shop.cluster, shop.application, shop.own)
    resume = f"kubectl -n {shop.name}-green rollout resume deployment/web"
    assert any("web is paused" in problem and resume in problem for problem in problems), problems
