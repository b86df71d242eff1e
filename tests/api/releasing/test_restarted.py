"""`kubectl rollout restart` starts the same pods anew: the same build stays the same release, and a yes stands."""

from __future__ import annotations

import pytest

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.questions import basis
from tests.api.shop import BLUE, GREEN, Shop, advanced, opened, under_lease


def restart(shop: Shop, side: Side) -> None:
    """What `kubectl rollout restart deployment/web` does."""
    marked = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-03-01T12:00:00Z"}}}
    shop.cluster.merge(f"{shop.deployments(side)}/web", {"spec": {"template": marked}})


@pytest.mark.parametrize("side", [BLUE, GREEN])
def test_the_same_build_after_a_restart_is_the_same_release(shop: Shop, world: World, side: Side) -> None:
    first = opened(world)
    restart(shop, side)
    assert opened(world) == first


@pytest.mark.parametrize("side", [BLUE, GREEN])
def test_what_is_live_is_live_after_a_restart(shop: Shop, world: World, side: Side) -> None:
    restart(shop, side)
    with pytest.raises(Refused, match="live on blue already"):
        opened(world, "1")


def test_a_yes_stands_when_the_new_side_was_restarted(shop: Shop, world: World) -> None:
    release = opened(world)
    under_lease(world, bring_up, release)
    advanced(world, release, Phase.DARK)
    asked = basis(world, look(world), release, QuestionKind.FLIP)
    restart(shop, GREEN)
    assert basis(world, look(world), release, QuestionKind.FLIP) == asked
