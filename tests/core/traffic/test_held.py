"""Flux is told, in a move's own patch, to leave the route; and to keep it again by a patch of its own."""

from __future__ import annotations

from typing import Any

from flipgate.core.traffic.moves import plan_lift, plan_move
from flipgate.core.traffic.reading import read_route
from flipgate.core.traffic.traffic import DISABLED, EXCLUDED, HELD, WAY_BACK, RouteName, RouteState, Traffic
from flipgate.core.values.place import Place
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP

PLACES = {side: Place(side, f"shop-{side}") for side in Side}
NAME = RouteName("IngressRoute", "edge", "live")
AT = "2026-03-01T12:00:00Z"
FLUX = f"/metadata/annotations/{EXCLUDED.replace('/', '~1')}"
MARK = f"/metadata/annotations/{HELD.replace('/', '~1')}"


def route(**annotations: str) -> RouteState:
    meta: dict[str, Any] = {"name": "live", "resourceVersion": "7", "uid": "u"}
    if annotations:
        meta["annotations"] = annotations
    spec = {"routes": [{"match": "Host(`x`)", "services": [{"name": "web", "namespace": "shop-blue", "port": 80}]}]}
    return read_route(NAME, {"apiVersion": "traefik.io/v1alpha1", "metadata": meta, "spec": spec}, PLACES)


def annotating(state: RouteState, hold: str = AT) -> dict[str, str]:
    (patch,) = plan_move(Traffic((state,)), PLACES, Side.GREEN, stamp="2.x", hold=hold)
    written = [op for op in patch.annotating if op["op"] == "add"]
    return {op["path"]: op["value"] for op in written}


def test_the_move_s_own_patch_holds_the_route_and_so_does_its_way_back_by_hand() -> None:
    found = annotating(route(**{STAMP: "1.a"}))
    assert (found[FLUX], found[MARK]) == (DISABLED, AT)
    line = found[f"/metadata/annotations/{WAY_BACK.replace('/', '~1')}"]
    assert f'"op":"add","path":"{FLUX}","value":"disabled"' in line
    bare = annotating(route())["/metadata/annotations"]
    assert (bare[EXCLUDED], bare[HELD]) == (DISABLED, AT)  # type: ignore[index]


def test_where_flux_keeps_no_routes_nothing_is_held() -> None:
    assert FLUX not in annotating(route(**{STAMP: "1.a"}), hold="")


def test_a_route_that_somebody_else_keeps_from_flux_stays_theirs() -> None:
    theirs = route(**{STAMP: "1.a", EXCLUDED: DISABLED})
    assert FLUX not in annotating(theirs)
    ours = route(**{STAMP: "1.a", EXCLUDED: DISABLED, HELD: "before"})
    assert annotating(ours)[MARK] == AT


def test_a_line_that_is_shown_holds_the_route_too() -> None:
    (patch,) = plan_move(Traffic((route(**{STAMP: "1.a"}),)), PLACES, Side.GREEN, hold=AT)
    assert FLUX in [op["path"] for op in patch.operations]


def test_letting_go_tests_all_that_a_move_changes_and_leaves_no_stamp() -> None:
    patch = plan_lift(route(**{STAMP: "2.x", EXCLUDED: DISABLED, HELD: AT}))
    tested = {op["path"]: op["value"] for op in patch.operations if op["op"] == "test"}
    assert tested == {
        "/metadata/uid": "u",
        f"/metadata/annotations/{STAMP.replace('/', '~1')}": "2.x",
        "/spec/routes/0/services/0/namespace": "shop-blue",
        MARK: AT,
    }
    assert [op["path"] for op in patch.operations if op["op"] == "remove"] == [FLUX, MARK]
    assert not patch.annotating
