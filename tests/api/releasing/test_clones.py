"""A release comes up on a copy of the live database, on a real PostgreSQL that somebody writes to all along; and works
on the live one before users come to it: no write of theirs is lost, or nobody moves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from flipgate.core.record.phases import Phase
from flipgate.core.values.base import but
from flipgate.core.values.verdicts import Evidence
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.releasing.bring_up import bring_up, wait_ready
from flipgate.steps.releasing.clones import (
    leave_clones,
    make_clones,
    need_live_databases,
    need_users_on_live,
    put_clones_right,
)
from flipgate.steps.releasing.foresee import foresee
from flipgate.steps.releasing.migrate import expand
from flipgate.steps.releasing.note_dark import note_dark
from flipgate.steps.releasing.settle import failing
from lab.machine.paths import CHECKOUT
from tests import dying
from tests.api.copying import CONFIG_MAP, declare_clone, install, pointed, rows, writing
from tests.api.migrating import Orders
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, opened, under_lease
from tests.api.steps import refusing
from tests.repeating import repeating

pytestmark = pytest.mark.xdist_group("postgres")
AT_REST = dict.fromkeys(COUNTS, 0)


@pytest.fixture
def cloned(shop: Shop, orders: Orders) -> World:
    """The shop, whose releases come up on a copy of its orders, as actor `pipeline`."""
    declare_clone(shop, orders)
    return shop.adopted("pipeline")


def copies(world: World) -> list[str]:
    """The copies that are noted, by their own names."""
    return [each.name for each in world.store.read().clones]


def databases(orders: Orders) -> list[str]:
    """The databases of this name that the server has, and what one that is being made is called."""
    like = f"SELECT datname FROM pg_database WHERE datname LIKE '%{orders.name}%' ORDER BY 1"
    return orders.postgres.psql("postgres", like).split()


def version(orders: Orders, database: str) -> str:
    return orders.postgres.psql(database, "SELECT version FROM schema_migrations")


def come_up(shop: Shop, world: World, tag: str = "2") -> str:
    """A release of this tag, dark on its copy; returns the copy's name."""
    release = opened(world, tag)
    with world.acting() as acting, failing(acting, release), shop.playing_ready():
        make_clones(acting, release)
        expand(acting, release)
        bring_up(acting, release)
        wait_ready(acting, release, timeout_seconds=10.0)
        note_dark(acting, release, [])
    (name,) = copies(world)
    return name


def left(shop: Shop, world: World) -> list[Evidence]:
    """What is done once somebody has said yes."""
    release = world.store.read().release
    assert release
    with shop.playing_ready():
        return under_lease(world, leave_clones, release)


def mark(shop: Shop, service: str = "web") -> str | None:
    meta = shop.deployment(GREEN, service)["spec"]["template"]["metadata"]
    found: str | None = (meta.get("annotations") or {}).get("flipgate.dev/databases")
    return found


def test_it_comes_up_on_a_copy_and_what_is_done_there_is_not_done_to_the_live_one(
    shop: Shop, cloned: World, orders: Orders
) -> None:
    with writing(orders, orders.name) as live:
        name = come_up(shop, cloned)
    assert name.startswith(f"{orders.name}_")
    assert databases(orders) == [orders.name, name]
    assert (version(orders, name), version(orders, orders.name)) == ("13", "12")
    assert (pointed(shop, GREEN), pointed(shop, BLUE)) == (name, orders.name)
    assert (mark(shop), mark(shop, "mailer")) == (f"orders={name}", None), "the pods of the one that reads it"
    assert set(rows(orders, name)) < set(live.done) == set(rows(orders, orders.name))
    assert cloned.store.read().migrations == (), "nothing that live code would have to live with"
    (said,) = [each for each in cloned.store.read().release.judgements if each.step == "expand"]  # type: ignore[union-attr]
    assert [each.gate for each in said.proofs][1] == f"orders ({name}): expand"


