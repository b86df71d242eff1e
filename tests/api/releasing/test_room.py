"""A quota or a LimitRange that has no room for a release: said by `check`, and refused before a pod is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record.phases import Phase, Reason
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World
from flipgate.steps.looking import room
from flipgate.steps.releasing.bring_up import bring_up, open_release, wait_ready
from flipgate.steps.releasing.settle import failing
from flipgate.steps.releasing.setup import check_application
from tests.api.front import checked, fronted
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, opened, under_lease
from tests.api.stateful import stateful_sets, with_stateful_sets
from tests.api.users import grant, user
from tests.api.wire import serving


@pytest.fixture(autouse=True)
def counted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "COUNTED_SECONDS", 0.0)


def path(shop: Shop, what: str) -> str:
    return f"/api/v1/namespaces/{shop.namespace(GREEN)}/{what}"


def put_quota(shop: Shop, hard: dict[str, str], used: dict[str, str], **spec: Any) -> None:
    """One of green, as its controller would have counted."""
    shop.cluster.create(path(shop, "resourcequotas"), {"metadata": {"name": "small"}, "spec": {"hard": hard, **spec}})
    shop.cluster.merge(path(shop, "resourcequotas/small/status"), {"status": {"hard": hard, "used": used}})


def put_range(shop: Shop, **limit: Any) -> None:
    """A LimitRange of green with one entry, for containers."""
    spec = {"limits": [{"type": "Container", **limit}]}
    shop.cluster.create(path(shop, "limitranges"), {"metadata": {"name": "narrow"}, "spec": spec})


def refusal(shop: Shop, world: World) -> Refused:
    """Why a release is not brought up, and that it has ended and nothing was written."""
    release = opened(world)
    with pytest.raises(Refused) as refused, world.acting() as acting, failing(acting, release):
        bring_up(acting, release)
    ended = world.store.read().last
    assert ended
    assert (ended.phase, ended.changes[-1].reason) == (Phase.FAILED, Reason.PODS_REFUSED)
    assert (refused.value.untouched, shop.counts(GREEN)) == ("both sides", dict.fromkeys(COUNTS, 0))
    return refused.value


def test_a_quota_without_room_for_what_is_live_ends_a_release_before_its_pods_are_asked_for(
    shop: Shop, world: World
) -> None:
    """Workers too, whose pods come up only after users were moved; and as many as are live now, not in the file."""
    shop.scaled(BLUE, "web", 4)
    put_quota(shop, {"pods": "4"}, {"pods": "0"})
    refused = refusal(shop, world)
    small = f"ResourceQuota {shop.name}-green/small: pods 0 of 4 used, 5 more wanted (pods missing: mailer 1, web 4)"
    assert refused.fact == f"{small}: raise it to 5 at least (kubectl -n {shop.name}-green edit resourcequota small)"
    assert refused.next_command == f"kubectl -n {shop.name}-green describe resourcequota small"


def test_so_does_a_limit_range_that_refuses_a_container(shop: Shop, world: World) -> None:
    limits = {"resources": {"limits": {"cpu": "2"}}}
    pods = {"spec": {"containers": [{"name": "web", "image": "shop/web:1", **limits}]}}
    shop.scaled(GREEN, "web", 0, template=pods)
    put_range(shop, max={"cpu": "1"})
    assert refusal(shop, world).fact.startswith(
        f"LimitRange {shop.name}-green/narrow allows each Container at most 1 of cpu, and container web of Deployment "
        f"{shop.name}-green/web has limit 2: change the one or the other"
    )


@pytest.mark.parametrize(
    ("hard", "spec"),
    [({"pods": "3"}, {}), ({"pods": "1"}, {"scopes": ["BestEffort"]}), ({"count/deployments.apps": "2"}, {})],
    ids=["enough", "of some pods alone", "no new Deployment"],
)
def test_one_that_may_do_stops_nothing(shop: Shop, world: World, hard: dict[str, str], spec: dict[str, Any]) -> None:
    put_quota(shop, hard, {name: "2" if "count" in name else "0" for name in hard}, **spec)
    release = opened(world)
    under_lease(world, bring_up, release)
    with shop.playing_ready():
        under_lease(world, wait_ready, release, timeout_seconds=20)


def test_a_stateful_set_has_no_replica_set_and_is_called_what_it_is(shop: Shop) -> None:
    town = with_stateful_sets(shop)
    town.adopted()
    full = {"count/replicasets.apps": "4", "count/deployments.apps": "2"}
    put_quota(town, full, full)
    greedy = {"name": "store", "image": "shop/store:1", "resources": {"limits": {"cpu": "2"}}}
    store = f"{stateful_sets(town, GREEN)}/store"
    town.cluster.merge(store, {"spec": {"template": {"spec": {"containers": [greedy]}}}})
    put_range(town, max={"cpu": "1"})
    world = town.world()
    release = open_release(world, {"store": "shop/store:2", "queue": "shop/queue:2"}, "ci")
    with pytest.raises(Refused) as refused:
        under_lease(world, bring_up, release)
    assert f"container store of StatefulSet {town.namespace(GREEN)}/store has limit 2" in refused.value.fact
    assert "count/" not in refused.value.fact


def test_pods_that_are_going_make_room(shop: Shop, world: World) -> None:
    held = {"name": "old", "finalizers": ["example.com/held"]}
    body = {"metadata": held, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    shop.cluster.create(path(shop, "pods"), body)
    shop.cluster.delete(path(shop, "pods/old"))
    put_quota(shop, {"pods": "3"}, {"pods": "1"})
    under_lease(world, bring_up, opened(world))
    assert shop.counts(GREEN) == {"web": 2, "mailer": 0}


def test_a_count_that_lags_behind_is_waited_for(shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "COUNTED_SECONDS", 5.0)
    put_quota(shop, {"pods": "3"}, {"pods": "2"})
    free = {"status": {"used": {"pods": "0"}}}
    world.sleep = lambda _: shop.cluster.merge(path(shop, "resourcequotas/small/status"), free)
    under_lease(world, bring_up, opened(world))
    assert shop.counts(GREEN) == {"web": 2, "mailer": 0}


def test_check_names_it_and_says_what_it_may_not_look_at(shop: Shop, tmp_path: Path) -> None:
    put_quota(shop, {"pods": "1", "count/replicasets.apps": "4"}, {"pods": "0", "count/replicasets.apps": "4"})
    pods, sets = checked(shop, tmp_path)
    assert "pods 0 of 1 used, 3 more wanted (pods missing: mailer 1, web 2): raise it" in pods
    assert "count/replicasets.apps 4 of 4 used, 1 more wanted: raise it" in sets
    assert pods.endswith("no release could come up")

    robot, said = user(shop, tmp_path), list[str]()
    grant(shop, checked(shop, tmp_path, kubeconfig=tmp_path / "robot.kubeconfig"))
    with serving(fronted(shop, kubeconfig=tmp_path / "robot.kubeconfig"), tmp_path) as cluster:
        assert check_application(cluster, shop.application, shop.own, said.append) == [pods, sets]
    assert robot.allowed("list", "", "resourcequotas", shop.namespace(GREEN))
    unread = "room in the namespace: info: not known: no permission to list limitranges in namespace "
    assert [line for line in said if "limitranges" in line] == [
        f"{unread}{shop.name}-green (kubectl auth can-i list limitranges -n {shop.name}-green)"
    ]
