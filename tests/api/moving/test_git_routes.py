"""Routes in Git after a move: who waits for it, what a failure leaves, and when Flux may keep the routes again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.adapters.git import Git
from flipgate.adapters.git_copy import Checkout
from flipgate.core.git.flux import Kustomized, read_kustomization
from flipgate.core.record import conditions
from flipgate.core.record.intents import Move
from flipgate.core.record.record import Condition, ConditionStatus
from flipgate.core.spec.application import load_application
from flipgate.core.traffic.traffic import EXCLUDED, HELD
from flipgate.core.values.base import but
from flipgate.core.values.errors import Forbidden
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.world import World
from flipgate.steps.moving import git_routes
from flipgate.steps.moving.move import move, move_back
from flipgate.steps.watching.status import collect
from lab.control.records import Lab
from lab.git.server import REFUSED
from tests.api.played import played
from tests.api.releasing.test_by_git import ROUTING
from tests.api.shop import BLUE, GREEN, Shop, under_lease
from tests.api.users import typed
from tests.repository import Served, git, served

GIT = "  git: {{repository: {url}, routes: [routing.yaml], flux: {{routes: {{namespace: {name}, name: routing}}}}}}\n"


def way_back(acting: Acting, to: Side) -> None:
    """Users back, as a way back notes it."""
    with journal(acting, Move(to, back=True)):
        move_back(acting, to)


class Team:
    """The shop, whose route is in Git, and a Flux that is at the commit that the test says."""

    git = GIT

    def __init__(self, shop: Shop, repository: Served) -> None:
        self.shop, self.repository, self.applied = shop, repository, ""
        self.flux = Kustomized(f"Kustomization {shop.name}/routing", found=True)
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
        at = lambda *_: dataclasses.replace(team.flux, applied=team.applied)  # noqa: E731
        monkeypatch.setattr(git_routes, "find_kustomization", at)
        yield team


def in_git(world: World) -> ConditionStatus | None:
    found = conditions.condition_of(world.store.read().conditions, conditions.ROUTES_IN_GIT)
    return found.status if found else None


def said_of_git(world: World) -> Condition:
    found = conditions.condition_of(world.store.read().conditions, conditions.ROUTES_IN_GIT)
    assert found is not None
    return found


def test_flux_at_what_was_before_a_flip_that_was_taken_back_is_not_let_near_the_route(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    flip = team.repository.tip
    under_lease(world, way_back, BLUE)
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


def test_what_was_found_right_is_not_fetched_again_while_nobody_has_pushed(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, run = team.moved(), Git.run
    git_routes.put_routes_right(world)
    team.applied = team.repository.tip
    git_routes.put_routes_right(world)
    ran: list[str] = []

    def noted(git: Git, arguments: tuple[str, ...], *more: object, **rest: object) -> str:
        ran.append(arguments[0])
        return run(git, arguments, *more, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Git, "run", noted)
    git_routes.put_routes_right(world)
    assert ran == ["ls-remote"]
    team.repository.pushes({"notes": "by somebody else\n"})
    git_routes.put_routes_right(world)
    assert "fetch" in ran, "what they have pushed may lead elsewhere"
    ran.clear()
    git_routes.put_routes_right(world)
    assert ran == ["ls-remote"], "it does not, and that is known now"
    team.repository.pushes({"routing.yaml": ROUTING.replace("NAME", team.shop.name)})
    git_routes.put_routes_right(world)
    assert f"namespace: {team.shop.name}-green" in team.repository.read("routing.yaml")
    assert "push" in ran


def test_a_server_that_is_away_has_nobody_take_the_lease(team: Team) -> None:
    world = team.moved()
    epoch = world.store.read().epoch
    with team.repository.away(REFUSED):
        git_routes.put_routes_right(world)
    assert world.store.read().epoch == epoch
    assert in_git(world) is ConditionStatus.FALSE
    said = said_of_git(world).message
    assert said.startswith("Git is away: git fetch: ")
    assert said.endswith("; nothing is wrong in the cluster: users stay on green")


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
    assert "deploy key is read-only" in said_of_git(world).message


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


def test_users_do_not_wait_for_a_flux_that_somebody_has_suspended_and_status_says_so(team: Team) -> None:
    world = team.moved()
    team.flux = dataclasses.replace(team.flux, suspended=True)
    assert under_lease(world, git_routes.put_routes_into_git) is False
    assert team.shop.where() == ("green",)
    assert "namespace: " + team.shop.namespace(GREEN) in team.repository.read("routing.yaml")
    found = collect(world).conditions
    (condition,) = [each for each in found if each.type == conditions.ROUTES_IN_GIT]
    assert f"is suspended (flux -n {team.shop.name} resume kustomization routing)" in condition.message


def test_an_artifact_that_names_no_commit_leaves_the_route_to_a_person_and_says_how(team: Team, lab: Lab) -> None:
    world = team.moved()
    team.flux = dataclasses.replace(team.flux, source_kind="Bucket", source="f/team", revision="sha256:ab")
    assert under_lease(world, git_routes.put_routes_into_git) is False
    said = said_of_git(world).message
    assert "/routing has applied sha256:ab of Bucket f/team, which names no commit" in said
    assert f"Once Flux has applied commit {team.repository.tip[:12]}: kubectl -n {team.shop.name} patch " in said
    assert team.held
    home = team.shop.kubeconfig.parent
    done = typed(lab, said.partition(f"commit {team.repository.tip[:12]}: ")[2], home)
    assert done.returncode == 0, done.stderr
    assert not team.held
    assert under_lease(world, git_routes.put_routes_into_git) is True


def test_an_artifact_of_the_commit_that_leads_there_has_flux_keep_the_route_again(team: Team) -> None:
    world = team.moved()
    under_lease(world, git_routes.put_routes_into_git)
    spec = {"sourceRef": {"kind": "OCIRepository", "name": "team"}}

    def made_of(commit: str) -> None:
        status = {"lastAppliedRevision": "latest@sha256:ab", "lastAppliedOriginRevision": f"main@sha1:{commit}"}
        team.flux = read_kustomization(team.flux.name, "f", {"spec": spec, "status": status})
        team.applied = team.flux.applied

    made_of(team.first)
    assert under_lease(world, git_routes.put_routes_into_git) is False
    assert team.held
    made_of(team.repository.tip)
    assert under_lease(world, git_routes.put_routes_into_git) is True
    assert not team.held


@pytest.mark.xdist_group("prefect")
def test_the_worker_s_way_into_git_is_tried_by_reconcile(team: Team) -> None:
    world = team.world()

    def access() -> Condition:
        with played(world) as flows:
            flows.reconcile(world, "default")
        found = conditions.condition_of(world.store.read().conditions, conditions.GIT_ACCESS)
        assert found is not None
        return found

    assert access().status is ConditionStatus.TRUE
    git(team.repository.bare, "config", "http.receivepack", "false")
    refused = access()
    assert (refused.status, refused.reason) == (ConditionStatus.FALSE, "GitRefuses")
    assert "returned error: 403" in refused.message
    with team.repository.away(REFUSED):
        assert access().status is ConditionStatus.UNKNOWN


def test_git_that_agrees_still_is_noted_as_looked_at(team: Team) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    team.applied = team.repository.tip
    git_routes.put_routes_right(world)
    first = conditions.condition_of(world.store.read().conditions, conditions.ROUTES_IN_GIT)
    git_routes.put_routes_right(world)
    last = conditions.condition_of(world.store.read().conditions, conditions.ROUTES_IN_GIT)
    assert first is not None
    assert last is not None
    assert (first.status, last.since) == (ConditionStatus.TRUE, first.since)
    assert str(first.looked_at) < str(last.looked_at)


def test_what_a_flip_has_no_time_for_is_said_and_pushed_by_reconcile(team: Team) -> None:
    """A repository whose server sends all of it, say."""
    world = team.moved()
    assert under_lease(world, git_routes.put_routes_into_git, seconds=0.01) is False
    assert world.store.read().open_entry is None
    (shown,) = [each for each in collect(world).conditions if each.type == conditions.ROUTES_IN_GIT]
    assert (shown.status, "had no end after" in shown.message) == (ConditionStatus.FALSE, True)
    git_routes.put_routes_right(world)
    assert "namespace: " + team.shop.namespace(GREEN) in team.repository.read("routing.yaml")


def test_a_route_that_was_excluded_when_the_kustomization_left_the_file_is_not_said_to_be_kept(team: Team) -> None:
    world = team.moved()
    git = but(world.git_spec(), flux=None)
    world.application = but(world.application, spec=but(world.application.spec, git=git))
    git_routes.put_routes_right(world)
    assert team.held
    (shown,) = [each for each in collect(world).conditions if each.type == conditions.ROUTES_IN_GIT]
    assert shown.status is ConditionStatus.FALSE
    assert "the file names no Kustomization that applies that" in shown.message
    assert (
        f"Once Flux has applied commit {team.repository.tip[:12]}: kubectl -n {team.shop.name} patch " in shown.message
    )


def test_where_nobody_of_flipgate_s_has_sent_users_is_not_committed_before_a_person_has_said_that_it_is_meant(
    team: Team,
) -> None:
    world = team.moved()
    git_routes.put_routes_right(world)
    team.applied = right = team.repository.tip
    git_routes.put_routes_right(world)
    team.shop.point("live", team.shop.namespace(BLUE))  # by hand: Flux, which keeps the route, would mend this
    git_routes.put_routes_right(world)
    under_lease(world, git_routes.put_routes_into_git)
    assert team.repository.tip == right
    found = said_of_git(world)
    assert (found.status, found.reason) == (ConditionStatus.FALSE, Why.DRIFTED)
    assert "Git is left as it is" in found.message
    under_lease(world, way_back, BLUE)  # as `adopt` does
    git_routes.put_routes_right(world)
    assert "green" not in team.repository.read("routing.yaml")


def test_a_commit_that_leads_users_elsewhere_is_led_back_with_the_route_held_and_told_once(team: Team) -> None:
    world, said = team.moved(), list[str]()
    world.say = said.append
    git_routes.put_routes_right(world)
    team.applied = team.repository.tip
    git_routes.put_routes_right(world)
    assert not team.held
    reverted = team.repository.pushes({"routing.yaml": ROUTING.replace("NAME", team.shop.name)}, "Revert the flip")
    git_routes.put_routes_right(world)
    assert "green" in team.repository.read("routing.yaml")
    assert team.held, "Flux may be about to apply their commit: users would go to blue and come back"
    assert in_git(world) is ConditionStatus.FALSE
    team.applied = reverted
    git_routes.put_routes_right(world)
    assert (team.held, team.shop.where()) == (True, ("green",))
    team.applied = team.repository.tip
    git_routes.put_routes_right(world)
    assert (team.held, in_git(world)) == (False, ConditionStatus.TRUE)
    (told,) = [each for each in said if reverted[:12] in each and "flipgate rollback" in each]
    assert "users stay on green" in told


def test_what_flipgate_has_pushed_itself_is_not_told_as_somebody_else_s(team: Team) -> None:
    world, said = team.moved(), list[str]()
    world.say = said.append
    git_routes.put_routes_right(world)
    under_lease(world, way_back, BLUE)
    git_routes.put_routes_right(world)
    assert "blue" in team.repository.read("routing.yaml")
    assert not [each for each in said if "flipgate rollback" in each]