def test_once_approved_it_works_on_the_live_one_and_no_write_is_lost(shop: Shop, cloned: World, orders: Orders) -> None:
    name = come_up(shop, cloned)
    with writing(orders, orders.name, 1) as users, writing(orders, name, 1_000_000) as tests:
        found = left(shop, cloned)
    assert [each.gate for each in found] == [
        f"orders ({orders.name}): version before",
        f"orders ({orders.name}): expand",
        f"orders ({orders.name}): version after expand",
        f"orders ({name}): drop",
    ]
    assert (databases(orders), copies(cloned)) == ([orders.name], [])
    assert rows(orders, orders.name) == users.done, "all that users wrote, and nothing of what was tried"
    assert (users.refused, tests.refused > 0) == (0, True)
    assert (version(orders, orders.name), pointed(shop, GREEN)) == ("13", orders.name)
    assert mark(shop) == f"orders={orders.name}"
    assert [(each.before, each.after) for each in cloned.store.read().migrations] == [("12", "13")]
    under_lease(cloned, lambda _: need_live_databases(cloned, cloned.store.read(), look_at_side(cloned, GREEN)))
    assert left(shop, cloned) == [], "once"


def test_no_flip_begins_while_a_pod_would_write_into_the_copy(shop: Shop, cloned: World, orders: Orders) -> None:
    name = come_up(shop, cloned)
    with refusing("CloneFailed", f"says {name}, and not {orders.name}; pods of .*web were started for orders={name}"):
        need_live_databases(cloned, cloned.store.read(), look_at_side(cloned, GREEN))
    left(shop, cloned)
    path = f"{shop.deployments(GREEN)}/web/status"
    shop.patch(path, ("replace", "/status/updatedReplicas", 1))
    with refusing("CloneFailed", "web still has pods that were started before that"):
        need_live_databases(cloned, cloned.store.read(), look_at_side(cloned, GREEN))


def test_who_cannot_be_dropped_keeps_users_where_they_are(shop: Shop, cloned: World, orders: Orders) -> None:
    name = come_up(shop, cloned)
    orders.put("drop", "echo no permission; exit 1")
    with refusing("CloneFailed", r"drop: fail: exit code 1.*no permission") as refused:
        left(shop, cloned)
    assert refused.value.next_command == f"flipgate flip {shop.name} (asks again)"
    assert (copies(cloned), shop.where(), cloned.store.read().phase) == ([name], ("blue",), Phase.DARK)


def test_a_migration_that_fails_on_the_copy_never_reaches_the_live_one(
    shop: Shop, cloned: World, orders: Orders
) -> None:
    orders.put("expand", "echo deadlock detected; exit 1")
    with refusing("MigrationFailed", r"orders \(.*_1\): expand: .*still at 12: .*deadlock detected"):
        come_up(shop, cloned)
    assert (version(orders, orders.name), shop.counts(GREEN)) == ("12", AT_REST)
    assert orders.ran == ["copy", "expand"]


def test_one_that_cannot_be_made_ends_the_release_before_any_pod(shop: Shop, cloned: World, orders: Orders) -> None:
    orders.put("copy", "echo could not extend file: No space left on device; exit 1")
    with refusing("CloneFailed", "create: fail: exit code 1.*No space left") as refused:
        come_up(shop, cloned)
    assert refused.value.next_command.startswith(f"flipgate deploy {shop.name} --image mailer=shop/mailer:1")
    record = cloned.store.read()
    assert record.last
    assert (record.last.phase, record.last.changes[-1].reason) == (Phase.FAILED, "CloneFailed")
    assert (shop.counts(GREEN), pointed(shop, GREEN)) == (AT_REST, orders.name)


def test_the_next_release_drops_what_a_failed_one_has_left(shop: Shop, cloned: World, orders: Orders) -> None:
    orders.put("expand", "exit 1")
    with refusing("MigrationFailed"):
        come_up(shop, cloned)
    (first,) = copies(cloned)
    assert pointed(shop, GREEN) == first, "for a look"
    put_clones_right(cloned)
    assert copies(cloned) == [first]
    install(orders)
    second = come_up(shop, cloned, "3")
    assert (databases(orders), second != first) == ([orders.name, second], True)


def test_an_abort_has_the_side_look_at_the_live_one_and_reconcile_drops_the_copy(
    shop: Shop, cloned: World, orders: Orders
) -> None:
    come_up(shop, cloned)
    roll_back(cloned, "another build", by="ana")
    assert (shop.counts(GREEN), pointed(shop, GREEN)) == (AT_REST, orders.name)
    assert len(copies(cloned)) == 1
    put_clones_right(cloned)
    assert (databases(orders), copies(cloned)) == ([orders.name], [])


