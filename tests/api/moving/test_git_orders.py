"""Git that says something else than the record, in the orders in which that comes: a person's commit while Flux is
late, a way back with Git closed to us, a token that expires, a branch that is protected meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from flipgate.core.record.record import ConditionStatus
from flipgate.core.values.reasons import Why
from flipgate.steps.moving import git_routes
from tests.api.moving import test_git_requests, test_git_routes
from tests.api.moving.test_git_routes import ROUTING, Team, in_git, said_of_git, way_back
from tests.api.shop import BLUE, GREEN, under_lease

Closed = Callable[[Team], AbstractContextManager[None]]

team = test_git_routes.team
asking = test_git_requests.team


@contextmanager
def expired(team: Team) -> Iterator[None]:
    """The token opens nothing."""
    file = team.repository.folder / "token"
    known = file.read_text()
    file.write_text("another")
    yield
    file.write_text(known)


@contextmanager
def protected(team: Team) -> Iterator[None]:
    """The branch takes no push."""
    hook = team.repository.bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'GH013: Repository rule violations found'\nexit 1\n")
    hook.chmod(0o755)
    yield
    hook.unlink()


@pytest.mark.parametrize("closed", [expired, protected])
def test_a_way_back_with_git_closed_since_the_flip_is_in_git_once_it_is_open(
    team: Team, closed: Callable[[Team], AbstractContextManager[None]]
) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    with closed(team):
        team.applied = team.repository.tip
        under_lease(world, way_back, BLUE)
        git_routes.put_routes_right(world)
        assert (team.shop.where(), team.held, in_git(world)) == (("blue",), True, ConditionStatus.FALSE)
        assert world.store.read().open_entry is None
        git_routes.put_routes_right(world)
    git_routes.put_routes_right(world)
    assert "green" not in team.repository.read("routing.yaml")
    assert team.held
    team.applied = team.repository.tip
    git_routes.put_routes_right(world)
    assert (team.shop.where(), team.held, in_git(world)) == (("blue",), False, ConditionStatus.TRUE)


def test_a_person_s_revert_while_flux_is_late_moves_nobody_and_is_told(team: Team) -> None:
    world, said = team.moved(), list[str]()
    world.say = said.append
    git_routes.put_routes_right(world)
    team.applied = team.first
    theirs = team.repository.pushes({"routing.yaml": ROUTING.replace("NAME", team.shop.name)}, "Revert")
    git_routes.put_routes_right(world)
    git_routes.put_routes_right(world)
    for applied in (team.first, theirs):
        team.applied = applied
        git_routes.put_routes_right(world)
        assert team.held
    team.applied = team.repository.tip
    git_routes.put_routes_right(world)
    assert (team.shop.where(), team.held, in_git(world)) == (("green",), False, ConditionStatus.TRUE)
    assert len([each for each in said if theirs[:12] in each]) == 1


def test_a_protected_branch_has_nobody_told_each_turn_that_it_was_led_back(team: Team) -> None:
    world, said = team.moved(), list[str]()
    world.say = said.append
    git_routes.put_routes_right(world)
    theirs = team.repository.pushes({"routing.yaml": ROUTING.replace("NAME", team.shop.name)}, "Revert")
    with protected(team):
        git_routes.put_routes_right(world)
        git_routes.put_routes_right(world)
    assert not [each for each in said if theirs[:12] in each]
    git_routes.put_routes_right(world)
    assert len([each for each in said if theirs[:12] in each]) == 1


def test_a_way_back_by_hand_makes_an_open_request_empty_and_asks_for_no_other(
    asking: test_git_requests.Team,
) -> None:
    world = asking.moved()
    git_routes.put_routes_right(world)
    (branch,) = asking.branches
    asking.shop.point("live", asking.shop.namespace(BLUE))  # nobody of ours: the record has users on green
    git_routes.put_routes_right(world)
    assert asking.side_in(branch) == "blue"
    git_routes.put_routes_right(world)
    assert asking.branches == [branch]
    assert len(asking.asked) == 1


def test_a_route_patched_by_hand_is_asked_of_nobody(asking: test_git_requests.Team) -> None:
    world = asking.moved()
    git_routes.put_routes_right(world)
    asking.merges(asking.branches[0])
    asking.applied = asking.repository.tip
    git_routes.put_routes_right(world)
    asking.shop.point("live", asking.shop.namespace(BLUE))
    git_routes.put_routes_right(world)
    assert len(asking.asked) == 1
    assert said_of_git(world).reason == Why.DRIFTED
    assert world.store.read().merge_request is None
    under_lease(world, way_back, GREEN)
    git_routes.put_routes_right(world)
    assert len(asking.asked) == 1
