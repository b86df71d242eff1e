"""A release whose images are what an overlay in Git says: committed, applied by somebody else, waited for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from flipgate.adapters.cluster import Cluster
from flipgate.adapters.git import Git
from flipgate.core.record.conditions import ROUTES_IN_GIT, condition_of
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.record import EntryState
from flipgate.core.record.release import Release
from flipgate.core.spec.application import load_application
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.moving.git_routes import put_routes_right
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.questions import pose
from flipgate.steps.releasing.settle import failing
from lab.control.records import Lab
from lab.git.server import DEAF, REFUSED
from tests.api.flux import Flux
from tests.api.shop import BLUE, GREEN, Shop, meanwhile, opened, timed_by_its_waiting, told, under_lease
from tests.api.steps import refusing
from tests.repository import Served, git, served

BASE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: shop/web}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: mailer}
spec:
  selector: {matchLabels: {app: mailer}}
  template:
    metadata: {labels: {app: mailer}}
    spec: {containers: [{name: mailer, image: shop/mailer}]}
"""
MIGRATION = """\
---
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: migrate, image: shop/web}]}}}
"""
OVERLAY = """\
namespace: NAME-SIDE
resources: [../../base]
images:
  - name: shop/web
    newTag: "1" # set by the pipeline
  - name: shop/mailer
    newTag: "1"
"""
ROUTING = """\
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: live, namespace: NAME}
spec: {routes: [{kind: Rule, match: Host(`x`), services: [{name: web, namespace: NAME-blue, port: 80}]}]}
"""
PINNED = """\
patches:
- target: {kind: Deployment, name: web}
  patch: |-
    - {op: replace, path: /spec/template/spec/containers/0/image, value: pinned}
"""
GIT = "  git: {{repository: {url}, overlays: {{blue: overlays/blue, green: overlays/green}}, timeoutSeconds: 30}}\n"


class Team:
    """The shop, whose overlays are in Git, and whoever applies the repository: the test, when it says so."""

    def __init__(self, shop: Shop, repository: Served) -> None:
        self.shop, self.repository = shop, repository
        text = shop.text + GIT.format(url=repository.url)
        shop.application = load_application(text, "shop.yaml")
        files = {"base/all.yaml": BASE, "base/kustomization.yaml": "resources: [all.yaml]\n"}
        files |= {self.path(side): self.overlay(side) for side in ("blue", "green")}
        repository.begins(files)

    @staticmethod
    def path(side: str) -> str:
        return f"overlays/{side}/kustomization.yaml"

    def overlay(self, side: str) -> str:
        return OVERLAY.replace("NAME", self.shop.name).replace("SIDE", side)

    def world(self, actor: str = "pipeline") -> World:
        world = self.shop.adopted(actor)
        world.git_credentials = lambda: self.repository.credentials
        return meanwhile(world, self.apply)

    def apply(self) -> None:
        """Applies what the branch says of green, as Flux does: its own fields, and nothing else."""
        said = yaml.safe_load(self.repository.read(self.path("green")))["images"]
        for image in said:
            name, ref = image["name"].removeprefix("shop/"), f"{image['name']}:{image['newTag']}"
            if self.image(name) != ref:
                pointer = "/spec/template/spec/containers/0/image"
                self.shop.patch(f"{self.shop.deployments(GREEN)}/{name}", ("replace", pointer, ref))

    def image(self, name: str) -> str:
        spec = self.shop.deployment(GREEN, name)["spec"]["template"]["spec"]
        return str(spec["containers"][0]["image"])


