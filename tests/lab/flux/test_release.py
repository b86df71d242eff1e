"""Releases of an application whose overlays and route are in Git, under load, with Flux at work every five seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from flipgate.adapters.git import Git
from flipgate.core.record import conditions
from flipgate.core.record.record import Condition, ConditionStatus
from flipgate.core.values.errors import Refused, Unreachable
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.moving.git_routes import put_routes_right
from lab.control.records import Lab
from lab.git.server import REFUSED, SILENT
from lab.stories.example import Place
from lab.stories.gitops import INTERVAL_SECONDS, ROUTES, Repository, git
from tests.lab import runbook
from tests.lab.flux.git_stage import GitStage, NewGitStage, change
from tests.lab.stage import BLUE, GREEN, images, lost_none, phases, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

GIT_SECONDS = 20.0
"""What Git is given here for one exchange: a third of what it has."""
OVERLAY = "app/overlays/production-{side}/kustomization.yaml"


@dataclass
class Seen:
    """What was so, each time that it was another than before."""

    routes: list[str] = field(default_factory=list)
    counts: dict[Side, list[dict[str, int]]] = field(default_factory=lambda: {side: [] for side in Side})
    live_images: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def stage(
    request: pytest.FixtureRequest, new_git_stage: NewGitStage, flux: Lab, monkeypatch: pytest.MonkeyPatch
) -> GitStage:
    monkeypatch.setenv("FLIPGATE_KUSTOMIZE", str(flux.kubectl))

    def declared(document: dict[str, Any]) -> None:
        place = Place.named(document["metadata"]["name"].removeprefix("sports-"))
        document["spec"]["git"] = Repository(flux, place).section()

    return new_git_stage(request.node.name[5:20].replace("_", "-").strip("-"), edit=declared)


@contextmanager
def sampled(stage: GitStage) -> Iterator[Seen]:
    """Looks every 50 ms at the route, the counts and the images of the side that it leads to."""
    seen, over, world = Seen(), threading.Event(), stage.world()

    def look() -> None:
        while not over.wait(0.05):
            live = look_at_traffic(world).active
            add(seen.routes, str(live))
            for side in Side:
                add(seen.counts[side], stage.replicas(side))
            if live and look_at_traffic(world).active is live:
                add(seen.live_images, {str(live): "", **stage.images(live)})

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def add(known: list[Any], new: Any) -> None:
    if not known or known[-1] != new:
        known.append(new)


def routes_in_git(world: World) -> Condition | None:
    return conditions.condition_of(world.store.read().conditions, conditions.ROUTES_IN_GIT)


def agreed(world: World) -> bool:
    """Whether reconcile, which is not waited for here, has brought all to agree."""
    put_routes_right(world)
    found = routes_in_git(world)
    return found is not None and found.status is ConditionStatus.TRUE


@contextmanager
def away(repository: Repository, how: str, seconds: float = GIT_SECONDS) -> Iterator[None]:
    """The Git server fails in this way for so long from now, or for longer, until the block has ended."""
    with repository.away(how):
        until = time.monotonic() + seconds
        yield
        time.sleep(max(0.0, until - time.monotonic()))


def need_behind(world: World, said: str) -> None:
    """The record says that Git is behind, and why, and Flux leaves the route."""
    condition = routes_in_git(world)
    assert condition is not None
    assert (condition.status, condition.reason) == (ConditionStatus.FALSE, Why.GIT_BEHIND)
    assert said in condition.message
    assert any(state.held for state in look_at_traffic(world).routes)


@contextmanager
def changed_first(stage: GitStage, world: World) -> Iterator[None]:
    """Somebody else pushes right before flipgate does, once."""
    clone = stage.repository.clone(stage.repository.bare.with_suffix(".other"))
    confirm, done = Acting.confirm_lease, []

    def first(acting: Acting) -> None:
        if not done:
            done.append(change(clone, "app/base/app-config.env", "", "# theirs\n"))
            git(clone, "push", "--quiet", "origin", "HEAD:main")
        confirm(acting)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Acting, "confirm_lease", first)
        yield
    assert done


def rewritten(stage: GitStage) -> None:
    """Somebody has rewritten the branch's history: one commit, of the same files, that knows no other."""
    bare = stage.repository.bare
    commit = git(bare, "commit-tree", "-m", "Rewritten", "main^{tree}")
    git(bare, "update-ref", "refs/heads/main", commit)


def in_git(stage: GitStage, path: str) -> str:
    return git(stage.repository.bare, "show", f"main:{path}")


