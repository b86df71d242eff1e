"""Each side has a database of its own, on a real PostgreSQL that users write to all along: what they were told is
written goes with them, there and back, or nobody moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.core.gates.database import Database, word_for
from flipgate.core.gates.job_check import job_labels
from flipgate.core.record import record as records
from flipgate.core.record.intents import MOVE_ROUTES
from flipgate.core.record.phases import Phase
from flipgate.core.record.stopped_databases import stopping
from flipgate.core.traffic.moves import RoutePatch
from flipgate.core.traffic.traffic import RouteState
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, Refused, TemporaryError
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.moving import move as moving
from flipgate.steps.moving.carry_over import carry_over, let_go, put_databases_right
from flipgate.steps.releasing import flip as flipping
from flipgate.steps.releasing.flip import flip
from flipgate.steps.releasing.migrate import expand
from tests.api.copying import declare_per_side, install_carrying, rows, users_writing
from tests.api.front import fronted
from tests.api.going_back.test_recover import leave_open
from tests.api.jobs import ends, path
from tests.api.migrating import Orders
from tests.api.releasing.test_stopped import events
from tests.api.shop import BLUE, GREEN, Shop, advanced, meanwhile, opened, under_lease
from tests.api.steps import approved, refusing, status, unreadable, users_complain
from tests.api.targets import put_endpoints, put_service
from tests.api.wire import serving

pytestmark = pytest.mark.xdist_group("postgres")
Names = dict[Side, str]
JOB: dict[str, Any] = {"template": {"spec": {"containers": [{"name": "a", "image": "acme/orders:1"}]}}}
BY_JOBS = Database.model_validate(
    {
        "name": "orders",
        "version": {"job": JOB},
        "expand": {"job": JOB},
        "perSide": {
            "blue": "orders_blue",
            "green": "orders_green",
            **{each: {"job": JOB} for each in ("stop", "carry", "lag", "allow")},
        },
    }
)


@pytest.fixture
def names(shop: Shop, orders: Orders) -> Names:
    return declare_per_side(shop, orders)


@pytest.fixture
def dark(shop: Shop, names: Names) -> World:
    """A release up on green, approved, and users on blue; as actor `pipeline`."""
    world = shop.gone_live("pipeline", until=Phase.DARK)
    word = word_for(world.application.spec.databases)
    world.store.update(lambda r: records.update_release(r, lambda release: but(release, databases=word)))
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    approved(world)
    return shop.world("pipeline")


def flipped(shop: Shop, folder: Path) -> None:
    with serving(fronted(shop), folder) as cluster:
        under_lease(shop.world("pipeline", cluster), flip)


def takes_writes(orders: Orders, database: str) -> bool:
    said = orders.postgres.psql(database, "SHOW default_transaction_read_only")
    return said == "off"


def stopped(world: World) -> list[str]:
    return [each.name for each in world.store.read().stopped]


def test_what_users_wrote_goes_with_them_there_and_back(
    shop: Shop, dark: World, orders: Orders, names: Names, tmp_path: Path
) -> None:
    with users_writing(shop, orders, names) as users:
        flipped(shop, tmp_path)
        there = set(users.done)
        assert (shop.where(), stopped(dark)) == (("green",), [names[BLUE]])
        assert there <= set(rows(orders, names[GREEN]))
        assert not takes_writes(orders, names[BLUE]), "what is late writes into neither"
        done = users_complain(shop, waiting=shop.play_all_ready)
    assert (done.to, done.left, shop.where(), stopped(dark)) == (BLUE, (), ("blue",), [names[GREEN]])
    assert set(users.done) == set(rows(orders, names[BLUE]))
    assert len(users.done) > len(there) > 0
    judged = {each.step: each for each in dark.store.read().releases[0].judgements}["carried over"]
    assert [each.gate for each in judged.proofs] == [
        f"orders ({names[GREEN]}): stop",
        f"orders ({names[BLUE]}): carry",
        f"orders ({names[BLUE]}): lag",
        f"orders ({names[BLUE]}): allow",
    ]


@pytest.mark.parametrize(
    ("program", "does", "why"),
    [
        ("stop", "echo must be owner; exit 1", "stop: fail: exit code 1.*must be owner"),
        ("carry", "echo no space left on device; exit 1", "carry: fail: exit code 1.*no space left"),
        ("lag", "echo 3", r"lag: fail: 3 \(wanted 0\)"),
        ("lag", "echo all well", "lag: unknown: how much lags is not known: the last line says all well"),
        ("lag", "exit 1", "lag: unknown: how much lags is not known: exit code 1"),
    ],
)
def test_what_does_not_pass_moves_nobody_and_users_write_where_they_are(
    shop: Shop, dark: World, orders: Orders, names: Names, tmp_path: Path, program: str, does: str, why: str
) -> None:
    orders.put(program, does)
    with users_writing(shop, orders, names) as users, refusing("WritesNotCarried", why) as refused:
        flipped(shop, tmp_path)
    assert refused.value.untouched == "all routes: users stay where they are"
    assert refused.value.next_command == f"flipgate flip {shop.name} (asks again)"
    assert (shop.where(), stopped(dark), takes_writes(orders, names[BLUE])) == (("blue",), [], True)
    assert set(users.done) == set(rows(orders, names[BLUE]))


def test_a_move_that_is_taken_back_lets_users_write_again(
    shop: Shop, dark: World, orders: Orders, names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def move(*_: object, **__: object) -> None:
        assert not takes_writes(orders, names[BLUE])
        raise Refused("was changed", obj="IngressRoute edge/live", reason=Why.ROUTE_CHANGED)

    monkeypatch.setattr(flipping, "move", move)
    with refusing("RouteChanged"):
        flipped(shop, tmp_path)
    assert (shop.where(), stopped(dark), takes_writes(orders, names[BLUE])) == (("blue",), [], True)


def test_a_fault_before_anything_was_sent_lets_users_write_while_it_is_begun_anew(
    shop: Shop, dark: World, orders: Orders, names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def move(*_: object, **__: object) -> None:
        raise TemporaryError("timed out")

    monkeypatch.setattr(flipping, "move", move)
    with pytest.raises(TemporaryError, match="timed out"):
        flipped(shop, tmp_path)
    assert (shop.where(), stopped(dark), takes_writes(orders, names[BLUE])) == (("blue",), [], True)


def test_who_dies_between_leaves_it_to_reconcile(shop: Shop, dark: World, orders: Orders, names: Names) -> None:
    under_lease(dark, carry_over, GREEN)
    assert not takes_writes(orders, names[BLUE])
    assert f"{names[BLUE]}, blue's, takes no writes since" in status(shop, shop.name)
    put_databases_right(dark)
    assert (stopped(dark), takes_writes(orders, names[BLUE])) == ([], True)


def test_a_move_that_came_half_way_goes_back_with_what_users_wrote_there(two_routes: Shop, orders: Orders) -> None:
    shop, names = two_routes, declare_per_side(two_routes, orders)
    world = shop.adopted("pipeline")
    advanced(world, opened(world), Phase.FLIPPING)
    under_lease(world, carry_over, GREEN)
    leave_open(world, MOVE_ROUTES)
    shop.point("live", shop.namespace(GREEN))
    orders.postgres.psql(names[GREEN], "INSERT INTO orders (id) VALUES (7)")
    assert "traffic on blue" in recover(world).fact
    assert (shop.where(), rows(orders, names[BLUE])) == (("blue", "blue"), [7])
    assert takes_writes(orders, names[BLUE])


def test_a_route_that_is_refused_after_others_were_moved_leaves_the_way_back_to_who_recovers(
    two_routes: Shop, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, names = two_routes, declare_per_side(two_routes, orders)
    world = shop.adopted("pipeline")
    advanced(world, opened(world), Phase.FLIPPING)
    sent: list[RoutePatch] = []
    send = moving._send

    def first_alone(acting: Acting, planned: RouteState, patch: RoutePatch, to: Side) -> RoutePatch:
        if sent:
            raise Conflict("was changed")
        sent.append(patch)
        return send(acting, planned, patch, to)

    monkeypatch.setattr(moving, "_send", first_alone)
    with pytest.raises(TemporaryError, match="1 before it were"):
        under_lease(world, moving.move, GREEN)
    orders.postgres.psql(names[GREEN], "INSERT INTO orders (id) VALUES (7)")
    recover(world)
    assert (shop.where(), rows(orders, names[BLUE])) == (("blue", "blue"), [7])


def test_jobs_that_carry_over_are_a_part_of_what_a_dead_run_has_left_open(shop: Shop) -> None:
    """A way back is refused for no open entry; nor is who lets users write again."""
    world = meanwhile(shop.gone_live("pipeline", until=Phase.DARK), ends(shop))
    world.application = but(world.application, spec=but(world.application.spec, databases=(BY_JOBS,)))
    world.store.update(lambda record: stopping(record, "orders", "orders_green", GREEN, world.now()))
    leave_open(world, MOVE_ROUTES)
    assert under_lease(world, let_go, GREEN) == ()
    assert stopped(world) == []


def test_who_lets_it_go_waits_for_a_stop_that_a_dead_run_has_left(shop: Shop) -> None:
    """Coming after it, that would keep users from writing, with nobody to know of it."""
    world = shop.gone_live("pipeline", until=Phase.DARK)
    world.application = but(world.application, spec=but(world.application.spec, databases=(BY_JOBS,)))
    world.store.update(lambda record: stopping(record, "orders", "orders_green", GREEN, world.now()))
    own = job_labels(shop.name, "3f2a9c01d4e8-1", "migration")
    pod = {"spec": {**JOB["template"]["spec"], "restartPolicy": "Never"}}
    spec = {"suspend": False, "template": pod, "activeDeadlineSeconds": 60}
    shop.cluster.create(path(shop), {"metadata": {"name": "orders-stop-1", "labels": own}, "spec": spec})
    seen: list[int] = []
    meanwhile(world, lambda: (seen.append(len(shop.cluster.items(path(shop)))), ends(shop)()))
    assert under_lease(world, let_go, GREEN) == ()
    assert seen == [1, 2], "one after the other"


def test_reconcile_lets_users_write_though_the_live_side_cannot_be_restored(
    dark: World, orders: Orders, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import reconcile as reconciling

    def short(_: World) -> None:
        raise Refused("asks for too few pods", reason=Why.LIVE_SIDE_NOT_RESTORED)

    under_lease(dark, carry_over, GREEN)
    monkeypatch.setattr(reconciling, "restore_live_side", short)
    monkeypatch.setattr(reconciling.task, "recover", lambda _: None)
    with refusing("LiveSideNotRestored"):
        reconciling.reconcile_world(dark, "default")
    assert (stopped(dark), takes_writes(orders, names[BLUE])) == ([], True)


def test_who_aborts_meanwhile_lets_users_write_at_once(shop: Shop, dark: World, orders: Orders, names: Names) -> None:
    under_lease(dark, carry_over, GREEN)
    done = users_complain(shop, waiting=shop.play_all_ready)
    assert (done.to, done.left, stopped(dark), takes_writes(orders, names[BLUE])) == (None, (), [], True)


def test_who_cannot_let_it_go_tells_people_once_and_tries_again(
    shop: Shop, dark: World, orders: Orders, names: Names
) -> None:
    under_lease(dark, carry_over, GREEN)
    orders.put("allow", "echo the server is starting up; exit 1")
    put_databases_right(dark)
    put_databases_right(dark)
    (told,) = events(shop, "WritesStopped")
    assert f"users are on blue, and {names[BLUE]}, its database, takes no writes: exit code 1" in told
    install_carrying(orders)
    put_databases_right(dark)
    assert (stopped(dark), takes_writes(orders, names[BLUE])) == ([], True)


def test_a_way_back_that_would_lose_writes_is_a_persons_to_take(
    shop: Shop, dark: World, orders: Orders, names: Names, tmp_path: Path
) -> None:
    flipped(shop, tmp_path)
    orders.put("carry", "echo connection refused; exit 1")
    with users_writing(shop, orders, names) as users, refusing("WritesNotCarried", "connection refused") as refused:
        users_complain(shop, waiting=shop.play_all_ready)
    leaves = f'flipgate rollback {shop.name} --to blue --reason "..." (leaves behind what was not carried over)'
    assert refused.value.next_command == leaves
    assert (shop.where(), takes_writes(orders, names[GREEN])) == (("green",), True)
    assert set(users.done) == set(rows(orders, names[GREEN]))
    done = users_complain(shop, waiting=shop.play_all_ready, to=BLUE)
    assert (done.to, shop.where(), takes_writes(orders, names[BLUE])) == (BLUE, ("blue",), True)
    assert any("not all that users wrote was carried over to blue" in each for each in done.left)


def test_without_the_record_nothing_can_be_carried_over_and_that_is_said(
    shop: Shop, dark: World, orders: Orders, names: Names, tmp_path: Path
) -> None:
    flipped(shop, tmp_path)
    with unreadable(shop):
        with refusing("WritesNotCarried", f"nothing that users wrote to {names[GREEN]} was carried over"):
            users_complain(shop)
        done = users_complain(shop, to=BLUE)
    assert (shop.where(), done.recorded) == (("blue",), False)
    assert any(f"{names[BLUE]} may take no writes until this was run: allow" in each for each in done.left)
    put_databases_right(dark)
    assert takes_writes(orders, names[BLUE])


def test_a_new_release_may_write_to_what_nobody_goes_back_to(shop: Shop, names: Names, orders: Orders) -> None:
    world = shop.adopted("pipeline")
    release = opened(world)
    under_lease(world, carry_over, BLUE)  # as a flip before this one has left green's
    assert not takes_writes(orders, names[GREEN])
    found = under_lease(world, expand, release)
    assert [(each.gate, each.verdict) for each in found][1] == (f"orders ({names[GREEN]}): expand", "pass")
    assert (stopped(world), takes_writes(orders, names[GREEN])) == ([], True)
    assert orders.postgres.psql(names[GREEN], "SELECT version FROM schema_migrations") == "13"
    assert (orders.version, world.store.read().migrations) == ("12", ()), "the live one is another"


def test_a_file_with_other_databases_than_the_release_came_up_on_moves_nobody(
    shop: Shop, dark: World, orders: Orders, names: Names, tmp_path: Path
) -> None:
    world, spec = shop.world("pipeline"), shop.application.spec
    for databases in ((), (but(spec.databases[0], per_side=None),)):
        world.application = but(shop.application, spec=but(spec, databases=databases))
        with refusing("CloneFailed", "came up on other databases than the file has by now") as refused:
            under_lease(world, flip)
        assert f"flipgate deploy {shop.name} --image" in refused.value.next_command
    assert (shop.where(), stopped(dark), takes_writes(orders, names[BLUE])) == (("blue",), [], True)
