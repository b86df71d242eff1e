"""What `check` finds in the team's repository before a release stumbles over it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flipgate.adapters.git_access import Credentials
from flipgate.core.spec.application import load_application
from flipgate.steps.looking.git import git_problems
from lab.control.records import Lab
from lab.git.server import REFUSED
from tests.api.releasing.test_by_git import BASE, OVERLAY
from tests.api.shop import Shop
from tests.repository import Served, served

ROUTING = """\
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: live, namespace: NAME}
spec: {routes: [{kind: Rule, match: Host(`x`), services: [{name: web, namespace: NAME-blue, port: 80}]}]}
"""
GIT = """\
  git:
    repository: URL
    overlays: {blue: overlays/blue, green: overlays/green}
    routes: [routing.yaml]
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("team")) as found:
        found.begins({"base/kustomization.yaml": "resources: [all.yaml]\n"})
        yield found


@pytest.fixture
def team(standing: Shop, repository: Served, lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop that nothing is changed of, whose repository says what the cluster does."""
    monkeypatch.setenv("FLIPGATE_KUSTOMIZE", str(lab.kubectl))
    standing.application = load_application(standing.text + GIT.replace("URL", repository.url), "shop.yaml")
    pushed(standing, repository)
    return standing


def pushed(shop: Shop, repository: Served, base: str = BASE, blue: str = "", routing: str = ROUTING) -> None:
    overlay = OVERLAY.replace("NAME", shop.name)
    files = {"base/all.yaml": base, "routing.yaml": routing.replace("NAME", shop.name)}
    files |= {"overlays/blue/kustomization.yaml": (blue or overlay).replace("SIDE", "blue")}
    files |= {"overlays/green/kustomization.yaml": overlay.replace("SIDE", "green"), "n": f"{shop.name} {id(files)}"}
    repository.pushes(files)


def found(shop: Shop, repository: Served, said: list[str] | None = None, **credentials: str) -> list[str]:
    world = shop.world()
    given = Credentials(**credentials) if credentials else repository.credentials
    world.git_credentials = lambda: given
    return list(git_problems(world, (said if said is not None else []).append))


def test_a_repository_that_says_what_the_cluster_does_is_no_problem(team: Shop, repository: Served) -> None:
    said: list[str] = []
    assert found(team, repository, said) == []
    assert said == [f"branch main of {repository.url} is at {repository.tip[:12]}"]


def test_counts_in_git_are_named_with_the_lines_that_end_it(team: Shop, repository: Served) -> None:
    counted = BASE.replace("\nspec:\n", "\nspec:\n  replicas: 2\n", 1)
    pushed(team, repository, base=counted)
    first, second = found(team, repository)
    assert f"Deployment {team.name}-blue/web: Git says `replicas: 2`, which flipgate sets, too" in first
    assert f"{team.name}-green/web" in second
    lines = first.split("`")[-2]
    assert lines.startswith("patches: ")
    pushed(team, repository, base=counted, blue=OVERLAY.replace("NAME", team.name) + lines + "\n")
    assert found(team, repository) == [second]


def test_what_would_be_changed_by_who_applies_it_next(team: Shop, repository: Served) -> None:
    overlay = OVERLAY.replace("NAME", team.name)
    pushed(
        team,
        repository,
        blue=overlay.replace('newTag: "1" #', 'newTag: "9" #'),
        routing=ROUTING.replace("-blue", "-green"),
    )
    route, image = found(team, repository)
    assert route.startswith("routing.yaml leads elsewhere than the routes, which lead to blue")
    assert image == f"Deployment {team.name}-blue/web runs shop/web:1, and its overlay says shop/web:9"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"routing": "a: 1\n"}, "is in none of the files that spec.git.routes names"),
        ({"blue": "resources: [../../nowhere]\n"}, "overlays/blue: does not render"),
        ({"blue": "- a\n"}, "overlays/blue/kustomization.yaml: is not one mapping"),
        ({"base": BASE.replace("name: mailer}\nspec", "name: other}\nspec")}, "mailer is not in the overlay of blue"),
    ],
)
def test_what_no_release_could_do_there(team: Shop, repository: Served, change: dict[str, str], problem: str) -> None:
    pushed(team, repository, **change)
    assert any(problem in each for each in found(team, repository))


def test_who_is_not_let_in_here_says_so_and_finds_no_problem(team: Shop, repository: Served) -> None:
    said: list[str] = []
    assert found(team, repository, said, token="stolen") == []
    assert "the repository was not looked at: " in said[0]
    with repository.away(REFUSED):
        assert found(team, repository, said) == []
    assert "503" in said[1]
