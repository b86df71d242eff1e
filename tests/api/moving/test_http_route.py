"""An HTTPRoute as the live route: moved behind the same fences, with the same ways back, where it is granted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.events import find_uid
from flipgate.core.record.events import InvolvedObject
from flipgate.core.record.release import Phase
from flipgate.core.traffic.traffic import UNRECORDED
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.looking.targets import need_targets
from flipgate.steps.moving.move import move
from tests.api.front import checked
from tests.api.shop import BLUE, GREEN, Shop, under_lease
from tests.api.steps import Install, unreadable
from tests.api.targets import put_endpoints, put_service, there_and_back
from tests.api.wire import Through, serving

GATEWAY = "gateway.networking.k8s.io"


@pytest.fixture
def http(install: Install) -> Shop:
    """A shop whose one route is an HTTPRoute; no side has a ReferenceGrant."""
    return install(http=["live"])


def let(shop: Shop, side: Side, *, to: str = "Service", group: str = "") -> None:
    """A ReferenceGrant of a side: HTTPRoutes of the routes' namespace may name its Services."""
    giver = {"group": GATEWAY, "kind": "HTTPRoute", "namespace": shop.own}
    body = {"spec": {"from": [giver], "to": [{"group": group, "kind": to}]}, "metadata": {"name": "routes"}}
    path = f"/apis/{GATEWAY}/v1beta1/namespaces/{shop.namespace(side)}/referencegrants/routes"
    shop.cluster.apply(path, {"apiVersion": f"{GATEWAY}/v1beta1", "kind": "ReferenceGrant"} | body)


def notes(shop: Shop) -> dict[str, Any]:
    return dict(shop.route()["metadata"].get("annotations") or {})


def test_check_asks_for_its_rights_and_they_are_enough_for_a_move_and_its_way_back(http: Shop, tmp_path: Path) -> None:
    let(http, BLUE)
    let(http, GREEN)
    missing = there_and_back(http, tmp_path)
    assert not [sentence for sentence in missing if "traefik.io" in sentence]
    assert {sentence.partition(" (")[0] for sentence in missing if GATEWAY in sentence} == {
        f"no permission to get httproutes.{GATEWAY} {http.routes[0]} in namespace {http.own}",
        f"no permission to patch httproutes.{GATEWAY} {http.routes[0]} in namespace {http.own}",
        *(f"no permission to list referencegrants.{GATEWAY} in namespace {http.namespace(side)}" for side in Side),
    }


def test_check_names_each_side_that_grants_nothing(http: Shop, tmp_path: Path) -> None:
    def sentence(side: Side) -> str:
        there = http.namespace(side)
        return (
            f"Service {there}/web may not be named by HTTPRoute {http.own}/live: namespace {there} has no "
            f"ReferenceGrant to it from HTTPRoutes of namespace {http.own} "
            f"(kubectl -n {there} get referencegrants -o yaml)"
        )

    assert checked(http, tmp_path) == [sentence(BLUE), sentence(GREEN)]
    let(http, BLUE)
    let(http, GREEN, to="TraefikService", group="traefik.io")
    assert checked(http, tmp_path) == [sentence(GREEN)]
    let(http, GREEN)
    assert checked(http, tmp_path) == []


def test_nobody_is_moved_to_what_the_route_may_not_name(http: Shop) -> None:
    world = http.adopted()
    put_service(http, {"name": "http", "port": 80})
    put_endpoints(http, True)
    with pytest.raises(Refused, match="no ReferenceGrant") as refused:
        need_targets(world, look_at_traffic(world), GREEN)
    assert (refused.value.reason, refused.value.obj) == ("ReferenceGrantMissing", f"Service {http.name}-green/web")
    assert refused.value.untouched == "all routes"
    let(http, GREEN)
    need_targets(world, look_at_traffic(world), GREEN)


def test_a_cluster_without_the_gateway_api_is_said(http: Shop, tmp_path: Path) -> None:
    def half(method: str, path: str) -> tuple[int, bytes] | None:
        return (200, b'{"groups": []}') if path == "/apis" else None

    with serving(Through(http.kubeconfig, before=half), tmp_path) as cluster, pytest.raises(Refused) as refused:
        look_at_traffic(http.world("ana", cluster))
    assert (refused.value.reason, refused.value.fact) == ("NoRouteApi", f"this cluster serves no {GATEWAY} API")


def test_a_write_that_matters_since_it_was_read_refuses_the_move_and_any_other_does_not(
    http: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = http.adopted()
    deeds: list[Callable[[], None]] = [http.annotate]

    def check(self: Acting) -> None:
        if self.world.application is not world.application:  # somebody whom another test has left behind
            return
        for deed in deeds:
            deed()
        deeds.clear()

    monkeypatch.setattr(Acting, "check_lease", check)
    under_lease(world, move, GREEN)
    assert (http.where(), "someone" in notes(http)) == (("green",), True)
    involved = InvolvedObject("HTTPRoute", http.own, "live")
    events_on = find_uid(http.cluster, involved, world.route_api("HTTPRoute"))
    assert events_on == http.route()["metadata"]["uid"]
    deeds.append(lambda: http.patch(http.route_path(), ("add", "/spec/hostnames", ["x.example"])))
    with pytest.raises(Refused) as refused:
        under_lease(world, move, BLUE)
    assert refused.value.reason == "RouteChanged"
    assert "get httproutes live --show-managed-fields" in refused.value.next_command
    assert http.where() == ("green",)


def test_a_rollback_takes_users_back_and_unrecorded_it_says_so_on_the_route(http: Shop, install: Install) -> None:
    live = http.gone_live("pipeline")
    with unreadable(http):
        assert roll_back(http.world("ana"), "users complain", by="ana").recorded is False
    assert (http.where(), UNRECORDED in notes(http)) == (("blue",), True)
    with http.playing_ready():
        assert recover(live).changed
    assert (live.store.read().phase, UNRECORDED in notes(http)) == (Phase.ROLLED_BACK, False)

    again = install(http=["live"])
    world = again.gone_live("pipeline")
    with again.playing_ready():
        done = roll_back(world, "users complain", by="ana")
    assert (done.recorded, again.where(), world.store.read().phase) == (True, ("blue",), Phase.ROLLED_BACK)
