"""A dark preview on the real API server: there while a release is dark, and at no other time, whatever arrives late."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters.routes import delete_route, make_route, write_own
from flipgate.core.record import record as records
from flipgate.core.record.intents import DarkPreview
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import EntryState
from flipgate.core.spec.application import load_application
from flipgate.core.traffic.dark_preview import DARK_PREVIEW, leading, leading_nowhere
from flipgate.core.values import stamps
from flipgate.core.values.errors import Conflict, NotFound
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.looking.dark_preview import dark_preview_evidence, look_at_dark_preview
from flipgate.steps.moving.dark_preview import keep_dark_preview, put_dark_preview_right, take_dark_preview_away
from flipgate.steps.releasing.bring_up import bring_up, supersede
from flipgate.steps.releasing.flip import flip
from flipgate.steps.releasing.settle import rest_expired
from flipgate.steps.releasing.setup import check_application
from tests.api.front import fronted, saying
from tests.api.looking.test_companions import put_middleware
from tests.api.shop import BLUE, GREEN, Shop, last_entry, opened, under_lease
from tests.api.steps import Install, approved, later, status, users_complain
from tests.api.targets import put_endpoints, put_service
from tests.api.users import grant, user
from tests.api.wire import Answer, Handler, Through, serving
from tests.core.builders import declaring

HOST = "look.example"


def looked(shop: Shop, *middlewares: str) -> Shop:
    """The shop by a file that declares a dark preview."""
    names = ", ".join(f"{{namespace: {shop.own}, name: {name}}}" for name in middlewares)
    text = shop.text.replace("header:", f"darkPreview: {{host: {HOST}, middlewares: [{names}]}}, header:")
    shop.text, shop.application = text, load_application(text, "shop.yaml")
    shop.world().store.write_application(text)
    return shop


def gone_dark(shop: Shop) -> World:
    """A release dark on green, with its preview."""
    world = shop.gone_live("pipeline", until=Phase.DARK)
    under_lease(world, keep_dark_preview)
    return world


def there(world: World) -> list[tuple[str, str]]:
    """What there is of previews: kind, and the side that it names."""
    found = look_at_dark_preview(world, None).found
    places = {world.application.place_of(side).namespace: str(side) for side in (BLUE, GREEN)}

    def named(obj: dict[str, Any]) -> str:
        return next((side for namespace, side in places.items() if namespace in str(obj["spec"])), "")

    return sorted((name.kind, named(obj)) for name, obj in found.items() if obj)


ONE = [("IngressRoute", "green")]


@pytest.fixture
def dark(shop: Shop) -> World:
    world = gone_dark(looked(shop))
    assert there(world) == ONE
    return world


def test_each_kind_of_route_leads_there_and_is_let_be_once_it_does(install: Install) -> None:
    shop = install(routes=("live", "split", "http"), weighted=["split"], http=["http"])
    put_middleware(shop, shop.own, "staff", ipAllowList={"sourceRange": ["10.0.0.0/8"]})
    before = [shop.route(name) for name in shop.routes]
    world = gone_dark(looked(shop, "staff"))
    assert there(world) == [
        ("HTTPRoute", "green"),
        ("IngressRoute", ""),
        ("IngressRoute", "green"),
        ("TraefikService", "green"),
    ]
    assert not look_at_dark_preview(world, GREEN).lacking, "the API server keeps what was written as it was"
    doors = [obj for name, obj in look_at_dark_preview(world, None).found.items() if name.kind != "TraefikService"]
    assert all("staff" in str(obj) for obj in doors)
    assert [shop.route(name) for name in shop.routes] == before
    entry = last_entry(world)
    assert (entry.step, entry.state, entry.outcome) == (DARK_PREVIEW, EntryState.DONE, f"{HOST} leads to green")
    under_lease(world, keep_dark_preview)
    assert last_entry(world) == entry
    under_lease(world, take_dark_preview_away)
    assert there(world) == []
    assert last_entry(world).outcome == f"{HOST} leads to nobody"


def rejected(world: World) -> None:
    now = world.now()
    world.store.update(lambda r: records.advance(r, Phase.REJECTED, Reason.REJECTED, now, actor="ana", message=""))


def aborted(shop: Shop, _: World) -> None:
    users_complain(shop, waiting=shop.play_all_ready)


def superseded(_: Shop, world: World) -> None:
    release = world.store.read().release
    assert release
    supersede(world, release, "newer")
    under_lease(world, bring_up, opened(world, "3"))


def put_to_rest(_: Shop, world: World) -> None:
    rejected(world)
    under_lease(later(world, 1_000_000), rest_expired)


def reconciled(_: Shop, world: World) -> None:
    rejected(world)
    put_dark_preview_right(world)


@pytest.mark.parametrize("happens", [aborted, superseded, put_to_rest, reconciled])
def test_it_is_gone_once_the_release_is_no_longer_dark(
    shop: Shop, dark: World, happens: Callable[[Shop, World], None]
) -> None:
    happens(shop, dark)
    assert there(dark) == []


def test_a_fault_at_it_keeps_no_side_of_an_aborted_release_from_its_rest(
    shop: Shop, dark: World, tmp_path: Path
) -> None:
    asked: list[str] = []

    def faulty(method: str, path: str) -> Answer | None:
        asked.append(f"{method} {path.partition('?')[0]}")
        noting = method == "PUT" and "/configmaps/record-" in path
        return (500, b"{}") if noting and any("flipgate-dark-preview-" in each for each in asked) else None

    with serving(Through(shop.kubeconfig, before=faulty), tmp_path) as cluster:
        users_complain(shop, waiting=shop.play_all_ready, cluster=cluster)
    assert set(shop.counts(GREEN).values()) == {0}
    put_dark_preview_right(dark)
    assert there(dark) == []


def test_it_is_gone_before_users_move_and_back_where_they_did_not(shop: Shop, dark: World, tmp_path: Path) -> None:
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    approved(dark)
    seen: list[Any] = []

    def users(request: Handler) -> Answer | None:
        seen.append((there(dark), shop.where()))
        return saying(f"X-Served-Side: {shop.where()[0]}")(request)

    with serving(fronted(shop, users), tmp_path) as cluster:
        world = shop.world("pipeline", cluster)
        _, proven = under_lease(world, flip)
    assert proven.ok
    assert (ONE, ("blue",)) in seen
    assert all(previews == [] for previews, where in seen if where == ("green",))
    assert there(dark) == []

    world.store.update(
        lambda r: records.advance(r, Phase.DARK, Reason.MOVE_UNDONE, world.now(), actor="pipeline", message="")
    )
    put_dark_preview_right(world)
    assert there(dark) == ONE


def test_whatever_arrives_late_leads_nobody_anywhere(shop: Shop, dark: World) -> None:
    seen = look_at_dark_preview(dark, GREEN)
    ((name, wanted),) = seen.wanted.items()
    found = seen.found[name]
    assert found
    held = leading(found, wanted, 9, "9.held")
    under_lease(dark, take_dark_preview_away)
    with pytest.raises(NotFound):
        write_own(shop.cluster, name, wanted["apiVersion"], held)
    make_route(shop.cluster, leading_nowhere(wanted, "9.late"))
    assert there(dark) == [("IngressRoute", "")]
    with pytest.raises(Conflict):
        write_own(shop.cluster, name, wanted["apiVersion"], held)
    with pytest.raises(Conflict):
        delete_route(shop.cluster, name, wanted["apiVersion"], uid=found["metadata"]["uid"])
    rejected(dark)
    put_dark_preview_right(dark)
    assert there(dark) == []


def test_what_somebody_else_has_by_that_name_is_left_as_it_is(shop: Shop) -> None:
    name = f"flipgate-dark-preview-{shop.name}-0"
    shop.add_route(name, BLUE)
    theirs = shop.route(name)
    world = looked(shop).gone_live("pipeline", until=Phase.DARK)
    said: list[str] = []
    world.say = said.append
    under_lease(world, keep_dark_preview)
    under_lease(world, take_dark_preview_away)
    assert shop.route(name) == theirs
    assert "is there, and is not flipgate's" in said[0]
    assert last_entry(world).state is EntryState.UNDONE


@pytest.mark.parametrize(("verb", "fact"), [("DELETE", "could not be taken away"), ("GET", "said 403")])
def test_a_route_that_may_not_be_deleted_or_read_keeps_no_other(
    install: Install, tmp_path: Path, verb: str, fact: str
) -> None:
    shop = install(routes=("live", "split"))
    world = gone_dark(looked(shop))
    said: list[str] = []

    def kept(method: str, path: str) -> Answer | None:
        return (403, b"{}") if method == verb and path.partition("?")[0].endswith("-1") else None

    with serving(Through(shop.kubeconfig, before=kept), tmp_path) as cluster:
        actor = shop.world("pipeline", cluster)
        actor.say = said.append
        under_lease(actor, take_dark_preview_away)
    assert there(world) == ONE
    assert fact in said[0]
    assert last_entry(world).state is (EntryState.UNDONE if verb == "DELETE" else EntryState.DONE)


def test_one_that_a_crash_left_half_made_is_led_there_later(shop: Shop) -> None:
    world = looked(shop).gone_live("pipeline", until=Phase.DARK)
    ((_, wanted),) = look_at_dark_preview(world, GREEN).wanted.items()
    make_route(shop.cluster, leading_nowhere(wanted, "1.gone"))
    intent = DarkPreview(GREEN, HOST)
    world.store.update(lambda r: records.begin(r, intent.step, "gone", world.now(), intent.written())[0])
    recover(world)
    put_dark_preview_right(world)
    assert there(world) == ONE


def test_one_that_left_the_file_is_taken_away(shop: Shop, dark: World) -> None:
    bare = shop.world("reconcile")
    bare.application = declaring(bare.application, traffic={"dark_preview": None})
    put_dark_preview_right(bare, by_schedule=True)
    assert there(dark) == []


def test_without_one_in_the_file_nobody_asks_for_anything(shop: Shop, tmp_path: Path) -> None:
    shop.gone_live("pipeline", until=Phase.DARK)
    through = Through(shop.kubeconfig)
    with serving(through, tmp_path) as cluster:
        world = shop.world("pipeline", cluster)
        release = world.store.read().release
        assert release
        with world.acting() as acting:
            through.passed.clear()
            keep_dark_preview(acting)
            take_dark_preview_away(acting)
            put_dark_preview_right(world)
            assert dark_preview_evidence(world, release) == []
            assert [each for each in through.passed if "/leases/" not in each] == []


def test_a_stamp_of_a_lost_record_leaves_no_entry_open(shop: Shop, dark: World) -> None:
    ((name, _),) = look_at_dark_preview(dark, None).found.items()
    path = shop.route_path(name.name)
    shop.patch(path, ("replace", stamps.LABEL_POINTER, "9999.lost"))
    shop.patch(path, ("replace", "/spec", {"routes": []}))
    said: list[str] = []
    dark.say = said.append
    put_dark_preview_right(dark)
    assert "stamped in epoch 9999" in said[0]
    assert last_entry(dark).state is EntryState.UNDONE


def test_the_rights_that_check_asks_for_are_enough_and_without_them_it_is_said(shop: Shop, tmp_path: Path) -> None:
    robot = user(shop, tmp_path)
    plain = set(check_application(robot, shop.application, shop.own))
    looked(shop)
    more = set(check_application(robot, shop.application, shop.own)) - plain
    kind, ours = "ingressroutes.traefik.io", f"flipgate-dark-preview-{shop.name}-0"
    assert {sentence.split(" in ")[0] for sentence in more} == {
        f"no permission to get {kind} live, {ours}",
        f"no permission to patch {kind} live, {ours}",
        f"no permission to create {kind}",
        f"no permission to delete {kind} {ours}",
    }
    shop.gone_live("pipeline", until=Phase.DARK)
    world = shop.world("robot", robot)
    said: list[str] = []
    world.say = said.append
    grant(shop, plain | {each for each in more if each.startswith("no permission to get ")})
    under_lease(world, keep_dark_preview)
    assert "could not be made" in said[0]
    assert last_entry(world).state is EntryState.UNDONE
    grant(shop, plain | more)
    under_lease(world, keep_dark_preview)
    assert there(world) == ONE
    under_lease(world, take_dark_preview_away)
    assert there(world) == []


def test_a_route_that_left_the_file_leaves_no_preview_behind(install: Install) -> None:
    shop = install(routes=("live", "split"))
    world = gone_dark(looked(shop))
    assert len(there(world)) == 2
    less = shop.world("reconcile")
    less.application = declaring(less.application)
    spec = less.application.spec
    less.application = less.application.model_copy(update={"spec": spec.model_copy(update={"routes": spec.routes[:1]})})
    rejected(world)
    put_dark_preview_right(less, by_schedule=True)
    assert there(world) == []
    assert world.store.read().dark_preview == ()


def test_reconcile_tries_twice_and_then_once_an_hour_what_it_may_not_do(shop: Shop, tmp_path: Path) -> None:
    robot = user(shop, tmp_path)
    plain = set(check_application(robot, shop.application, shop.own))
    looked(shop)
    more = check_application(robot, shop.application, shop.own)
    shop.gone_live("pipeline", until=Phase.DARK)
    world = shop.world("robot", robot)
    grant(shop, plain | {each for each in more if each.startswith("no permission to get ")})
    for _ in range(3):
        put_dark_preview_right(world, by_schedule=True)
    assert [entry.step for entry in world.store.read().journal].count(DARK_PREVIEW) == 2
    assert "reconcile tries again within the hour: " in status(shop, shop.name)
    put_dark_preview_right(later(world, 3601), by_schedule=True)
    put_dark_preview_right(world)
    assert [entry.step for entry in world.store.read().journal].count(DARK_PREVIEW) == 4
