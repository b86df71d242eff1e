"""Routes in Git by a merge request: who opens it, who waits for it, and what a way back makes of one that is open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.adapters.git_copy import Checkout
from flipgate.core.git.flux import Kustomized
from flipgate.core.record import conditions
from flipgate.core.record.record import Condition, ConditionStatus
from flipgate.core.spec.application import load_application
from flipgate.core.values.reasons import Why
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.looking.look import look
from flipgate.steps.moving import git_requests, git_routes
from flipgate.steps.moving.git_images import commit_images
from lab.control.records import Lab
from tests.api.moving import test_git_routes
from tests.api.releasing.test_by_git import BASE, OVERLAY
from tests.api.releasing.test_by_git_crashes import EDGES, Died
from tests.api.shop import BLUE, GREEN, Shop, opened, under_lease
from tests.repository import TOKEN, Served, git, served

URL = "https://git.example/acme/config/pull/7"
PROGRAM = f"""#!/bin/sh
env >> "$(dirname "$0")/asked"
echo END= >> "$(dirname "$0")/asked"
echo "Creating a request for $FLIPGATE_BRANCH with $FLIPGATE_TOKEN"
echo "{URL}"
"""
FAILS = '#!/bin/sh\necho "no answer for $FLIPGATE_TOKEN" >&2\nexit 4\n'
THERE = f'#!/bin/sh\necho "a pull request for branch x already exists:"\necho "{URL}"\nexit 1\n'
GIT = test_git_routes.GIT.replace("flux:", "request: {{command: [open]}}, flux:")


class Team(test_git_routes.Team):
    """The same, whose branch takes no push of flipgate's: a program asks people to merge."""

    git = GIT

    def __init__(self, shop: Shop, repository: Served, commands: Path) -> None:
        super().__init__(shop, repository)
        self.commands, self.said = commands, list[str]()
        self.opens(PROGRAM)

    def world(self, actor: str = "ana") -> World:
        world = super().world(actor)
        world.say = self.said.append
        return world

    def opens(self, text: str) -> None:
        (self.commands / "open").write_text(text)
        (self.commands / "open").chmod(0o755)

    @property
    def asked(self) -> list[dict[str, str]]:
        """What each call of the program was told."""
        file = self.commands / "asked"
        calls = file.read_text().split("END=\n")[:-1] if file.exists() else []
        lines = [[line.partition("=") for line in call.splitlines()] for call in calls]
        return [{key: value for key, _, value in call} for call in lines]

    @property
    def branches(self) -> list[str]:
        listed = git(self.repository.bare, "for-each-ref", "--format=%(refname:short)", "refs/heads/flipgate")
        return listed.split()

    def side_in(self, branch: str) -> str:
        text = git(self.repository.bare, "show", f"{branch}:routing.yaml")
        return "green" if f"{self.shop.name}-green" in text else "blue"

    def merges(self, branch: str) -> None:
        git(self.repository.bare, "update-ref", "refs/heads/main", git(self.repository.bare, "rev-parse", branch))

    def merges_by_hand(self, branch: str) -> None:
        """The same where the target has grown meanwhile: a merge commit, as servers make it."""
        tree = git(self.repository.bare, "merge-tree", "--write-tree", "main", branch)
        made = git(self.repository.bare, "commit-tree", tree, "-p", "main", "-p", branch, "-m", "Merge")
        git(self.repository.bare, "update-ref", "refs/heads/main", made)


