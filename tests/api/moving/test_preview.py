"""A preview on the real API server, before a Traefik that answers by script: made, asked for, and taken away again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.record import EntryState
from flipgate.core.traffic.preview import PREVIEW_ROUTE
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.looking.look import look_at_traffic
from flipgate.steps.moving.preview import clear_preview, need_preview
from flipgate.steps.releasing.setup import check_application
from tests.api.front import PREVIEW, previewed, traefik
from tests.api.shop import GREEN, ROUTES, Shop, last_entry, under_lease
from tests.api.steps import Install, refusing
from tests.api.users import grant, user
from tests.api.wire import serving


@pytest.fixture
def each(install: Install) -> Shop:
    """A route of each kind."""
    return install(routes=("live", "split", "http"), weighted=["split"], http=["http"])


def http_routes(shop: Shop) -> str:
    return f"/apis/gateway.networking.k8s.io/v1/namespaces/{shop.own}/httproutes"


def made(shop: Shop) -> list[tuple[str, str]]:
    """What there is of previews: kind, and the namespace that it names."""
    apis = (f"{ROUTES}/{shop.own}/traefikservices", f"{ROUTES}/{shop.own}/ingressroutes", http_routes(shop))
    there = [each for api in apis for each in shop.cluster.items(api)]
    ours = [each for each in there if each["metadata"]["name"].startswith("flipgate-preview")]
    return sorted((each["kind"], "green" if shop.namespace(GREEN) in str(each["spec"]) else "") for each in ours)


def test_a_preview_is_there_while_it_is_asked_for_and_no_longer(each: Shop, tmp_path: Path) -> None:
    each.adopted()
    before = [each.route(name) for name in each.routes]
    seen: list[Any] = []
    http: list[Any] = []

    def says(host: str) -> str:
        seen.append((host, made(each)))
        http.append(each.cluster.get(f"{http_routes(each)}/flipgate-preview-{each.name}-2")["spec"])
        return "green"

    with serving(traefik(each, says), tmp_path) as cluster:
        world = previewed(each.world("ana", cluster))
        under_lease(world, need_preview, look_at_traffic(world), GREEN, ["traefik-a"])
    four = [("HTTPRoute", "green"), ("IngressRoute", ""), ("IngressRoute", "green"), ("TraefikService", "green")]
    assert seen == [(PREVIEW, four)], "the rule beside a TraefikService names that, which names the side"
    assert http[0]["hostnames"] == [PREVIEW]
    assert [backend["namespace"] for backend in http[0]["rules"][0]["backendRefs"]] == [each.namespace(GREEN)]
    assert made(each) == []
    assert [each.route(name) for name in each.routes] == before
    entry = last_entry(world)
    assert (entry.step, entry.state) == (PREVIEW_ROUTE, EntryState.DONE)
    assert entry.outcome == "preview.example leads to green through 1 Traefik replica"


def test_a_traefik_that_does_not_lead_there_is_named_and_nothing_is_left(each: Shop, tmp_path: Path) -> None:
    each.adopted()
    with serving(traefik(each, lambda _: ""), tmp_path) as cluster:
        world = previewed(each.world("ana", cluster))
        with pytest.raises(Refused, match=r"traefik-a \(HTTP 200 from an unnamed side\)") as refused:
            under_lease(world, need_preview, look_at_traffic(world), GREEN, ["traefik-a"])
    assert (refused.value.reason, refused.value.untouched) == ("PreviewNotSeen", "all routes")
    assert "allowcrossnamespace" in refused.value.fact
    assert made(each) == []
    assert last_entry(world).state is EntryState.UNDONE


def test_without_a_host_nothing_is_made_nor_noted(shop: Shop, world: World) -> None:
    with world.acting() as acting:
        need_preview(acting, look_at_traffic(world), GREEN, ["traefik-a"])
        assert (world.store.read(), made(shop)) == (acting.record, [])


def test_a_preview_that_a_crash_left_is_taken_away(shop: Shop, world: World) -> None:
    previewed(world)
    world.store.update(lambda record: records.begin(record, PREVIEW_ROUTE, "gone", world.now(), {})[0])
    shop.add_route("flipgate-preview-" + shop.name + "-0", GREEN)
    recover(world)
    assert made(shop) == []
    assert last_entry(world).state is EntryState.UNDONE
    under_lease(world, clear_preview)


def test_the_rights_that_check_asks_for_are_enough(shop: Shop, tmp_path: Path) -> None:
    robot = user(shop, tmp_path)
    plain = set(check_application(robot, shop.application, shop.own))
    world = previewed(shop.adopted())
    more = set(check_application(robot, world.application, shop.own)) - plain
    kind, ours = "ingressroutes.traefik.io", f"flipgate-preview-{shop.name}-0"
    assert {sentence.split(" in ")[0] for sentence in more} == {
        f"no permission to patch {kind} live, {ours}",
        f"no permission to create {kind}",
        f"no permission to delete {kind} {ours}",
    }
    world = previewed(shop.world("robot", robot))
    said: list[str] = []
    world.say = said.append
    grant(shop, plain)
    with refusing("PreviewNotMade", "could not be made"):
        under_lease(world, need_preview, look_at_traffic(world), GREEN, ["traefik-a"])
    assert last_entry(world).state is EntryState.UNDONE
    assert [line.partition(":")[0] for line in said] == [
        f"the preview's IngressRoute {shop.own}/flipgate-preview-{shop.name}-0 may be left"
    ]

    grant(shop, plain | more)
    with pytest.raises(Refused, match="does not lead"):  # the API server knows of no such pod
        under_lease(world, need_preview, look_at_traffic(world), GREEN, ["traefik-a"])
    assert made(shop) == []