@pytest.fixture
def team(shop: Shop, tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    monkeypatch.setenv("FLIPGATE_KUSTOMIZE", str(lab.kubectl))
    with served(tmp_path) as repository:
        yield Team(shop, repository)


def brought_up(world: World, tag: str = "2") -> Release:
    release = opened(world, tag)
    under_lease(world, bring_up, release)
    return release


def test_one_commit_sets_the_images_and_flipgate_the_counts(team: Team) -> None:
    world = team.world()
    before = team.repository.read(team.path("green"))
    release = brought_up(world)
    assert team.image("web") == "shop/web:2"
    assert team.shop.counts(GREEN) == {"web": 2, "mailer": 0}
    assert team.repository.read(team.path("green")) == before.replace('"1" # set', '"2" # set')
    message = git(team.repository.bare, "log", "-1", "--format=%B", "main")
    assert message.startswith(f"deploy: {world.application.name} {release.name}, green\n\nBy ci.\n")
    assert "- web: shop/web:1 -> shop/web:2" in message
    record = world.store.read()
    assert [entry.step for entry in record.journal[-2:]] == ["CommitImages", "BringUp"]
    assert record.release is not None
    assert [(each.what, each.commit) for each in record.release.commits] == [("deploy", team.repository.tip)]


def test_a_deploy_that_was_let_in_leaves_no_old_word_of_the_routes_in_git(team: Team) -> None:
    """Reconcile looks every five minutes: until then `status` had Git away, beside a commit that was just pushed."""
    team.repository.pushes({"routing.yaml": ROUTING.replace("NAME", team.shop.name)})
    both = GIT.format(url=team.repository.url).replace("overlays:", "routes: [routing.yaml], overlays:")
    team.shop.application = load_application(team.shop.text + both, "shop.yaml")
    world = team.world()
    with team.repository.away(REFUSED):
        put_routes_right(world)
    away = condition_of(world.store.read().conditions, ROUTES_IN_GIT)
    assert away is not None
    assert "Git is away" in away.message
    brought_up(world)
    now = condition_of(world.store.read().conditions, ROUTES_IN_GIT)
    assert now is not None
    assert (now.status, now.message) == ("True", f"commit {team.repository.tip[:12]} on main leads to blue")


def test_a_commit_names_the_page_of_its_run(team: Team) -> None:
    world = team.world()
    world.run_page = "https://prefect.example/runs/flow-run/1"
    brought_up(world)
    message = git(team.repository.bare, "log", "-1", "--format=%B", "main")
    assert message.splitlines()[-1] == "https://prefect.example/runs/flow-run/1"


def test_begun_again_it_pushes_nothing_more(team: Team) -> None:
    world = team.world()
    release = brought_up(world)
    under_lease(world, bring_up, release)
    assert len(team.repository.log()) == 2


def test_a_flip_that_needs_more_pods_waits_for_no_git_server(team: Team) -> None:
    world = team.world()
    release = brought_up(world)
    told(world, release, Phase.DARK)
    found = world.store.read().release
    assert found is not None
    team.shop.scaled(BLUE, "web", 5)
    with team.repository.away(REFUSED):
        under_lease(world, bring_up, but(found, wanted={**found.wanted, "web": 5}))
    assert team.shop.counts(GREEN)["web"] == 5


def test_a_push_that_others_were_before_is_made_anew(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    world, confirm, pushed = team.world(), Acting.confirm_lease, []

    def others_first(acting: Acting) -> None:
        if len(pushed) < 2:
            pushed.append(team.repository.pushes({"notes": f"{len(pushed)}\n"}))
        confirm(acting)

    monkeypatch.setattr(Acting, "confirm_lease", others_first)
    release = brought_up(world)
    assert team.repository.log()[0].startswith(f"deploy: {world.application.name} {release.name}")
    assert team.repository.log()[1:3] == ["By hand", "By hand"]


def test_who_is_always_later_is_refused_and_nothing_is_changed(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    world, count = team.world(), iter(range(100))
    monkeypatch.setattr(Acting, "confirm_lease", lambda _: team.repository.pushes({"notes": f"{next(count)}\n"}))
    with pytest.raises(Refused, match="others pushed before flipgate 5 times in a row") as refused:
        brought_up(world)
    assert refused.value.reason == Why.PUSH_REFUSED
    assert team.shop.counts(GREEN) == {"web": 0, "mailer": 0}
    assert world.store.read().open_entry is None


@pytest.mark.parametrize("how", [REFUSED, DEAF])
def test_a_git_server_that_was_away_is_asked_again(team: Team, how: str) -> None:
    world = team.world()
    release = opened(world)
    with team.repository.away(how), pytest.raises(TemporaryError):
        under_lease(world, bring_up, release)
    assert team.shop.counts(GREEN) == {"web": 0, "mailer": 0}
    with world.acting() as acting:
        entry = acting.record.open_entry
        assert (entry is None) == (how == REFUSED)
    recover(world)
    under_lease(world, bring_up, release)
    assert team.shop.counts(GREEN) == {"web": 2, "mailer": 0}
    assert len(team.repository.log()) == 2
    assert all(entry.state is not EntryState.BEGUN for entry in world.store.read().journal)


def test_an_image_in_what_both_sides_share_is_refused_with_the_difference(team: Team) -> None:
    shared = "resources: [all.yaml]\n"
    both = {
        "base/kustomization.yaml": shared,
        team.path("blue"): f"namespace: {team.shop.name}-blue\nresources: [../green]\n",
    }
    team.repository.pushes(both)
    with pytest.raises(Refused, match=r"would change blue too \(overlays/blue\): .*shop/web:2") as refused:
        brought_up(team.world())
    assert refused.value.reason == Why.OVERLAY_NOT_SET
    assert refused.value.obj == team.path("green")
    assert len(team.repository.log()) == 2


def test_an_overlay_that_would_give_another_image_or_change_more_is_refused(team: Team) -> None:
    green = team.overlay("green")
    team.repository.pushes({team.path("green"): green + PINNED})
    with pytest.raises(Refused, match="web: container web gets pinned, not shop/web:2"):
        brought_up(team.world())
    text = BASE.replace("image: shop/mailer}]", "image: shop/mailer}, {name: log, image: shop/web}]")
    team.repository.pushes({team.path("green"): green, "base/all.yaml": text})
    more = f"its images would change more than is released: Deployment {team.shop.name}-green/mailer"
    with pytest.raises(Refused, match=more):
        brought_up(team.world(), "3")


def test_a_job_of_the_overlay_gets_the_image_that_is_released_and_the_commit_says_so(team: Team) -> None:
    team.repository.pushes({"base/all.yaml": BASE + MIGRATION})
    said: list[str] = []
    world = team.world()
    world.say = said.append
    brought_up(world)
    assert team.image("web") == "shop/web:2"
    line = f"Job {team.shop.name}-green/migrate (not declared): shop/web:1 -> shop/web:2"
    assert f"\n- {line}\n" in git(team.repository.bare, "log", "-1", "--format=%B", "main") + "\n"
    assert f"the commit sets beside the declared services: {line}" in said


def test_what_is_not_applied_in_time_is_said(team: Team) -> None:
    world = timed_by_its_waiting(team.world())
    with pytest.raises(Refused, match=r"does not run what was pushed after 30 s: .*web has shop/web:1") as refused:
        brought_up(world)
    assert refused.value.reason == Why.NOT_APPLIED
    commit = team.repository.tip[:12]
    said = f"commit {commit} stays on main: the same build again once that is mended, or git revert {commit}"
    assert refused.value.fact.endswith(said)
    team.repository.pushes({"notes": "by somebody else\n"})
    with pytest.raises(Refused, match=f"git revert {commit}"):
        brought_up(world)
    last = world.store.read().release
    assert last is not None
    assert [each.commit[:12] for each in last.commits] == [commit], "not the newest, which is somebody else's"
    assert team.shop.counts(GREEN) == {"web": 0, "mailer": 0}


def test_two_applications_in_one_repository_do_not_hinder_each_other(team: Team) -> None:
    world = team.world()
    assert world.application.spec.git is not None
    first = Git.of(world.application.spec.git, team.repository.credentials)
    with first.checkout() as one, first.checkout() as other:
        for copy, name in ((one, "a"), (other, "b")):
            copy.write("base/kustomization.yaml", f"resources: [all.yaml] # {name}\n")
        one.commit("a", world.application.spec.git.author)
        one.push()
    assert brought_up(replace(world)).name
    assert team.image("web") == "shop/web:2"
    assert team.shop.counts(BLUE) == {"web": 2, "mailer": 1}


@pytest.mark.parametrize("kind", ["Kustomization", "GitRepository"])
def test_a_flux_that_somebody_has_suspended_is_refused_before_anything_is_pushed(
    team: Team, flux_cluster: Cluster, kind: str
) -> None:
    shop, own = team.shop, team.shop.own
    shop.cluster = flux_cluster
    flux = Flux(flux_cluster, own)

    def suspended(what: str) -> None:
        flux.add("GitRepository", "team", {"url": team.repository.url, "suspend": what == "GitRepository"})
        flux.kustomization("green", "./overlays/green", suspend=what == "Kustomization")

    named = f", flux: {{green: {{namespace: {own}, name: green}}}}, timeoutSeconds: 30"
    text = shop.text + GIT.format(url=team.repository.url).replace(", timeoutSeconds: 30", named)
    shop.application = load_application(text, "shop.yaml")
    suspended(kind)
    world = team.world()
    release = opened(world)
    with refusing(Why.NOT_APPLIED, match=f"{kind} {own}/.* is suspended: nothing that is pushed now") as refused:
        under_lease(timed_by_its_waiting(team.world()), bring_up, release)
    assert refused.value.next_command.startswith(f"flux -n {own} resume ")
    assert len(team.repository.log()) == 1
    suspended("")
    under_lease(world, bring_up, release)
    assert team.image("web") == "shop/web:2"


def test_a_container_that_the_overlay_says_is_gits_and_one_that_somebody_added_is_refused(team: Team) -> None:
    world = team.world()
    release = brought_up(world)
    told(world, release, Phase.DARK)
    added = {"name": "proxy", "image": "shop/proxy:1"}
    path = f"{team.shop.deployments(GREEN)}/web"
    team.shop.patch(path, ("add", "/spec/template/spec/containers/-", added))
    with pytest.raises(Refused, match=r"web: containers\[proxy\]: added \(image shop/proxy:1\)") as refused:
        pose(world, QuestionKind.FLIP, [])
    assert refused.value.reason == Why.TEMPLATE_DIFFERS
    patch = json.dumps([{"op": "add", "path": "/spec/template/spec/containers/-", "value": added}])
    patches = f"patches: [{{target: {{kind: Deployment, name: web}}, patch: '{patch}'}}]\n"
    green = team.path("green")
    team.repository.pushes({green: team.repository.read(green) + patches})
    question = pose(world, QuestionKind.FLIP, [])
    assert "web: containers[proxy]: added (image shop/proxy:1)" in question.changes


def test_a_release_that_fails_says_what_of_it_stays_in_git(team: Team) -> None:
    world = team.world()
    release, bad = brought_up(world), Refused("health: fail", reason=Why.CHECKS_FAILED)
    with pytest.raises(Refused), world.acting() as acting, failing(acting, release):
        raise bad
    commit, last = team.repository.tip[:12], world.store.read().newest
    assert last is not None
    said = last.changes[-1].message
    assert said.startswith(f"health: fail. Git: commit {commit} stays on main: the same build again"), said
    assert said.endswith(f"git revert {commit}")
