"""Routes in Git by a merge request: the branch that it is of, where others have been at it too."""

from __future__ import annotations

import pytest

from flipgate.adapters.git_copy import Checkout
from flipgate.core.record import conditions
from flipgate.core.spec.git import Author
from flipgate.core.values.base import but
from flipgate.core.values.reasons import Why
from flipgate.steps.going_back.recover import recover
from flipgate.steps.moving import git_routes
from flipgate.steps.watching.conditions import note_conditions
from tests.api.moving import test_git_routes
from tests.api.moving.test_git_requests import URL, Team, in_git, told
from tests.api.moving.test_git_requests import team as team
from tests.api.releasing.test_by_git_crashes import Died
from tests.api.shop import BLUE, under_lease
from tests.repository import git


def test_a_commit_that_a_reviewer_has_amended_is_not_written_over(team: Team) -> None:
    """Its author is flipgate still."""
    world = team.moved()
    git_routes.put_routes_right(world)
    (branch,) = team.branches
    tip = team.repository.amends(branch, {"notes": "by a reviewer\n"})
    git_routes.put_routes_right(world)
    assert in_git(world).reason == Why.AWAITS_MERGE
    team.repository.pushes({"routing.yaml": f"# moved\n{team.repository.read('routing.yaml')}"})
    git_routes.put_routes_right(world)
    assert "somebody else's" in in_git(world).message
    under_lease(world, test_git_routes.way_back, BLUE)
    git_routes.put_routes_right(world)
    assert "would lead users to green" in in_git(world).message
    assert git(team.repository.bare, "rev-parse", branch) == tip


def test_what_flipgate_has_pushed_is_its_own_whoever_its_author_is_by_now(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    spec = world.application.spec
    renamed = but(world.git_spec(), author=Author(name="bot"))
    world.application = but(world.application, spec=but(spec, git=renamed))
    under_lease(world, test_git_routes.way_back, BLUE)
    team.applied = team.first
    git_routes.put_routes_right(world)
    assert in_git(world).reason == Why.GIT_AGREES
    assert team.side_in(team.branches[0]) == "blue"


def test_a_squashed_merge_of_a_branch_that_somebody_brought_up_to_date_holds_no_rollback_up(team: Team) -> None:
    """Git itself does not say that it was merged."""
    world = team.moved()
    git_routes.put_routes_right(world)
    (branch,) = team.branches
    team.repository.pushes({"notes": "by somebody else\n"})
    tip = team.repository.brings_up_to_date(branch)
    team.repository.squashes(branch)
    team.repository.pushes({"notes": "and more\n"})
    under_lease(world, test_git_routes.way_back, BLUE)
    team.applied = team.repository.tip
    git_routes.put_routes_right(world)
    assert (in_git(world).reason, in_git(world).side) == (Why.AWAITS_MERGE, BLUE)
    assert team.side_in(f"flipgate/{world.application.name}/blue") == "blue"
    assert git(team.repository.bare, "rev-parse", branch) == tip, "it has a merge of somebody's"
    assert any("was merged. Its branch has commits of somebody else's" in line for line in told(team, world))


def test_a_branch_that_somebody_has_left_is_not_taken_for_a_new_request(team: Team) -> None:
    name = team.shop.application.name
    left = team.repository.pushes_to_new(f"flipgate/{name}/green", {"notes": "by a reviewer\n"})
    world = team.moved()
    git_routes.put_routes_right(world)
    assert in_git(world).reason == Why.AWAITS_MERGE
    assert team.branches == [f"flipgate/{name}/green", f"flipgate/{name}/green-2"]
    assert team.side_in(team.branches[1]) == "green"
    assert git(team.repository.bare, "rev-parse", team.branches[0]) == left


def test_who_died_before_a_branch_was_made_anew_is_followed_by_who_knows_it_as_flipgates(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    (branch,) = team.branches
    team.repository.pushes({"routing.yaml": f"# moved\n{team.repository.read('routing.yaml')}"})

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        patch.setattr(Checkout, "push_to", die)
        for _ in range(2):
            with pytest.raises(Died):
                under_lease(world, git_routes.put_routes_into_git)
    recover(world)
    git_routes.put_routes_right(world)
    assert in_git(world).reason == Why.AWAITS_MERGE
    assert git(team.repository.bare, "rev-parse", f"{branch}^") == team.repository.tip


def test_a_request_is_forgotten_with_the_files_section(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    note_conditions(world)
    assert world.store.read().merge_request is not None
    world.application = but(world.application, spec=but(world.application.spec, git=None))
    git_routes.put_routes_right(world)
    for _ in range(2):
        note_conditions(world)
    record = world.store.read()
    assert record.merge_request is None
    assert conditions.condition_of(record.conditions, conditions.ROUTES_IN_GIT) is None
    assert len([line for line in team.said if f"{URL} (branch {team.branches[0]}) is left; close it" in line]) == 1
