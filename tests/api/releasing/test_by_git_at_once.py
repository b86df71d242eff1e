"""Two applications in one repository, released at once: both push to the same commit, and neither is lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flipgate.core.spec.application import load_application
from flipgate.steps.acting.acting import Acting
from lab.control.records import Lab
from tests.api.conftest import Install
from tests.api.releasing.test_by_git import BASE, GIT, Team, brought_up
from tests.api.shop import GREEN, Shop
from tests.repository import Served, served


class Neighbour(Team):
    """A team whose overlays are in a folder of their own, beside those of others."""

    def __init__(self, shop: Shop, repository: Served) -> None:
        self.shop, self.repository = shop, repository
        text = shop.text + GIT.format(url=repository.url).replace("overlays/", f"{shop.name}/overlays/")
        shop.application = load_application(text, "shop.yaml")
        files = {f"{shop.name}/base/all.yaml": BASE, f"{shop.name}/base/kustomization.yaml": "resources: [all.yaml]\n"}
        repository.pushes(files | {self.path(side): self.overlay(side) for side in ("blue", "green")})

    def path(self, side: str) -> str:  # type: ignore[override]
        return f"{self.shop.name}/{Team.path(side)}"


def test_two_applications_in_one_repository_released_at_once(
    install: Install, tmp_path: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLIPGATE_KUSTOMIZE", str(lab.kubectl))
    both, confirm = threading.Barrier(2, timeout=60), Acting.confirm_lease
    met = threading.local()

    def together(acting: Acting) -> None:
        """Each has made its commit on the same one when the first of them pushes."""
        if not hasattr(met, "once"):
            met.once = both.wait()
        confirm(acting)

    monkeypatch.setattr(Acting, "confirm_lease", together)
    with served(tmp_path) as repository:
        repository.begins({"README.md": "The platform\n"})
        teams = [Neighbour(install(), repository) for _ in range(2)]
        worlds, said = [team.world() for team in teams], []
        for world in worlds:
            world.say = said.append
        with ThreadPoolExecutor(2) as pool:
            releases = list(pool.map(brought_up, worlds))
        log = repository.log()
    assert sorted(line for line in log if line.startswith("deploy")) == sorted(
        f"deploy: {world.application.name} {release.name}, green"
        for world, release in zip(worlds, releases, strict=True)
    )
    assert sum("fetched, and made anew" in line for line in said) == 1
    for team, world in zip(teams, worlds, strict=True):
        assert team.image("web") == "shop/web:2"
        assert team.shop.counts(GREEN) == {"web": 2, "mailer": 0}
        record = world.store.read()
        assert record.open_entry is None
        assert record.release is not None
        assert [each.what for each in record.release.commits] == ["deploy"]
