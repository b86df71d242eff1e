"""A rollback that could not use the record, and what becomes of it once the record can be read again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from flipgate.adapters.routes import patch_route
from flipgate.core.gates.hooks import Hook
from flipgate.core.gates.job_check import job_labels
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.values import stamps
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, LostLease, TemporaryError
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.going_back import once_back
from flipgate.steps.going_back.hand_back import HandedBack
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.unrecorded import AT_WORK_SECONDS, left_unrecorded
from flipgate.steps.looking.look import look, look_at_traffic, need_dark
from flipgate.steps.looking.plan import plan_back
from flipgate.steps.moving.maintenance import set_maintenance
from flipgate.steps.moving.rest import rest
from tests.api.jobs import path, the_job
from tests.api.moving.test_maintenance import FLAGS, flagged
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, meanwhile, under_lease
from tests.api.steps import refusing, unreadable, users_complain
from tests.api.wire import Answer, Holding, Through, serving

NO = '{"data": {"moving": "no"}}'


@pytest.fixture
def live(shop: Shop) -> World:
    """A new release live on green; blue is still up, and its worker is at rest."""
    world = shop.gone_live("pipeline")
    shop.scale(BLUE, "mailer", 0)
    shop.scale(GREEN, "mailer", 1)
    shop.play_ready(BLUE)
    shop.play_ready(GREEN)
    return world


def test_who_refuses_without_the_record_has_no_patch_of_its_own_arrive_after_that(
    shop: Shop, live: World, tmp_path: Path
) -> None:
    _, (patch,) = plan_back(live, BLUE, stamp="2.hangs")
    shop.play_ready(BLUE, "web", ready=0)

    def faulty(method: str, path: str) -> Answer | None:
        return (500, b"{}") if "/leases" in path and method != "GET" else None

    with serving(Through(shop.kubeconfig, before=faulty), tmp_path) as cluster, refusing("WayBackNotReady"):
        users_complain(shop, cluster=cluster)
    with pytest.raises(Conflict):
        patch_route(shop.cluster, patch)
    assert shop.where() == ("green",)


def rolled_back_unrecorded(shop: Shop) -> None:
    """While the record was garbled, which it is no longer."""
    with unreadable(shop):
        done = users_complain(shop)
    assert (done.recorded, shop.where()) == (False, ("blue",))
    assert any("mailer" in each for each in done.left), "workers are left to a person, who sees it in the exit code"


def test_nobody_cleans_up_until_reconcile_writes_it_down_hands_the_workers_back_and_tells_people_once(
    shop: Shop, live: World
) -> None:
    view = look(live)
    dark = need_dark(live, view)
    rolled_back_unrecorded(shop)
    fresh = look(live)
    assert (view.traffic.unrecorded, fresh.traffic.unrecorded is not None) == (None, True)
    with pytest.raises(LostLease, match="could not be recorded"):
        under_lease(live, rest, fresh, dark)
    assert shop.counts(BLUE)["web"] == COUNTS["web"]

    before = live.store.read()
    with shop.playing_ready():
        outcome = recover(live)
        assert outcome.changed
        assert "ana: users complain (self-declared)" in outcome.fact
        assert "an annotation on IngressRoute" in outcome.fact
        assert "written by flipgate (Update) at" in outcome.fact
        assert "not believed" not in outcome.fact
        record = live.store.read()
        assert (record.phase, record.active, record.open_entry) == (Phase.ROLLED_BACK, BLUE, None)
        assert shop.counts(BLUE) == COUNTS
        assert shop.counts(GREEN)["mailer"] == 0
        assert record.release
        (back, end) = record.release.changes[-2:]
        assert (back.phase, back.reason) == (Phase.ROLLING_BACK, Reason.ROLLBACK_REQUESTED)
        assert "ana: users complain (self-declared)" in end.message
        told = [each for each in record.outbox if each not in before.outbox]
        assert [each.reason for each in told] in ([], [Reason.TRAFFIC_RESTORED])
        assert not left_unrecorded(live, look(live))
        assert recover(live).changed is False


@pytest.mark.parametrize("on", [True, False], ids=["on", "off"])
def test_it_leaves_the_maintenance_flag_to_a_person_who_is_told_where_it_is_on(shop: Shop, on: bool) -> None:
    live = flagged(shop, until=Phase.BAKING)
    if on:
        under_lease(live, set_maintenance)
    shop.play_all_ready()
    with unreadable(shop):
        left = [each for each in users_complain(shop).left if "maintenance flag" in each]
    assert (shop.where(), len(left)) == (("blue",), on)
    if on:
        assert f"key moving of ConfigMap {shop.own}/{FLAGS}, is yes still; reconcile takes off what" in left[0]
        assert left[0].endswith(f"kubectl -n {shop.own} patch configmap {FLAGS} --type merge -p '{NO}'")


def test_it_stops_jobs_of_hooks_and_whoever_comes_after_it_may_still_write_them(shop: Shop, live: World) -> None:
    stamp = {stamps.STAMP: "1.made"}
    labels = {**job_labels(shop.name, "r-1", "hook"), **stamp}
    pod = {"restartPolicy": "Never", "containers": [{"name": "warm", "image": "warm:1"}]}
    job = {"metadata": {"name": "warm", "labels": labels}, "spec": {"template": {"spec": pod}}}
    shop.cluster.create(path(shop), job)
    declared = Hook.model_validate({"name": "warm", "at": "after-flip", "workload": "web", "run": ["warm"]})
    shop.application = but(shop.application, spec=but(shop.application.spec, hooks=(declared,)))
    rolled_back_unrecorded(shop)
    assert the_job(shop)["spec"]["suspend"] is True
    shop.cluster.merge(f"{path(shop)}/warm", {"spec": {"suspend": False}})
    with shop.playing_ready():
        recover(shop.world("reconcile"))
    assert the_job(shop)["spec"]["suspend"] is True, "reconcile stops it, too"


def test_a_rollback_that_chose_a_side_and_moved_nobody_is_ended_when_its_time_is_over(
    shop: Shop, live: World, tmp_path: Path
) -> None:
    """Its patch of the route is still on its way, and stays refused."""
    network = Holding(shop.kubeconfig, holds=lambda method, path, body: "/ingressroutes/" in path)
    with serving(network, tmp_path) as cluster:
        with unreadable(shop), pytest.raises(TemporaryError):
            users_complain(shop, cluster=cluster)
        assert not left_unrecorded(live, look(live)), "it may be at work still"
        live.now = lambda: utc_now() + timedelta(seconds=AT_WORK_SECONDS + 1)
        assert left_unrecorded(live, look(live))
        assert "moved nobody" in recover(live).fact
        assert network.release() == [422]
    assert shop.where() == ("green",)
    assert live.store.read().phase is Phase.LIVE
    assert not left_unrecorded(live, look(live))


def test_half_of_the_routes_go_the_rest_of_the_way(two_routes: Shop) -> None:
    shop, world = two_routes, two_routes.gone_live()
    shop.point("back", shop.namespace(GREEN))
    with unreadable(shop):
        users_complain(shop)
        shop.point("back", shop.namespace(GREEN))
    recover(meanwhile(world, shop.play_all_ready))
    assert shop.where() == ("blue", "blue")
    assert (world.store.read().phase, look_at_traffic(world).unrecorded) == (Phase.ROLLED_BACK, None)


def test_the_mark_of_another_one_that_came_while_the_first_was_written_down_stays_until_it_is_known_too(
    shop: Shop, live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With it taken off, the record would say blue for good, and the routes green."""
    rolled_back_unrecorded(shop)
    handing = once_back.hand_back

    def another_one(acting: Acting, to: Side) -> HandedBack:
        monkeypatch.undo()
        with unreadable(shop):
            assert not users_complain(shop, to=GREEN).recorded
        return handing(acting, to)

    monkeypatch.setattr(once_back, "hand_back", another_one)
    recover(meanwhile(live, shop.play_all_ready))
    assert (shop.where(), live.store.read().active) == (("green",), BLUE)
    assert left_unrecorded(live, look(live))

    recover(meanwhile(live, shop.play_all_ready))
    assert (shop.where(), live.store.read().active) == (("green",), GREEN)
    assert not left_unrecorded(live, look(live))