def test_there_and_back_and_there_again_at_peace_with_flux(stage: GitStage) -> None:
    world = stage.world()
    with stage.load() as load, sampled(stage) as seen:
        first = runbook.go_live(world, images("2", "api-all"))
        wait_until("Git and Flux agree on green", lambda: agreed(world))
        assert not any(state.held or state.excluded for state in look_at_traffic(world).routes)
        time.sleep(INTERVAL_SECONDS + 1)  # Flux has looked again
        assert seen.routes == ["blue", "green"]
        assert f"namespace: {stage.place.green}" in in_git(stage, ROUTES)
        done = roll_back(world, "orders fail", by="ana")
        assert done.way == "fast"
        assert any(state.held and state.excluded for state in look_at_traffic(world).routes)
        wait_until("Git and Flux agree on blue", lambda: agreed(world))
        time.sleep(INTERVAL_SECONDS + 1)
        second = runbook.go_live(world, images("3", "api-all"))
        wait_until("Git and Flux agree on green again", lambda: agreed(world))
        runbook.scale_down(world)
        time.sleep(INTERVAL_SECONDS + 1)
        lost_none(load)
    assert seen.routes == ["blue", "green", "blue", "green"]
    assert second.name != first.name
    live = stage.images(GREEN)
    assert live["api-all"].endswith(":3")
    assert not stage.replicas(BLUE)
    log = git(stage.repository.bare, "log", "--format=%s", "main").splitlines()
    kinds = [line.partition(":")[0] for line in reversed(log)]
    assert kinds == ["The platform", "deploy", "flip", "roll back", "deploy", "flip"]
    assert stage.record().active is GREEN
    assert [next(iter(each)) for each in seen.live_images] == seen.routes, seen.live_images


def test_a_git_server_that_is_away_holds_up_a_deploy_and_no_user(
    stage: GitStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away in each step; what was moved meanwhile stays moved, with Flux at work all along, and Git follows."""
    of = Git.of
    monkeypatch.setattr(Git, "of", lambda *given: replace(of(*given), seconds=GIT_SECONDS))
    world, repository = stage.world(), stage.repository
    with stage.load() as load, sampled(stage) as seen:
        with away(repository, SILENT), pytest.raises(Unreachable, match="no end after 20 s"):
            runbook.deploy_dark(world, images("2", "api-all"))
        assert not stage.replicas(GREEN), "nothing was scaled for images that nobody could set"
        with changed_first(stage, world):
            runbook.dark_and_approved(world, images("2", "api-all"))
        with away(repository, REFUSED, seconds=15):
            runbook.flip_traffic(world)
        need_behind(world, "503")
        rewritten(stage)
        wait_until("Git and Flux agree on green", lambda: agreed(world))
        with away(repository, SILENT):
            done = roll_back(world, "orders fail", by="ana")
            assert (done.way, done.left) == ("fast", ())
            put_routes_right(world)  # reconcile's turn
        need_behind(world, "no end after 20 s")
        wait_until("Git and Flux agree on blue", lambda: agreed(world))
        time.sleep(2 * INTERVAL_SECONDS)
        lost_none(load)
    assert seen.routes == ["blue", "green", "blue"]
    log = git(repository.bare, "log", "--format=%s", "main").splitlines()
    assert [line.partition(":")[0] for line in reversed(log)] == ["Rewritten", "flip", "roll back"]


def test_flux_that_cannot_apply_is_heard_in_its_own_words_and_users_stay(stage: GitStage) -> None:
    """A release's own commit renders: what Flux cannot apply is somebody else's, beside it."""
    world = stage.world()
    clone = stage.repository.clone(stage.repository.bare.with_suffix(".clone"))
    path = OVERLAY.format(side="green")
    bad = '[{"op": "add", "path": "/spec/type", "value": "Nonsense"}]'
    bad = f"patches: [{{target: {{kind: Service, name: api-service}}, patch: '{bad}'}}]\n"
    (clone / path).write_text((clone / path).read_text() + bad)
    git(clone, "commit", "--quiet", "--all", "--message", "Broken")
    git(clone, "push", "--quiet")
    with stage.load() as load:
        with pytest.raises(Refused, match=r"says of [0-9a-f]{12}: .*Nonsense") as refused:
            runbook.deploy_dark(world, images("2", "api-all"))
        assert refused.value.reason == Why.NOT_APPLIED
        assert stage.answering() == BLUE
        lost_none(load)
    assert phases(stage.record().newest)[-1] == "failed NotApplied"
