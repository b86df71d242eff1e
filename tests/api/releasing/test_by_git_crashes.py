"""Whoever dies around a commit leaves an entry that reconcile closes; the next run looks at the branch, and goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flipgate.adapters.git_copy import Checkout
from flipgate.core.record import conditions
from flipgate.core.record.record import ConditionStatus
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import LostLease
from flipgate.steps.acting import journal as journaling
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.moving import git_routes
from flipgate.steps.moving.move import move
from flipgate.steps.releasing.bring_up import bring_up
from lab.control.records import Lab
from tests.api.releasing.test_by_git import ROUTING, Team
from tests.api.shop import GREEN, Shop, opened, under_lease
from tests.repository import served


class Died(BaseException):
    """The process is gone: nothing after it is written."""


@pytest.fixture
def team(shop: Shop, tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setenv("FLIPGATE_KUSTOMIZE", str(lab.kubectl))
    with served(tmp_path) as repository:
        team = Team(shop, repository)
        repository.pushes({"routing.yaml": ROUTING.replace("NAME", shop.name)}, "The route")
        text = shop.text + f"  git: {{repository: {repository.url}, routes: [routing.yaml], "
        text += "overlays: {blue: overlays/blue, green: overlays/green}, timeoutSeconds: 30}\n"
        shop.application = load_application(text, "shop.yaml")
        yield team


def dying(monkeypatch: pytest.MonkeyPatch, where: str, deed: Callable[[], object]) -> None:
    """Does this, and dies: before the push, after it, or before the outcome is written."""

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        push = Checkout.push
        if where == "before the push":
            patch.setattr(Checkout, "push", die)
        elif where == "after the push":
            patch.setattr(Checkout, "push", lambda copy: (push(copy), die()))
        else:
            patch.setattr(journaling, "close", die)
        with pytest.raises(Died):
            deed()


EDGES = ("before the push", "after the push", "before the outcome")


@pytest.mark.parametrize("where", EDGES)
def test_a_deploy_that_died_around_its_commit_is_gone_on_with(
    team: Team, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    world = team.world()
    release = opened(world)
    dying(monkeypatch, where, lambda: under_lease(world, bring_up, release))
    entry = world.store.read().open_entry
    assert entry is not None
    assert entry.step == "CommitImages"
    recover(world)
    under_lease(world, bring_up, release)
    assert team.image("web") == "shop/web:2"
    assert team.shop.counts(GREEN) == {"web": 2, "mailer": 0}
    assert len(team.repository.log()) == 3, "one commit of ours, however often it was begun"


def moved(team: Team) -> World:
    """Users on green, and Git not told."""
    world = team.world()
    team.shop.scaled(GREEN, "web", 2)
    under_lease(world, move, GREEN)
    world.store.update(lambda record: record.model_copy(update={"active": GREEN}))
    return world


def in_git(world: World) -> ConditionStatus | None:
    found = conditions.condition_of(world.store.read().conditions, conditions.ROUTES_IN_GIT)
    return found.status if found else None


@pytest.mark.parametrize("where", EDGES)
def test_who_died_around_the_commit_of_a_move_is_followed_by_reconcile(
    team: Team, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    world = moved(team)
    dying(monkeypatch, where, lambda: under_lease(world, git_routes.put_routes_into_git))
    recover(world)
    git_routes.put_routes_right(world)
    assert team.repository.read("routing.yaml") == ROUTING.replace("NAME-blue", "NAME-green").replace(
        "NAME", team.shop.name
    )
    assert len(team.repository.log()) == 3
    assert in_git(world) is ConditionStatus.TRUE
    epoch = world.store.read().epoch
    git_routes.put_routes_right(world)
    assert world.store.read().epoch == epoch, "who finds nothing to do takes no Lease"


def test_a_server_that_is_away_holds_up_nobody_and_is_tried_again(team: Team) -> None:
    world = moved(team)
    with team.repository.away("503"):
        assert under_lease(world, git_routes.put_routes_into_git) is False
        assert in_git(world) is ConditionStatus.FALSE
    git_routes.put_routes_right(world)
    assert in_git(world) is ConditionStatus.TRUE
    assert team.repository.log()[0].startswith("roll back: ")


def test_who_was_taken_over_pushes_nothing(team: Team) -> None:
    world, other = moved(team), team.world("ben")
    with pytest.raises(LostLease), world.acting() as acting, other.acting(steal=True):
        git_routes.put_routes_into_git(acting)
    assert len(team.repository.log()) == 2
