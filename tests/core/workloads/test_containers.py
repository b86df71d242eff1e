"""All containers of a build get the release's image, and the repository tells which of them is the service's."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.spec.service import Service
from flipgate.core.values.errors import Refused
from flipgate.core.workloads.containers import changes, left_out, of_another_repository, released, untold
from flipgate.core.workloads.render import images_of, render
from flipgate.core.workloads.view import Workload, read_workload, repository_of
from tests.core.builders import BLUE, GREEN, applied, cron_job, deployment, shop, side

OF = "acme/web"
DIGEST = f"sha256:{'a' * 64}"


def with_pods(*containers: tuple[str, str], init: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    """A Deployment whose pods have these containers: name and image."""
    web = deployment()
    spec = web["spec"]["template"]["spec"]
    spec["containers"] = [{"name": name, "image": image} for name, image in containers]
    spec["initContainers"] = [{"name": name, "image": image} for name, image in init]
    return web


def read(web: dict[str, Any], image: str | None = OF) -> Workload:
    return read_workload("web", "shop-green", web, repository=image)


def service(image: str | None = OF, container: str | None = None) -> Service:
    return Service(name="web", role="serving", replicas=2, image=image, container=container)


WHOLE = with_pods(
    ("proxy", "acme/proxy:3"), ("web", "acme/web:1"), ("jobs", "acme/web:0"), init=(("migrate", "acme/web:1"),)
)


def test_all_containers_of_the_declared_repository_get_the_image_and_no_other() -> None:
    operations = changes(read(WHOLE), service(), "acme/web:2", 2)
    spec = applied(WHOLE, operations)["spec"]["template"]["spec"]
    assert [each["image"] for each in spec["containers"]] == ["acme/proxy:3", "acme/web:2", "acme/web:2"]
    assert [each["image"] for each in spec["initContainers"]] == ["acme/web:2"]
    assert changes(read(applied(WHOLE, operations)), service(), "acme/web:2", 2) == []


def test_a_release_is_rendered_with_all_of_them() -> None:
    application = shop("{name: nightly, role: cron, image: acme/nightly}")
    nightly = cron_job(suspended=True)
    pods = nightly["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pods["initContainers"] = [{"name": "wait", "image": "acme/nightly:0"}]
    images = {"web": "acme/web:2", "mailer": "acme/mailer:2", "nightly": "acme/nightly:2"}
    found = render(application, side(GREEN, nightly), images, {})["services"]["nightly"]["spec"]
    assert (found["containers"][0]["image"], found["initContainers"][0]["image"]) == ("acme/nightly:2",) * 2


def test_the_services_container_is_the_first_of_the_declared_repository() -> None:
    found = read(WHOLE)
    assert (found.container_of(None), found.image_of(None)) == ("web", "acme/web:1")
    assert found.container_of("proxy") == "proxy", "what is declared by name counts"
    assert read(WHOLE, None).container_of(None) == "proxy"


def test_a_new_repository_of_the_only_container_is_no_question() -> None:
    moved = read(with_pods(("web", "old.example/web:1")))
    assert untold(moved, service(), "acme/web:2") == ""
    assert [each.name for each in released(moved, service())] == ["web"]


def test_without_a_declared_repository_those_of_the_very_same_image_are_of_one_build() -> None:
    pods = with_pods(("web", "acme/mono:web-1"), ("jobs", "acme/mono:jobs-7"), init=(("migrate", "acme/mono:web-1"),))
    found, undeclared = read(pods, None), service(None)
    assert [each.name for each in released(found, undeclared)] == ["web", "migrate"]
    assert [each.name for each in left_out(found, undeclared)] == ["jobs"]
    declared = service("acme/mono")
    assert left_out(read(pods, "acme/mono"), declared) == ()


@pytest.mark.parametrize(
    ("image", "container", "told"),
    [
        (OF, None, ""),
        (None, "web", ""),
        (
            None,
            None,
            "has several containers, proxy (acme/proxy:3), web (acme/web:1), jobs (acme/web:0), and",
        ),
        ("acme/api", None, "has no container of acme/api, the declared repository, among proxy"),
    ],
)
def test_what_is_not_told_is_asked_for(image: str | None, container: str | None, told: str) -> None:
    said = untold(read(WHOLE, image), service(image, container))
    assert said.startswith(told)
    assert bool(said) is bool(told)
    assert not told or "declare `container:` for web" in said


def test_a_sidecar_that_stands_first_never_gets_the_services_image() -> None:
    """Undeclared, the first is taken, but not where the image itself says that it is another's."""
    web = with_pods(("proxy", "acme/proxy:3"), ("app", "acme/mailer:1"))
    web["metadata"]["name"] = "mailer"
    images = {"web": "acme/web:2", "mailer": "acme/mailer:2"}
    with pytest.raises(Refused, match=r"the first is not of acme/mailer: declare `container:` for mailer") as refused:
        render(shop(), side(GREEN, web), images, {})
    assert refused.value.reason == "ContainerMissing"
    assert images_of(shop(), side(BLUE, web))["mailer"] == "acme/proxy:3"


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("acme/web:1", "acme/web"),
        ("localhost:5000/web", "localhost:5000/web"),
        (f"localhost:5000/acme/web:1@{DIGEST}", "localhost:5000/acme/web"),
        (f"web@{DIGEST}", "web"),
        ("", ""),
    ],
)
def test_a_repository_is_read_of_any_reference(image: str, repository: str) -> None:
    assert repository_of(image) == repository


@pytest.mark.parametrize(
    ("runs", "declared", "said"),
    [("acme/web:1", "ghcr.io/acme/web", True), ("acme/web:1", "acme/web", False), ("acme/web:1", None, False)],
)
def test_what_runs_of_another_repository_than_declared_is_said(runs: str, declared: str | None, said: bool) -> None:
    found = of_another_repository(read(with_pods(("web", runs))), service(declared))
    assert found == (
        "runs acme/web:1, which is not of ghcr.io/acme/web, the repository that the file declares: a build of another "
        "is refused"
        if said
        else ""
    )
