"""Flux is asked to look now: each of its objects by itself, as far as this user may."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flipgate.adapters.cluster import Cluster
from flipgate.adapters.flux import ask
from flipgate.core.git.flux import REQUESTED
from flipgate.core.spec.git import KustomizationName
from tests.api.flux import KUSTOMIZE, SOURCE, Flux
from tests.api.shop import Shop
from tests.api.users import grant, user

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ([f"get kustomizations.{KUSTOMIZE}", f"patch kustomizations.{KUSTOMIZE}"], ["Kustomization"]),
        ([f"get kustomizations.{KUSTOMIZE}", f"patch gitrepositories.{SOURCE}"], ["GitRepository"]),
        ([f"patch kustomizations.{KUSTOMIZE}", f"patch gitrepositories.{SOURCE}"], ["Kustomization"]),
    ],
)
def test_what_may_be_asked_is_asked_whatever_else_may_not(
    shop_on_paper: Shop, flux_cluster: Cluster, tmp_path: Path, given: list[str], asked: list[str]
) -> None:
    shop = shop_on_paper
    flux = Flux(flux_cluster, shop.own)
    paths = {
        "GitRepository": flux.add("GitRepository", "team", {"url": "https://git.example/team.git"}),
        "Kustomization": flux.kustomization("apps", "./apps"),
    }
    robot = user(shop, tmp_path)
    grant(shop, [f"no permission to {right} in namespace {shop.own} (kubectl auth)" for right in given])
    ask(robot, KustomizationName(namespace=shop.own, name="apps"), NOW)
    found = [kind for kind, path in paths.items() if REQUESTED in (_meta(flux_cluster, path).get("annotations") or {})]
    assert sorted(found) == sorted(asked)


def _meta(cluster: Cluster, path: str) -> dict[str, dict[str, str]]:
    meta: dict[str, dict[str, str]] = cluster.get(path)["metadata"]
    return meta
