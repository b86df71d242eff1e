"""What docs/gitops.md tells Argo CD to ignore is what flipgate writes, all of it and nothing else: so nobody moves
users back, or takes a count back, between flipgate's patch and its commit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flipgate.adapters.connection import Connection
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.move import move, move_back
from flipgate.steps.moving.rest import rest
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.setup import adopt
from tests.api.argo import ArgoCD
from tests.api.keda import with_keda
from tests.api.moving.test_http_route import let
from tests.api.moving.workers import nightly_at, with_cron_job
from tests.api.shop import BLUE, GREEN, Shop, opened, under_lease
from tests.api.stateful import playing, stateful_sets, with_stateful_sets
from tests.api.steps import Install
from tests.core.source import ROOT

BLOCKS = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/gitops.md").read_text(), re.DOTALL)
(TOLD,) = [found["spec"] for found in map(yaml.safe_load, BLOCKS) if "ignoreDifferences" in found.get("spec", {})]
ROUTES = ("live", "split", "gate")
POD_IMAGE = "/spec/template/spec/containers/0/image"
FOREIGN = {
    "live": ("/spec/routes/0/match", "Host(`y`)"),
    "split": ("/spec/weighted/services/0/port", 81),
    "gate": ("/spec/rules/0/backendRefs/0/port", 81),
    "web": (POD_IMAGE, "shop/web:9"),
    "store": (POD_IMAGE, "shop/store:9"),
    "nightly": ("/spec/schedule", "0 5 * * *"),
}
"""What somebody else changes, by the name of the object."""


class Team:
    """A shop of all kinds of routes and workloads; Argo CD applies it, with all counts in Git as they were at first."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.argo = shop, ArgoCD(Connection.connect(shop.kubeconfig), TOLD)
        for side in (BLUE, GREEN):
            let(shop, side)
        self.paths = [shop.route_path(name) for name in ROUTES]
        for side in (BLUE, GREEN):
            self.paths += [f"{shop.deployments(side)}/{name}" for name in ("web", "mailer")]
            self.paths += [f"{stateful_sets(shop, side)}/{name}" for name in ("store", "queue")]
            self.paths.append(nightly_at(shop, side))
        for path in self.paths:
            self.argo.adopts(path)

    def commits(self, name: str, image: str) -> None:
        """Green's overlay gets another image, by a release's commit, and is applied."""
        path = f"{self.shop.deployments(GREEN)}/{name}"
        self.argo.desired[path]["spec"]["template"]["spec"]["containers"][0]["image"] = image
        assert self.argo.out_of_sync() == [path]
        self.argo.syncs()

    def specs(self) -> list[Any]:
        return [self.argo.live(path)["spec"] for path in self.paths]

    def written_back(self) -> list[str]:
        """What counts as changed, and what a sync for any other reason changes."""
        before, differs = self.specs(), self.argo.out_of_sync()
        self.argo.syncs()
        changed = [path for path, was, spec in zip(self.paths, before, self.specs(), strict=True) if was != spec]
        return [*differs, *changed]


@pytest.fixture
def team(install: Install) -> Iterator[Team]:
    shop = with_cron_job(with_stateful_sets(install(routes=ROUTES, weighted=["split"], http=["gate"])))
    with playing(shop):
        yield Team(shop)


def released(team: Team) -> World:
    """A release of a new `web`, up on green."""
    world = team.shop.world()
    adopt(world)
    team.commits("web", "shop/web:2")
    under_lease(world, bring_up, opened(world))
    return world


def test_nothing_that_a_release_writes_is_written_back(team: Team) -> None:
    assert team.written_back() == []
    world = released(team)
    assert team.shop.counts(GREEN) == {"web": 2, "mailer": 0}
    assert team.written_back() == []
    under_lease(world, move, GREEN)
    assert team.shop.where() == ("green",) * 3
    assert team.written_back() == []
    under_lease(world, hand_over_workers, GREEN)
    assert team.argo.live(nightly_at(team.shop, BLUE))["spec"]["suspend"] is True
    assert team.written_back() == []
    view = look(world)
    under_lease(world, rest, view, need_dark(world, view))
    assert team.shop.counts(BLUE) == {"web": 0, "mailer": 0}
    assert team.written_back() == []


def test_a_way_back_is_not_written_back_either(team: Team) -> None:
    world = released(team)
    under_lease(world, move, GREEN)
    for path in team.paths[: len(ROUTES)]:
        team.argo.adopts(path)  # pushed and applied, before users go back
    under_lease(world, move_back, BLUE)
    assert team.shop.where() == ("blue",) * 3
    assert team.written_back() == []


def test_what_somebody_else_changes_is_told_still(team: Team) -> None:
    released(team)
    changed = []
    for name, (pointer, value) in FOREIGN.items():
        path = next(path for path in team.paths if path.endswith(f"/{name}"))
        team.shop.patch(path, ("replace", pointer, value))
        changed.append(path)
    assert sorted(team.argo.out_of_sync()) == sorted(changed)


def test_a_rule_that_the_team_commits_is_left_to_a_person_as_the_page_says(team: Team) -> None:
    path = team.shop.route_path("live")
    team.argo.desired[path]["spec"]["routes"][0]["match"] = "Host(`y`)"
    team.argo.syncs()
    assert team.argo.out_of_sync() == [path]
    assert team.argo.live(path)["spec"]["routes"][0]["match"] == "Host(`x`)"


def test_an_image_that_flipgate_has_set_itself_once_is_gits_from_then_on(team: Team) -> None:
    """A team that lets flipgate commit from now on. By `managedFieldsManagers` Argo CD would leave it for ever."""
    path = f"{team.shop.deployments(GREEN)}/web"
    team.shop.patch(path, ("replace", POD_IMAGE, "shop/web:1.5"))
    owners = {each["manager"] for each in team.argo.live(path)["metadata"]["managedFields"]}
    assert "flipgate" in owners
    team.commits("web", "shop/web:2")
    containers = team.shop.deployment(GREEN, "web")["spec"]["template"]["spec"]["containers"]
    assert containers[0]["image"] == "shop/web:2"


def test_a_scaled_object_that_is_paused_is_no_difference(shop: Shop, tmp_path: Path) -> None:
    """Git leaves the pause out; what only the cluster has Argo CD does not hold to be a difference."""
    shop.adopted()
    with with_keda(shop, tmp_path) as keda:
        argo = ArgoCD(Connection.connect(shop.kubeconfig), TOLD)
        argo.adopts(keda.path(GREEN))
        world = keda.world()
        under_lease(world, bring_up, opened(world))
        before = keda.said(GREEN)
        assert before
        assert argo.out_of_sync() == []
        argo.syncs()
        assert keda.said(GREEN) == before
