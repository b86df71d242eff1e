"""Routes in Git after a move: who waits for it, what a failure leaves, and when Flux may keep the routes again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.adapters.git import Checkout, Git
from flipgate.core.git.flux import Kustomized
from flipgate.core.record import conditions
from flipgate.core.record.record import ConditionStatus
from flipgate.core.spec.application import load_application
from flipgate.core.traffic.traffic import EXCLUDED, HELD
from flipgate.core.values.errors import Forbidden
from flipgate.steps.acting.world import World
from flipgate.steps.moving import git_routes
from flipgate.steps.moving.move import move, move_back
from lab.git.server import REFUSED
from tests.api.looking.test_git import ROUTING
from tests.api.shop import BLUE, GREEN, Shop, under_lease
from tests.repository import Served, served

GIT = "  git: {{repository: {url}, routes: [routing.yaml], flux: {{routes: {{namespace: {name}, name: routing}}}}}}\n"


class Team:
    """The shop, whose route is in Git, and a Flux that is at the commit that the test says."""

    git = GIT

    def __init__(self, shop: Shop, repository: Served) -> None:
        self.shop, self.repository, self.applied = shop, repository, ""
        repository.begins({"routing.yaml": ROUTING.replace("NAME", shop.name)})
        text = shop.text + self.git.format(url=repository.url, name=shop.name)
        shop.application = load_application(text, "shop.yaml")
        self.first = repository.tip

    def world(self, actor: str = "ana") -> World:
        world = self.shop.adopted(actor)
        world.git_credentials = lambda: self.repository.credentials
        return world

    def moved(self) -> World:
        """Users on green, and Git not told."""
        world = self.world()
        self.shop.scaled(GREEN, "web", 2)
        under_lease(world, move, GREEN)
        return world

    @property
    def held(self) -> bool:
        annotations = self.shop.route()["metadata"].get("annotations") or {}
        return {EXCLUDED, HELD} <= annotations.keys()


@pytest.fixture
def team(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    with served(tmp_path) as repository:
        team = Team(shop, repository)
        at = lambda *_: Kustomized("routing", found=True, applied=team.applied)  # noqa: E731
        monkeypatch.setattr(git_routes, "find_kustomization", at)
        yield team


def in_git(world: World) -> ConditionStatus | None:
    found = conditions.condition_of(world.store.read().conditions, conditions.ROUTES_IN_GIT)
    return found.status if found else None


def test_flux_at_what_was_before_a_flip_that_was_taken_back_is_not_let_near_the_route(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    flip = team.repository.tip
    under_lease(world, move_back, BLUE)
    team.applied = team.first  # which leads to blue; it has fetched the flip's commit, and applies that next
    git_routes.put_routes_right(world)
    assert team.repository.tip != flip
    assert team.held
    assert in_git(world) is ConditionStatus.FALSE
    team.applied = team.repository.tip
    team.repository.pushes({"notes": "by somebody else\n"})
    git_routes.put_routes_right(world)
    assert not team.held
    assert in_git(world) is ConditionStatus.TRUE


def test_a_server_that_is_away_has_nobody_take_the_lease(team: Team) -> None:
    world = team.moved()
    epoch = world.store.read().epoch
    with team.repository.away(REFUSED):
        git_routes.put_routes_right(world)
    assert world.store.read().epoch == epoch
    assert in_git(world) is ConditionStatus.FALSE


def test_nobody_waits_for_git_under_the_lease_before_it_has_answered(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, seen = team.moved(), []
    run = Git.run

    def looking(git: Git, arguments: tuple[str, ...], *more: object, **rest: object) -> str:
        if arguments[0] == "fetch":
            seen.append(team.world("ben").unattended())
        return run(git, arguments, *more, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Git, "run", looking)
    git_routes.put_routes_right(world)
    assert seen == [True]
    assert team.repository.read("routing.yaml").count("green") == 1


def test_a_push_that_was_refused_leaves_no_entry_open(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    world = team.moved()

    def refused(_: Checkout) -> None:
        raise Forbidden("git push: deploy key is read-only")

    monkeypatch.setattr(Checkout, "push", refused)
    assert under_lease(world, git_routes.put_routes_into_git) is False
    assert world.store.read().open_entry is None
    assert under_lease(world, git_routes.put_routes_into_git) is False
    found = conditions.condition_of(world.store.read().conditions, conditions.ROUTES_IN_GIT)
    assert found is not None
    assert "deploy key is read-only" in found.message


def test_a_rollback_to_where_a_route_is_already_has_flux_leave_it(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)  # Git says green
    pointer = "/spec/routes/0/services/0/namespace"
    team.shop.patch(team.shop.route_path(), ("replace", pointer, f"{team.shop.name}-blue"))  # by hand
    team.shop.patch(team.shop.route_path(), ("remove", f"/metadata/annotations/{EXCLUDED.replace('/', '~1')}", None))
    team.shop.patch(team.shop.route_path(), ("remove", f"/metadata/annotations/{HELD.replace('/', '~1')}", None))
    assert not team.held
    under_lease(world, move_back, BLUE)
    assert team.held
