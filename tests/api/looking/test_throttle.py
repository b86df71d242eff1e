"""`check` says where Traefik holds changed routes back for longer than the file says: a proof would end too early."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flipgate.steps.looking.header import throttle_problems
from flipgate.steps.releasing.setup import check_application
from tests.api.front import fronted
from tests.api.shop import Shop
from tests.api.town import FORBIDDEN, Town, pod, world_of
from tests.api.wire import Answer, Handler, serving

OWN = "--providers.providersThrottleDuration"


def started(name: str, *arguments: str) -> dict[str, Any]:
    return {**pod(name), "spec": {"containers": [{"name": "traefik", "args": [*arguments]}]}}


@pytest.mark.parametrize(
    ("pods", "said"),
    [
        ([started("a", f"{OWN}=2s"), started("b", f"{OWN}=50ms"), started("c"), pod("d")], ""),
        ([started("a", f"{OWN}=10s"), started("b", f"{OWN}=5"), started("c")], "Traefik (a, b)"),
    ],
    ids=["as declared", "longer"],
)
def test_a_replica_that_holds_changes_back_for_longer_than_declared_is_named(
    tmp_path: Path, pods: list[dict[str, Any]], said: str
) -> None:
    with serving(Town(pods=pods), tmp_path) as cluster:
        found = list(throttle_problems(world_of(cluster)))
    assert bool(found) is bool(said)
    for problem in found:
        assert problem.startswith(f"{said} was started to hold a changed route back for 10 s, and the file says 2: ")
        assert problem.endswith("Declare traefik.throttleSeconds: 10")


def test_a_file_that_is_declared_so_is_taken(tmp_path: Path) -> None:
    with serving(Town(pods=[started("a", f"{OWN}=1m")]), tmp_path) as cluster:
        (found,) = throttle_problems(world_of(cluster))
    assert found.endswith("Declare traefik.throttleSeconds: 60 and proofTimeoutSeconds: 90")


def test_pods_that_cannot_be_listed_are_a_problem_of_their_own(tmp_path: Path) -> None:
    with serving(lambda _: (403, FORBIDDEN), tmp_path) as cluster:
        assert list(throttle_problems(world_of(cluster))) == []


def test_check_says_it(shop: Shop, tmp_path: Path) -> None:
    usual = fronted(shop)

    def script(request: Handler) -> Answer | None:
        if request.path.startswith(f"/api/v1/namespaces/{shop.own}/pods?"):
            return 200, json.dumps({"items": [started("traefik-1", f"{OWN}=10s")]}).encode()
        return usual(request)

    with serving(script, tmp_path) as cluster:
        found = check_application(cluster, shop.application, shop.own)
    assert [problem for problem in found if "traefik.throttleSeconds: 10" in problem]
