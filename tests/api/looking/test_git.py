"""What `check` finds in the team's repository before a release stumbles over it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flipgate.adapters.cluster import APPLY_PATCH, Cluster
from flipgate.adapters.git_access import Credentials
from flipgate.core.spec.application import load_application
from flipgate.core.values.reasons import Why
from flipgate.steps.looking.flux import flux_problems
from flipgate.steps.looking.git import git_problems
from flipgate.steps.looking.written_back import applied_problems
from flipgate.steps.releasing.rights import missing_rights
from lab.control.records import Lab
from lab.git.server import REFUSED
from tests.api.flux import KUSTOMIZE, SOURCE, Flux
from tests.api.releasing.test_by_git import BASE, MIGRATION, OVERLAY, ROUTING
from tests.api.shop import BLUE, GREEN, Shop, opened
from tests.api.steps import refusing
from tests.api.users import grant, user
from tests.repository import TOKEN, Served, served

OF_THE_BLOCK = Credentials(token=TOKEN)
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


def found(
    shop: Shop,
    repository: Served,
    said: list[str] | None = None,
    credentials: Credentials | None = OF_THE_BLOCK,
    cluster: Cluster | None = None,
) -> list[str]:
    world = shop.world(cluster=cluster)
    world.git_credentials = lambda: credentials
    return list(git_problems(world, (said if said is not None else []).append))


def test_a_repository_that_says_what_the_cluster_does_is_no_problem(team: Shop, repository: Served) -> None:
    said: list[str] = []
    assert found(team, repository, said) == []
    assert said == [f"branch main of {repository.url} is at {repository.tip[:12]}"]


def test_counts_in_git_are_named_with_the_lines_that_end_it(team: Shop, repository: Served) -> None:
    counted = BASE.replace("\nspec:\n", "\nspec:\n  replicas: 2\n")
    pushed(team, repository, base=counted)
    first, second = found(team, repository)
    assert first.startswith(
        f"Deployments of {team.name}-blue: Git says of web `replicas: 2`, mailer `replicas: 2`, which"
    )
    assert second.startswith(f"Deployments of {team.name}-green: ")
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


def test_what_is_not_declared_and_gets_each_release_is_said(team: Shop, repository: Served) -> None:
    said: list[str] = []
    pushed(team, repository, base=BASE + MIGRATION)
    assert found(team, repository, said) == []
    (blue, green) = said[1:]
    assert blue.startswith(
        f"Job {team.name}-blue/migrate: not declared, and the commit of each release sets its image, too (shop/web:1)"
    )
    assert "kustomize.toolkit.fluxcd.io/force: enabled" in blue
    assert f"Job {team.name}-green/migrate" in green


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


def test_who_is_not_let_in_here_has_not_looked_and_says_what_at(
    team: Shop, repository: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_ASKPASS", "true")
    (problem,) = found(team, repository, credentials=None)
    assert problem.startswith(f"branch main of {repository.url}: not looked at: git fetch: ")
    assert "overlays/blue, overlays/green, routing.yaml" in problem
    assert f"(git ls-remote {repository.url} refs/heads/main)" in problem
    assert "says nothing of the worker's" in problem


def test_credentials_that_are_not_let_in_are_a_problem_and_not_shown(team: Shop, repository: Served) -> None:
    (problem,) = found(team, repository, credentials=Credentials(token="stolen"))
    assert problem.startswith(f"branch main of {repository.url}: not looked at: git fetch: ")
    assert "stolen" not in problem
    assert "the release's own credentials" in problem


def test_a_server_that_is_away_was_not_looked_at(team: Shop, repository: Served) -> None:
    with repository.away(REFUSED):
        (problem,) = found(team, repository)
    assert "not looked at: git fetch: " in problem
    assert "503" in problem


@pytest.fixture
def applied(shop: Shop, flux_cluster: Cluster) -> Flux:
    """Flux applies blue and the route, Argo CD green."""
    shop.cluster, flux = flux_cluster, Flux(flux_cluster, shop.own)
    flux.kustomization("apps", ".")
    group = "kustomize.toolkit.fluxcd.io"
    labels = {f"{group}/name": "apps", f"{group}/namespace": shop.own}
    paths = [f"{shop.deployments(BLUE)}/{name}" for name in ("web", "mailer")]
    for path in (*paths, shop.route_path()):
        found = shop.cluster.get(path)
        body = {key: found[key] for key in ("apiVersion", "kind")} | {"metadata": {"name": found["metadata"]["name"]}}
        body["metadata"]["labels"] = labels
        query = {"fieldManager": "kustomize-controller"}
        shop.cluster._connection.json("PATCH", path, body=body, query=query, content_type=APPLY_PATCH)
    tracking = f"shop:apps/Deployment:{shop.namespace(GREEN)}/web"
    annotated = {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": tracking}}}
    shop.cluster.merge(f"{shop.deployments(GREEN)}/web", annotated)
    return flux


def asked(shop: Shop, said: list[str] | None = None) -> list[str]:
    return list(applied_problems(shop.world(), (said if said is not None else []).append))


def test_what_nobody_applies_is_no_problem(standing: Shop) -> None:
    assert asked(standing) == []


def test_what_others_apply_and_the_file_does_not_have_in_git_is_named_with_the_section(
    shop: Shop, applied: Flux
) -> None:
    flux = f"{{namespace: {shop.own}, name: apps}}"
    workloads, route = asked(shop)
    assert workloads == (
        f"Deployment {shop.name}-blue/mailer, Deployment {shop.name}-blue/web, Deployment {shop.name}-green/web: "
        f"applied by Flux (Kustomization {shop.own}/apps), Argo CD (Application shop), and the file has no "
        "spec.git.overlays: what flipgate writes there is written back. Write `git: {repository: URL, branch: main, "
        f"overlays: {{blue: FOLDER, green: FOLDER}}, flux: {{blue: {flux}}}}}` under spec, and tell Argo CD once which "
        "fields to leave (docs/gitops.md)"
    )
    assert route == (
        f"IngressRoute {shop.name}/live: applied by Flux (Kustomization {shop.own}/apps), and the file has no "
        "spec.git.routes: what flipgate writes there is written back. Write `git: {repository: URL, branch: main, "
        f"routes: [FILE], flux: {{routes: {flux}}}}}` under spec (docs/gitops.md)"
    )


def test_labels_of_a_kustomization_that_is_gone_are_said_with_the_lines_that_take_them_off(
    shop: Shop, applied: Flux
) -> None:
    shop.cluster.delete(applied.kustomization("apps", "."))
    said: list[str] = []
    (argo,) = asked(shop, said)
    assert "applied by Argo CD (Application shop), and" in argo
    keys = " ".join(f"kustomize.toolkit.fluxcd.io/{key}-" for key in ("name", "namespace"))
    assert said == [
        f"Deployment {shop.name}-blue/mailer, Deployment {shop.name}-blue/web, IngressRoute {shop.name}/live: labelled "
        f"by Flux (Kustomization {shop.own}/apps), which is gone: nobody writes it back. Take its labels off: kubectl "
        f"-n {shop.name}-blue label deployment/mailer deployment/web {keys} && kubectl -n {shop.name} label "
        f"ingressroute/live {keys}"
    ]


def test_a_flux_that_may_not_be_read_is_taken_to_apply(shop: Shop, applied: Flux, tmp_path: Path) -> None:
    said: list[str] = []
    world = shop.world(cluster=user(shop, tmp_path))
    grant(shop, [*missing_rights(world, shop.own)])
    problems = list(applied_problems(world, said.append))
    assert ["(Kustomization" in each for each in problems] == [True, True]
    (line,) = said
    assert line.startswith(f"whether Flux (Kustomization {shop.own}/apps) is there could not be read (")
    assert "Where it is gone: take its labels off: kubectl -n " in line


def test_a_release_that_flux_would_take_back_is_not_opened(shop: Shop, applied: Flux) -> None:
    """Seconds after the last check it had emptied the dark side, and nobody said so."""
    world = shop.adopted()
    with refusing(Why.WRITTEN_BACK, match=r"web: applied by Flux .* no spec\.git\.overlays.*no spec\.git\.routes"):
        opened(world)
    assert world.store.read().release is None
    said: list[str] = []
    world.say = said.append
    applied.kustomization("apps", ".", suspend=True)
    opened(world)
    assert any("applied by Flux" in each for each in said)


@pytest.mark.parametrize(
    ("keys", "lacking"),
    [
        ("overlays: {blue: b, green: g}", "Write `routes: [FILE], flux: {routes: "),
        ("routes: [r.yaml]", "Write `flux: {routes: "),
        ("routes: [r.yaml], request: {command: [open]}", "Write `flux: {routes: "),
        ("overlays: {blue: b, green: g}, routes: [r.yaml], flux: {routes: {name: apps}}", ""),
    ],
)
def test_a_section_that_covers_a_part_is_completed(shop: Shop, applied: Flux, keys: str, lacking: str) -> None:
    text = f"{shop.text}  git: {{repository: 'https://git.example/a.git', {keys}}}\n"
    shop.application = load_application(text, "shop.yaml")
    problems = asked(shop)
    assert all(each.endswith("under spec.git (docs/gitops.md)") or "Argo CD" in each for each in problems)
    routes = [each for each in problems if each.startswith("IngressRoute")]
    assert [lacking in each for each in routes] == ([True] if lacking else [])
    assert any(each.startswith("Deployment") for each in problems) is ("overlays" not in keys)
    beside = "under spec.git (images are pushed to the branch itself, beside the request for routes)"
    assert any(beside in each for each in problems) is ("request" in keys)


class Fluxed:
    """The team, whose overlays Flux applies from the repository."""

    def __init__(self, team: Shop, repository: Served, cluster: Cluster) -> None:
        self.team, self.repository, self.flux = team, repository, Flux(cluster, team.own)
        self.git_repository()
        for side in ("blue", "green"):
            self.flux.kustomization(side, f"./overlays/{side}")
        named = ", ".join(f"{side}: {{namespace: {team.own}, name: {side}}}" for side in ("blue", "green"))
        text = team.text + GIT.replace("URL", repository.url) + f"    flux: {{{named}}}\n"
        team.application = load_application(text, "shop.yaml")

    def git_repository(self, **spec: object) -> None:
        self.flux.add("GitRepository", "team", {"url": self.repository.url, "ref": {"branch": "main"}} | spec)

    def problems(self, said: list[str] | None = None) -> list[str]:
        return found(self.team, self.repository, said, cluster=self.flux.cluster)


@pytest.fixture
def fluxed(team: Shop, repository: Served, flux_cluster: Cluster) -> Fluxed:
    return Fluxed(team, repository, flux_cluster)


def test_a_flux_that_applies_what_is_committed_is_no_problem(fluxed: Fluxed) -> None:
    assert fluxed.problems() == []


def test_a_flux_that_stands_still_or_looks_elsewhere_is_named(fluxed: Fluxed) -> None:
    own = fluxed.team.own
    fluxed.flux.kustomization("blue", "./overlays/blue", suspend=True)
    fluxed.git_repository(ref={"branch": "production"}, suspend=True)
    at = f"production of {fluxed.repository.url} (GitRepository {own}/team), and spec.git names branch main"
    still = f"is suspended (flux -n {own} resume"
    blue, blue_branch, green, green_branch = fluxed.problems()
    assert blue == f"Kustomization {own}/blue {still} kustomization blue)"
    assert green == f"GitRepository {own}/team, which feeds Kustomization {own}/green, {still} source git team)"
    assert f"Kustomization {own}/blue takes its files from branch {at}" in blue_branch
    assert f"Kustomization {own}/green takes its files from branch {at}" in green_branch


def test_another_address_is_the_same_repository_where_that_has_its_commit(fluxed: Fluxed) -> None:
    own = fluxed.team.own
    spec = {"url": "http://git.flux-system.svc/config.git", "ref": {"branch": "main"}}
    artifact = {"artifact": {"revision": f"main@sha1:{fluxed.repository.tip}"}}
    fluxed.flux.add("GitRepository", "team", spec, artifact)
    assert fluxed.problems() == []
    fluxed.flux.add("GitRepository", "team", spec, {"artifact": {"revision": f"main@sha1:{'0' * 40}"}})
    first, _ = fluxed.problems()
    assert f"(GitRepository {own}/team), and spec.git names {fluxed.repository.url}, which does not have" in first


def test_a_folder_that_renders_to_the_side_will_do_and_another_will_not(fluxed: Fluxed) -> None:
    flux, own, repository = fluxed.flux, fluxed.team.own, fluxed.repository
    repository.pushes({"clusters/prod/kustomization.yaml": "resources: [../../overlays/blue]\n"})
    flux.kustomization("blue", "./clusters/prod")
    flux.kustomization("green", "overlays/")  # without a kustomization of its own: Flux takes all that lies below
    assert fluxed.problems() == []
    flux.kustomization("green", "./clusters/prod")
    flux.kustomization("blue", "./clusters")
    blue, green = fluxed.problems()
    assert blue == (
        f"Kustomization {own}/blue applies clusters, and the overlay of blue is overlays/blue: what is committed there "
        "is not applied"
    )
    assert f"green is overlays/green: it does not render to Deployment {own}-green/web, " in green


def test_what_a_folder_beside_the_overlays_names_is_fetched_for_it(fluxed: Fluxed) -> None:
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {team: shop}}\n"
    prod = "resources: [../../overlays/blue]\npatches: [{path: team.yaml}]\n"
    fluxed.repository.pushes({"clusters/prod/kustomization.yaml": prod, "clusters/prod/team.yaml": patch})
    fluxed.flux.kustomization("blue", "./clusters/prod")
    assert fluxed.problems() == []


def test_a_source_that_may_not_be_asked_is_said_once(fluxed: Fluxed, tmp_path: Path) -> None:
    own, said = fluxed.team.own, list[str]()
    robot = user(fluxed.team, tmp_path)
    grant(fluxed.team, [f"no permission to get kustomizations.{KUSTOMIZE} in namespace {own} (kubectl auth)"])
    world = fluxed.team.world(cluster=robot)
    assert list(flux_problems(world, None, said.append)) == []
    asked, read = (f"kubectl auth can-i {verb} gitrepositories.{SOURCE} -n {own}" for verb in ("patch", "get"))
    assert said == [
        f"GitRepository {own}/team is not asked to look at once, for want of the right to patch it: Flux comes within "
        f"its interval ({asked})",
        f"GitRepository {own}/team was not looked at, for want of the right to get it ({read})",
    ]


def test_an_artifact_whose_commit_nobody_knows_is_named_where_it_keeps_routes(fluxed: Fluxed) -> None:
    own, status = fluxed.team.own, {"lastAppliedRevision": "latest@sha256:ab"}
    text = fluxed.team.text + GIT.replace("URL", fluxed.repository.url)
    fluxed.team.application = load_application(
        f"{text}    flux: {{routes: {{namespace: {own}, name: routing}}}}\n", "shop.yaml"
    )
    fluxed.flux.add("OCIRepository", "team", {"url": "oci://registry.example/config"})
    fluxed.flux.kustomization("routing", ".", kind="OCIRepository", status=status)
    (problem,) = fluxed.problems()
    assert problem.startswith(
        f"Kustomization {own}/routing has applied latest@sha256:ab of OCIRepository {own}/team, which names no commit: "
    )
    assert problem.endswith("Until then a route stays excluded from Flux after each move (docs/gitops.md, Artifacts)")
    status["lastAppliedOriginRevision"] = f"main@sha1:{fluxed.repository.tip}"
    fluxed.flux.kustomization("routing", ".", kind="OCIRepository", status=status)
    assert fluxed.problems() == []