@pytest.mark.parametrize("edge", ["begun", "done"])
def test_killed_while_it_is_made_it_is_made_once(shop: Shop, cloned: World, orders: Orders, edge: str) -> None:
    opened(cloned)
    _die(shop, "make-clones", "MakeClone", edge)
    recover(cloned)
    name = come_up(shop, cloned)
    assert databases(orders) == [orders.name, name]


@pytest.mark.parametrize(
    ("step", "edge"),
    [("LeaveClones", "begun"), ("LeaveClones", "done"), ("DropClone", "begun"), ("DropClone", "done")],
)
def test_killed_while_it_is_left_who_goes_on_does_what_is_missing(
    shop: Shop, cloned: World, orders: Orders, step: str, edge: str
) -> None:
    come_up(shop, cloned)
    with repeating(shop.play_all_ready), writing(orders, orders.name) as users:
        _die(shop, "leave-clones", step, edge)
        recover(cloned)
        left(shop, cloned)
    assert (databases(orders), copies(cloned), pointed(shop, GREEN)) == ([orders.name], [], orders.name)
    assert rows(orders, orders.name) == users.done
    need_live_databases(cloned, cloned.store.read(), look_at_side(cloned, GREEN))


def without_clone(world: World) -> None:
    """Somebody applies a file that has no copies any more."""
    spec = world.application.spec
    databases = tuple(but(each, clone=None) for each in spec.databases)
    world.application = but(world.application, spec=but(spec, databases=databases))


def test_a_file_without_the_copies_moves_nobody_onto_one(shop: Shop, cloned: World) -> None:
    name = come_up(shop, cloned)
    without_clone(cloned)
    assert left(shop, cloned) == [], "the file says nothing of it"
    with refusing("CloneFailed", f"its copy is there still: orders: {name} for release"):
        need_live_databases(cloned, cloned.store.read(), look_at_side(cloned, GREEN))


def test_a_file_without_the_copies_brings_nothing_up_on_the_one_that_a_release_has_left(
    shop: Shop, cloned: World, orders: Orders
) -> None:
    orders.put("expand", "exit 1")
    with refusing("MigrationFailed"):
        come_up(shop, cloned)
    (name,), with_it = copies(cloned), cloned.application
    install(orders)
    without_clone(cloned)
    put_clones_right(cloned)
    assert copies(cloned) == [name], "the side's ConfigMap says it still"
    with refusing("CloneFailed", "the file has no `clone` of it any more"):
        come_up(shop, cloned, "3")
    assert (shop.counts(GREEN), pointed(shop, GREEN)) == (AT_REST, name)
    cloned.application = with_it
    assert come_up(shop, cloned, "4") != name


def test_no_copy_is_made_of_what_users_are_not_on(shop: Shop, cloned: World, orders: Orders) -> None:
    """Another name in the file: the release would be moved to a database that has none of what they write."""
    path = f"/api/v1/namespaces/{shop.namespace(BLUE)}/configmaps/{CONFIG_MAP}"
    shop.patch(path, ("replace", "/data/database", "orders_of_old"))
    with refusing("CloneFailed", f"has the users, .*says orders_of_old, and not {orders.name}"):
        come_up(shop, cloned)
    assert (databases(orders), shop.counts(GREEN)) == ([orders.name], AT_REST)
    side = look_at_side(cloned, BLUE)
    with refusing("CloneFailed", "has the users"):
        need_users_on_live(cloned, cloned.store.read(), side)


def test_who_only_asks_what_a_deploy_would_do_is_told(cloned: World, orders: Orders) -> None:
    copied = "database orders is copied first (copy), and the copy expanded (expand)"
    assert foresee(cloned, {"web": "shop/web:2"}).notes == (f"{copied}; the live one once the flip is approved",)
    assert orders.ran == []


def _die(shop: Shop, what: str, step: str, edge: str) -> None:
    """The pipeline does that in a process of its own, which is killed at this edge."""
    words = [sys.executable, "-m", "tests.api.pipeline", str(shop.kubeconfig), shop.own, shop.name, what]
    environment: dict[str, Any] = {**os.environ, **dying.at(step, edge)}
    ended = subprocess.run(words, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
