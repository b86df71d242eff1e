"""The real kustomize-controller on the lab: what is pushed reaches the cluster, what cannot be built is said."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.cluster import Cluster
from lab.machine.errors import LabError
from lab.stories.gitops import git
from tests.lab.flux.git_stage import GitStage, NewGitStage, change
from tests.lab.stage import BLUE, GREEN, wait_until

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

OVERLAY = "app/overlays/production-green/kustomization.yaml"
GREEN_IS = "production-green"
NUMBERS = count(1)


@pytest.fixture
def stage(new_git_stage: NewGitStage) -> GitStage:
    return new_git_stage(f"flux{next(NUMBERS)}")


@pytest.fixture
def clone(stage: GitStage, tmp_path: Path) -> Path:
    return stage.repository.clone(tmp_path / "clone")


def route(stage: GitStage) -> dict[str, Any]:
    place = stage.place
    path = f"/apis/traefik.io/v1alpha1/namespaces/{place.route_namespace}/ingressroutes/{place.route}"
    return dict(Cluster.connect(stage.lab.kubeconfig).get(path))


def side_of(stage: GitStage) -> str:
    return str(route(stage)["spec"]["routes"][0]["services"][0]["namespace"])


def applied(stage: GitStage, which: str) -> str:
    """The commit that Flux last applied."""
    status = stage.repository.kustomization(which)["status"]
    return str(status.get("lastAppliedRevision", "")).rpartition(":")[2]


def test_what_is_pushed_reaches_the_dark_side_and_nothing_else(stage: GitStage, clone: Path) -> None:
    before = stage.versions(BLUE)
    commit = change(clone, OVERLAY, 'sportsdata/api\n    newTag: "1"', 'sportsdata/api\n    newTag: "2"')
    git(clone, "push", "--quiet")
    wait_until("green's api at 2", lambda: stage.images(GREEN)["api-all"] == "sportsdata/api:2")
    wait_until("Flux says so", lambda: applied(stage, GREEN_IS) == commit)
    assert stage.replicas(GREEN) == {}, "how many pods run is not Git's"
    assert stage.versions(BLUE) == before
    assert side_of(stage) == stage.place.blue


def test_while_the_git_server_is_away_nothing_is_pushed_and_what_is_there_stays(stage: GitStage, clone: Path) -> None:
    change(clone, OVERLAY, 'sportsdata/api\n    newTag: "1"', 'sportsdata/api\n    newTag: "2"')
    with stage.repository.away():
        with pytest.raises(LabError, match="503"):
            git(clone, "push", "--quiet")
        asked = stage.repository.reconcile(GREEN_IS)
        wait_until("Flux has looked", lambda: stage.repository.handled(GREEN_IS, asked))
        assert stage.images(GREEN)["api-all"] == "sportsdata/api:1"
        assert stage.answering() == BLUE
    git(clone, "push", "--quiet")
    wait_until("green's api at 2", lambda: stage.images(GREEN)["api-all"] == "sportsdata/api:2")


def test_what_cannot_be_built_is_said_in_fluxs_own_words_until_it_is_mended(stage: GitStage, clone: Path) -> None:
    change(clone, OVERLAY, "  - ../../base", "  - ../../nowhere")
    git(clone, "push", "--quiet")
    wait_until("not Ready", lambda: stage.repository.ready(GREEN_IS).get("status") == "False")
    said = stage.repository.ready(GREEN_IS)
    assert said["reason"] == "BuildFailed", said
    assert "nowhere" in said["message"], said
    assert stage.images(GREEN)["api-all"] == "sportsdata/api:1"
    commit = change(clone, OVERLAY, "  - ../../nowhere", "  - ../../base")
    git(clone, "push", "--quiet")
    wait_until("mended", lambda: applied(stage, GREEN_IS) == commit)
    assert stage.repository.ready(GREEN_IS)["status"] == "True"


def test_flux_takes_the_route_back_unless_it_is_told_not_to(stage: GitStage, clone: Path) -> None:
    """Which is why a live patch alone is no flip for who keeps the route in Git."""
    place = stage.place
    names = ("-n", place.route_namespace, "ingressroute", place.route)
    pointer = "/spec/routes/0/services/0/namespace"
    patch = f'[{{"op": "replace", "path": "{pointer}", "value": "{place.green}"}}]'
    stage.kubectl("patch", *names, "--type=json", f"--patch={patch}")
    wait_until("it is taken back", lambda: side_of(stage) == place.blue)
    stage.kubectl("annotate", *names, "kustomize.toolkit.fluxcd.io/reconcile=disabled")
    asked = stage.repository.reconcile("routing")  # what Flux had read before the annotation it may still write
    wait_until("Flux has seen it", lambda: stage.repository.handled("routing", asked))
    stage.kubectl("patch", *names, "--type=json", f"--patch={patch}")
    commit = change(clone, OVERLAY, 'sportsdata/api\n    newTag: "1"', 'sportsdata/api\n    newTag: "2"')
    git(clone, "push", "--quiet")
    wait_until("Flux has passed over it", lambda: applied(stage, "routing") == commit)
    assert side_of(stage) == place.green, "a revision is applied, and the route is not what it says"