@pytest.fixture
def team(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    commands = tmp_path / "commands"
    commands.mkdir(mode=0o755)
    monkeypatch.setenv("FLIPGATE_COMMANDS", str(commands))
    with served(tmp_path) as repository:
        team = Team(shop, repository, commands)
        at = lambda *_: Kustomized("routing", found=True, applied=team.applied)  # noqa: E731
        monkeypatch.setattr(git_routes, "find_kustomization", at)
        yield team


def in_git(world: World) -> Condition:
    found = conditions.condition_of(world.store.read().conditions, conditions.ROUTES_IN_GIT)
    assert found is not None
    return found


ASKED = f"users are on green; Git follows when a person merges {URL} (branch BRANCH/green)"
MERGED = f"{URL} (branch BRANCH/green) is over: Git leads to green, as the routes do"
EMPTY = f"users are on blue: {URL} (branch BRANCH/green) changes nothing any more, and can be closed"


def told(team: Team, world: World) -> list[str]:
    """What people were told of Git; without a chat each message is in the log."""
    name = world.application.name
    lines = [line.removeprefix(f"{name}: ").replace(f"flipgate/{name}/", "BRANCH/") for line in team.said]
    return [line for line in lines if URL in line or line.startswith("Git ")]


def test_a_move_is_asked_for_and_waits_for_a_person(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    (branch,) = team.branches
    assert branch == f"flipgate/{world.application.name}/green"
    assert (team.side_in(branch), team.side_in("main")) == ("green", "blue")
    found = in_git(world)
    assert (found.status, found.reason) == (ConditionStatus.FALSE, Why.AWAITS_MERGE)
    assert URL in found.message
    assert branch in found.message
    (asked,) = team.asked
    assert asked["FLIPGATE_TARGET"] == "main"
    assert asked["FLIPGATE_TITLE"].startswith("roll back: ")
    assert asked["FLIPGATE_REPOSITORY"] == team.repository.url
    assert team.held


def test_it_is_asked_for_once_and_people_are_told_once(team: Team) -> None:
    world = team.moved()
    for _ in range(3):
        git_routes.put_routes_right(world)
    assert len(team.asked) == 1
    assert told(team, world) == [ASKED]
    assert TOKEN not in world.store.read().model_dump_json()


def test_merged_and_applied_the_routes_are_kept_again(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    (branch,) = team.branches
    team.merges(branch)
    git_routes.put_routes_right(world)
    assert (in_git(world).reason, team.held) == (Why.GIT_BEHIND, True)
    team.applied = team.repository.tip
    git_routes.put_routes_right(world)
    assert (in_git(world).reason, team.held) == (Why.GIT_AGREES, False)
    assert world.store.read().merge_request is None
    assert told(team, world) == [ASKED, MERGED]


def test_a_way_back_makes_the_open_request_empty(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    (branch,) = team.branches
    under_lease(world, test_git_routes.way_back, BLUE)
    team.applied = team.first
    git_routes.put_routes_right(world)
    assert team.side_in(branch) == "blue", "who merges it now changes nothing"
    assert git(team.repository.bare, "rev-parse", branch) == team.repository.tip
    assert (in_git(world).reason, in_git(world).side) == (Why.GIT_AGREES, BLUE)
    assert told(team, world) == [ASKED, EMPTY]
    assert world.store.read().merge_request is None


def test_one_merged_right_after_a_way_back_is_answered_by_a_request_of_its_own(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    (forward,) = team.branches
    under_lease(world, test_git_routes.way_back, BLUE)
    team.merges(forward)
    team.applied = team.repository.tip
    git_routes.put_routes_right(world)
    assert team.held, "Flux, which is at green, is not let near the route"
    assert (in_git(world).reason, in_git(world).side) == (Why.AWAITS_MERGE, BLUE)
    back = f"flipgate/{world.application.name}/blue"
    assert team.branches == [back, forward]
    assert team.side_in(back) == "blue"


def test_a_request_with_somebodys_commits_is_left_and_the_route_is_held(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    (branch,) = team.branches
    team.repository.pushes_to(branch, {"notes": "by a reviewer\n"})
    under_lease(world, test_git_routes.way_back, BLUE)
    team.applied = team.first
    git_routes.put_routes_right(world)
    assert team.side_in(branch) == "green"
    assert team.held
    found = in_git(world)
    assert (found.status, found.reason, found.side) == (ConditionStatus.FALSE, Why.GIT_BEHIND, BLUE)
    assert f"close {URL}" in found.message
    assert "lead users to green" in found.message


def test_a_program_that_fails_is_said_without_the_token_and_run_again(team: Team) -> None:
    world = team.moved()
    team.opens(FAILS)
    git_routes.put_routes_right(world)
    found = in_git(world)
    assert found.reason == Why.GIT_BEHIND
    assert "exit code 4" in found.message
    assert "no answer for ***" in found.message
    assert world.store.read().open_entry is None
    team.opens(THERE)
    git_routes.put_routes_right(world)
    assert in_git(world).reason == Why.AWAITS_MERGE
    assert URL in in_git(world).message
    assert team.side_in(team.branches[0]) == "green"


def test_what_a_program_says_is_cut_without_a_part_of_the_token(team: Team) -> None:
    """A sentence has the beginning of a long line."""
    world = team.moved()
    team.opens('#!/bin/sh\nprintf "%0185d%s" 0 "$FLIPGATE_TOKEN"; exit 4\n')
    git_routes.put_routes_right(world)
    assert "exit code 4" in in_git(world).message
    assert TOKEN[:5] not in world.store.read().model_dump_json() + "".join(team.said)


def test_an_address_with_a_password_is_kept_without_it(team: Team) -> None:
    world = team.moved()
    team.opens('#!/bin/sh\necho "https://bot:s3cret@git.example/acme/config/pull/7"\n')
    git_routes.put_routes_right(world)
    assert in_git(world).reason == Why.AWAITS_MERGE
    assert "s3cret" not in world.store.read().model_dump_json() + "".join(team.said)


@pytest.mark.parametrize("part", ["write", "push_to"])
def test_a_disk_that_is_full_leaves_nothing_open(team: Team, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    world = team.moved()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Checkout, part, full)
        git_routes.put_routes_right(world)
        assert world.store.read().open_entry is None
        assert "No space left" in in_git(world).message
    git_routes.put_routes_right(world)
    assert in_git(world).reason == Why.AWAITS_MERGE


def test_a_branch_whose_target_has_moved_is_made_anew_only_where_it_no_longer_fits(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    (branch,) = team.branches
    first = git(team.repository.bare, "rev-parse", branch)
    team.repository.pushes({"notes": "by somebody else\n"})
    git_routes.put_routes_right(world)
    assert git(team.repository.bare, "rev-parse", branch) == first
    text = team.repository.read("routing.yaml")
    team.repository.pushes({"routing.yaml": f"# moved\n{text}"})
    git_routes.put_routes_right(world)
    assert git(team.repository.bare, "rev-parse", f"{branch}^") == team.repository.tip
    assert team.side_in(branch) == "green"
    assert told(team, world) == [ASKED]
    assert len(team.asked) == 2


def test_images_are_pushed_to_the_branch_beside_a_request_that_stays_as_it_is(
    team: Team, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIPGATE_KUSTOMIZE", str(lab.kubectl))
    repository, overlays = team.repository, "overlays: {blue: overlays/blue, green: overlays/green}, routes: [routing"
    shop = team.shop
    shop.application = load_application(
        shop.text + GIT.format(url=repository.url, name=shop.name).replace("routes: [routing", overlays, 1), "shop.yaml"
    )
    files = {"base/all.yaml": BASE, "base/kustomization.yaml": "resources: [all.yaml]\n"}
    path = "overlays/{}/kustomization.yaml".format
    overlay = OVERLAY.replace("NAME", shop.name)
    repository.pushes(files | {path(side): overlay.replace("SIDE", side) for side in ("blue", "green")})
    world = team.moved()
    git_routes.put_routes_right(world)
    (branch,) = team.branches
    tip = git(repository.bare, "rev-parse", branch)
    release = opened(world, "2")  # on blue, for users are on green
    view = look(world)
    with world.acting() as acting:
        committed = commit_images(acting, release, view.sides[BLUE], view.traffic)
        git_routes.look_again(acting)
    assert committed.head == repository.tip
    assert 'newTag: "2"' in repository.read(path("blue"))
    assert (team.side_in("main"), team.side_in(branch)) == ("blue", "green")
    assert git(repository.bare, "rev-parse", branch) == tip
    assert len(team.asked) == 1
    team.merges_by_hand(branch)
    assert team.side_in("main") == "green"
    assert 'newTag: "2"' in repository.read(path("blue"))


@pytest.mark.parametrize("where", EDGES)
def test_who_died_around_a_request_is_followed_by_reconcile(
    team: Team, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    world = team.moved()

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patch:
        push = Checkout.push_to
        if where == "before the push":
            patch.setattr(Checkout, "push_to", die)
        elif where == "after the push":
            patch.setattr(Checkout, "push_to", lambda copy, *named: (push(copy, *named), die()))
        else:
            patch.setattr(git_requests, "_ask", die)
        with pytest.raises(Died):
            under_lease(world, git_routes.put_routes_into_git)
    entry = world.store.read().open_entry
    assert entry is not None
    assert entry.step == "RequestMerge"
    recover(world)
    git_routes.put_routes_right(world)
    assert in_git(world).reason == Why.AWAITS_MERGE
    assert git(team.repository.bare, "rev-list", "--count", f"main..{team.branches[0]}") == "1"
    under_lease(world, test_git_routes.way_back, BLUE)
    team.applied = team.first
    git_routes.put_routes_right(world)
    assert in_git(world).reason == Why.GIT_AGREES
    assert team.side_in(team.branches[0]) == "blue"


def test_users_on_green_again_have_no_request_of_the_way_back(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    team.merges(team.branches[0])
    under_lease(world, test_git_routes.way_back, BLUE)
    git_routes.put_routes_right(world)
    back = f"flipgate/{world.application.name}/blue"
    assert team.side_in(back) == "blue"
    team.shop.scaled(GREEN, "web", 2)
    under_lease(world, test_git_routes.way_back, GREEN)
    git_routes.put_routes_right(world)
    assert team.side_in(back) == "green"
    assert told(team, world)[-1].startswith(f"users are on green: {URL} (branch BRANCH/blue) changes nothing any more")


def test_a_move_that_was_merged_and_led_back_by_somebody_is_asked_for_anew(team: Team) -> None:
    world = team.moved()
    before = team.repository.read("routing.yaml")
    git_routes.put_routes_right(world)
    (branch,) = team.branches
    team.merges(branch)
    team.repository.pushes({"routing.yaml": before}, "Revert")
    git_routes.put_routes_right(world)
    assert git(team.repository.bare, "rev-list", "--count", f"main..{branch}") == "1", (
        "a merged branch says nothing new"
    )
    assert team.side_in(branch) == "green"
    assert len(team.asked) == 2


def test_a_program_that_hangs_has_what_git_has_left_of_the_time(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that is not watched yet waits for both together."""
    world, tip = team.moved(), Checkout.tip

    def slow(copy: Checkout, branch: str) -> str:
        time.sleep(8)
        return tip(copy, branch)

    monkeypatch.setattr(Checkout, "tip", slow)
    team.opens('#!/bin/sh\necho here > "$(dirname "$0")/started"\nsleep 120\n')
    began = world.monotonic()
    assert not under_lease(world, git_routes.put_routes_into_git, seconds=16.0)
    assert (team.commands / "started").exists()
    assert world.monotonic() - began < 23.0
    assert world.store.read().open_entry is None
