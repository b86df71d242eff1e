"""Killed at each entry of the journal that is about Git, by SIGKILL, under load and with Flux at work: reconcile brings
Git, cluster and record to agree."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import yaml

from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.pipelines import DEPLOY_DARK, FLIP_TRAFFIC
from flipgate.core.values.sides import Side
from flipgate.steps.going_back.recover import recover
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.moving.git_routes import put_routes_right
from lab.control.records import Lab
from lab.stories.gitops import ROUTES, ROUTING, git
from tests import dying
from tests.faults.shops import POLICY, Cases, Shop, Shops, one_check
from tests.faults.walk import BY_GIT, Crash
from tests.lab import runbook
from tests.lab.flux.git_stage import GitStage
from tests.lab.flux.test_release import OVERLAY, agreed, sampled
from tests.lab.stage import Edit, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

VERBS = {DEPLOY_DARK: "deploy", FLIP_TRAFFIC: "flip"}


class GitShop(Shop, GitStage):
    """A shop that lives through one crash after another, as Git has it."""

    def apply(self, policy: Any = None, edit: Edit | None = None) -> None:
        """Also says where its repository is."""

        def declared(document: dict[str, Any]) -> None:
            one_check(document)
            document["spec"]["git"] = self.repository.section()

        super().apply({**POLICY, **(policy or {})}, declared)

    def in_git(self, path: str) -> str:
        return git(self.repository.bare, "show", f"main:{path}")

    def log(self) -> list[str]:
        """The first lines of all commits, the newest first."""
        return git(self.repository.bare, "log", "--format=%s", "main").splitlines()

    def leads(self, side: Side) -> bool:
        """Whether the routes' file leads there, and nowhere else."""
        says = yaml.safe_load(self.in_git(ROUTES))["spec"]["routes"][0]["services"]
        return {each["namespace"] for each in says} == {self.place.blue if side is Side.BLUE else self.place.green}

    @property
    def applied(self) -> str:
        """The commit of the routes that Flux applied last."""
        status = self.repository.kustomization(ROUTING)["status"]
        return str(status.get("lastAppliedRevision", "")).rpartition(":")[2]

    def need_git_agrees(self) -> None:
        """The routes' file and both overlays say what the cluster runs, and Flux keeps the routes again."""
        traffic, live = look_at_traffic(self.world()), self.live
        assert traffic.active is live
        assert not any(state.held or state.excluded for state in traffic.routes)
        assert self.leads(live)
        for side in Side:
            found = yaml.safe_load(self.in_git(OVERLAY.format(side=side)))["images"]
            said = {f"{each.get('newName', each['name'])}:{each['newTag']}" for each in found}
            assert set(self.images(side).values()) <= said


@pytest.fixture(scope="module")
def walked(request: pytest.FixtureRequest, flux: Lab) -> Iterator[Cases]:
    """Both edges at once: most of a crash is waiting until the Lease of who died was silent for long enough."""
    shops = Shops([GitShop.named(flux, f"git-{edge}") for edge in dying.EDGES])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLIPGATE_KUSTOMIZE", str(flux.kubectl))
        try:
            with shops.at_once(request, walk) as cases:
                yield cases
        finally:
            shops.close()


@pytest.mark.parametrize("case", dying.EDGES)
def test_a_release_whose_process_is_killed_at_each_entry_about_git(walked: Cases, case: str) -> None:
    walked.need(case)


def walk(shop: GitShop, edge: str) -> None:
    """One release, killed at this edge of each entry in turn. For two of Flux's intervals nobody goes on each time, as
    long as the Lease of the dead is waited for."""
    images, commit, release = BY_GIT
    before = shop.live
    with sampled(shop) as seen:
        dies(shop, images, edge, *(f"{name}={image}" for name, image in shop.build().items()))
        goes_on(shop, images, edge)
        assert shop.live is before
        runbook.approve(shop.world(), QuestionKind.FLIP)
        dies(shop, commit, edge)
        applied(shop)
        dies(shop, release, edge)
        goes_on(shop, release, edge)
        wait_until("Git and Flux agree", lambda: agreed(shop.world()))
        wait_until("Flux has looked again", partial(looked, shop, shop.repository.reconcile(ROUTING)))
    assert seen.routes == [before, before.other]
    kinds = [line.partition(":")[0] for line in reversed(shop.log())]
    assert kinds == ["The platform", "deploy", "flip"], "one commit each, however often it was begun"
    shop.need_git_agrees()
    shop.need_agreement()
    shop.need_none_lost()


def dies(shop: GitShop, crash: Crash, edge: str, *more: str) -> None:
    """The process dies there, and leaves what the row says."""
    shop.die_at(VERBS[crash.pipeline], crash.step, edge, *more)
    left = shop.record()
    assert left.open_entry, crash
    assert (left.phase, left.open_entry.step) == (crash.left[dying.EDGES.index(edge)], crash.step)


def goes_on(shop: GitShop, crash: Crash, edge: str) -> None:
    """Reconcile, and the pipeline that it starts."""
    shop.goes_on()
    shop.wait_for(crash.reconciled[dying.EDGES.index(edge)])


def applied(shop: GitShop) -> None:
    """Reconcile pushes what the dead did not, and Flux applies that; it leaves the route still."""
    if not shop.leads(shop.live):
        recover(shop.world())
        put_routes_right(shop.world())
    tip = git(shop.repository.bare, "rev-parse", "main")
    wait_until("Flux has applied it", lambda: shop.applied == tip)
    assert all(state.held for state in look_at_traffic(shop.world()).routes)


def looked(shop: GitShop, asked: str) -> bool:
    return shop.repository.handled(ROUTING, asked)
