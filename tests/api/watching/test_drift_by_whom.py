"""Who moved a route, as the API server itself keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flipgate.steps.acting.world import World
from flipgate.steps.watching.conditions import note_conditions
from lab.control.records import Lab
from tests.api.desk import Desk
from tests.api.shop import GREEN, Shop
from tests.api.telling import heard
from tests.api.users import typed


def test_who_patched_the_route_is_told_with_the_drift_once(shop: Shop, world: World, lab: Lab, tmp_path: Path) -> None:
    said = heard(world)
    patch = f'[{{"op":"replace","path":"/spec/routes/0/services/0/namespace","value":"{shop.namespace(GREEN)}"}}]'
    by_hand = f"kubectl -n {shop.own} patch ingressroute live --type=json -p='{patch}' --field-manager=ben"
    assert typed(lab, by_hand, tmp_path).returncode == 0
    note_conditions(world)
    assert (
        typed(lab, f"kubectl -n {shop.own} label ingressroute live a=b --field-manager=ben", tmp_path).returncode == 0
    )
    note_conditions(world)

    (drifted,) = [text for text in said if "drift" in text]
    assert "; written by ben (Update) at 20" in drifted
    assert f"UTC (IngressRoute {shop.own}/live)" in drifted
    assert "written by ben" in Desk(shop).data("status", shop.name)["drift"]


@pytest.mark.parametrize("manager", ["kustomize-controller"])
def test_flux_that_applies_a_route_is_named(shop: Shop, world: World, manager: str) -> None:
    said, route = heard(world), shop.route()
    route["spec"]["routes"][0]["services"][0]["namespace"] = shop.namespace(GREEN)
    meta = {"name": "live", "namespace": shop.own}
    obj = {"apiVersion": route["apiVersion"], "kind": route["kind"], "metadata": meta, "spec": route["spec"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flipgate.adapters.cluster.FIELD_MANAGER", manager)
        shop.cluster.apply(shop.route_path(), obj)
    note_conditions(world)
    assert f"; written by {manager} (Apply) at 20" in "".join(said)
