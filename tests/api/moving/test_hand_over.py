"""Workers and CronJobs handed over on the real API server: in order, from half-way, and back."""

from __future__ import annotations

import pytest

from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.values.errors import LostLease, Refused
from flipgate.core.values.stamps import STAMP
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving.hand_over import hand_over_workers
from flipgate.steps.moving.rest import rest
from flipgate.steps.releasing.bring_up import bring_up, open_release
from flipgate.steps.releasing.flip import going_back
from flipgate.steps.releasing.questions import pose
from flipgate.steps.releasing.setup import adopt
from flipgate.steps.watching.watch import bad_bake
from tests.api.changed_shop import to_baking
from tests.api.moving.workers import (
    add_job,
    complete,
    cron_jobs,
    mailers,
    nightly,
    nightly_at,
    suspend,
    suspended,
    with_cron_job,
)
from tests.api.shop import BLUE, GREEN, Shop, advanced, last_entry, meanwhile, timed_by_its_waiting, under_lease
from tests.api.steps import refusing, users_complain


@pytest.mark.parametrize("order", ["old-first", "new-first"])
def test_a_cron_job_is_released_and_handed_over_in_the_declared_order(shop: Shop, order: str) -> None:
    shop = with_cron_job(shop, f"{{workers: {order}}}")
    world = shop.world()
    adopt(world)
    suspend(shop, GREEN, False)
    blue = shop.version(nightly_at(shop, BLUE))
    release = open_release(world, {"nightly": "shop/nightly:2"}, "ci")
    under_lease(world, bring_up, release)
    template = nightly(shop, GREEN)["spec"]["jobTemplate"]["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "shop/nightly:2"
    assert (suspended(shop), shop.version(nightly_at(shop, BLUE))) == ((False, True), blue)
    assert (release.wanted["nightly"], release.images["nightly"]) == (0, "shop/nightly:2")

    for side, last in ((BLUE, "2026-03-01T04:00:00Z"), (GREEN, "2026-02-01T04:00:00Z")):
        shop.cluster.merge(f"{cron_jobs(shop, side)}/nightly/status", {"status": {"lastScheduleTime": last}})
    with meanwhile(world, shop.play_all_ready).acting() as acting:
        hand_over_workers(acting, GREEN)
        assert hand_over_workers(acting, GREEN) == ()
    assert (suspended(shop), mailers(shop)) == ((True, False), (0, 1))
    assert (shop.version(nightly_at(shop, BLUE)) < shop.version(nightly_at(shop, GREEN))) is (order == "old-first")
    assert nightly(shop, GREEN)["status"]["lastScheduleTime"] == "2026-03-01T04:00:00Z", "04:00 was blue's"
    entries = [entry.outcome for entry in world.store.read().journal if entry.step == "HandOverWorkers"]
    assert entries == ["mailer, nightly run on green"]


def test_a_running_job_is_waited_for(shop: Shop) -> None:
    shop = with_cron_job(shop)
    path, seen = add_job(shop, BLUE), []

    def later() -> None:
        seen.append(suspended(shop))
        if len(seen) == 4:
            complete(shop, path)

    world = meanwhile(shop.adopted(), later)
    with shop.playing_ready():
        under_lease(world, hand_over_workers, GREEN)
    assert set(seen[:4]) == {(True, True)}, "the old one is suspended, and the new one not resumed before its Job ended"
    assert suspended(shop) == (True, False)


def test_a_cron_job_that_a_person_had_stopped_stays_so_there_and_back(shop: Shop) -> None:
    """As users had it: neither a release nor the way back starts it."""
    shop = with_cron_job(shop)
    suspend(shop, BLUE, True)
    to_baking(shop, shop.adopted(), {"web": "shop/web:2"})
    assert (suspended(shop), mailers(shop)) == ((True, True), (0, 1))
    assert last_entry(shop.world()).outcome.endswith("nightly stays suspended, as it was when users left")
    assert users_complain(shop, shop.play_all_ready).left == ()
    assert (suspended(shop), mailers(shop)) == ((True, True), (1, 0))


def test_one_that_ran_until_users_left_runs_again(shop: Shop) -> None:
    shop = with_cron_job(shop)
    to_baking(shop, shop.adopted(), {"web": "shop/web:2"})
    assert suspended(shop) == (True, False)
    users_complain(shop, shop.play_all_ready)
    assert suspended(shop) == (False, True)


def test_old_first_goes_back_for_a_job_that_runs_on_and_stops_none(shop: Shop) -> None:
    shop = with_cron_job(shop, "{jobsTimeoutSeconds: 0}")
    path, world = add_job(shop, BLUE), shop.gone_live()
    found = pytest.raises(Refused, match="Job nightly-1 of nightly")
    with shop.playing_ready(), found as refused, going_back(world):
        under_lease(world, hand_over_workers, GREEN)
    assert refused.value.reason == "JobsStillRunning"
    assert (shop.where(), suspended(shop), mailers(shop)) == (("blue",), (False, True), (1, 0))
    assert not shop.cluster.get(path)["metadata"].get("deletionTimestamp")


def test_users_do_not_stay_on_a_bad_side_while_a_job_is_waited_for(shop: Shop) -> None:
    shop = with_cron_job(shop)
    add_job(shop, BLUE)
    world, looks = shop.gone_live(until=Phase.BAKING), []

    def look_again() -> None:
        looks.append(suspended(shop))
        if len(looks) == 4:
            raise bad_bake(world, Verdict.FAIL, ())

    with shop.playing_ready(), refusing("BakeFailed"), going_back(world):
        under_lease(world, hand_over_workers, GREEN, meanwhile=look_again)
    assert looks[-1] == (True, True), "it waited for the Job"
    assert world.store.read().phase is Phase.ROLLED_BACK
    assert (shop.where(), suspended(shop), mailers(shop)) == (("blue",), (False, True), (1, 0))


def test_new_first_says_that_a_job_runs_on(shop: Shop) -> None:
    shop = with_cron_job(shop, "{jobsTimeoutSeconds: 0, workers: new-first}")
    add_job(shop, BLUE)
    world = shop.adopted()
    (left,) = under_lease(meanwhile(world, shop.play_all_ready), hand_over_workers, GREEN)
    assert "left to end by themselves: Job nightly-1 of nightly" in left
    assert suspended(shop) == (True, False)
    assert last_entry(world).outcome.endswith(left)


def test_going_back_from_half_way_waits_for_no_job_beyond_its_limit(shop: Shop) -> None:
    shop = with_cron_job(shop, "{jobsTimeoutSeconds: 0}")
    shop.gone_live("pipeline")
    suspend(shop, BLUE, True)
    suspend(shop, GREEN, False)
    shop.scale(BLUE, "mailer", 0)
    add_job(shop, GREEN)
    done = users_complain(shop, shop.play_all_ready)
    assert (shop.where(), suspended(shop), mailers(shop)) == (("blue",), (False, True), (1, 0))
    (left,) = done.left
    assert "still running on green" in left


def test_one_that_cannot_be_handed_back_holds_up_neither_users_nor_the_others(shop: Shop) -> None:
    shop = with_cron_job(shop)
    shop.gone_live("pipeline")
    shop.scale(BLUE, "mailer", 0)
    shop.scale(GREEN, "mailer", 1)
    shop.cluster.delete(nightly_at(shop, BLUE))
    world = timed_by_its_waiting(shop.world("ana"), shop.play_all_ready)
    left = under_lease(world, hand_over_workers, BLUE, back=True, timeout_seconds=0.5)
    assert left == ("nightly was not handed over to blue: not as wanted on blue within 0.5 s",)
    assert mailers(shop) == (1, 0)


def test_a_later_actors_stamp_refuses_it(shop: Shop) -> None:
    shop = with_cron_job(shop)
    world = shop.adopted()
    shop.patch(nightly_at(shop, BLUE), ("add", "/metadata/labels", {STAMP: "99.a"}))
    with (
        shop.playing_ready(),
        world.acting() as acting,
        pytest.raises(LostLease, match=r"CronJob .* was stamped in epoch 99"),
    ):
        hand_over_workers(acting, GREEN)
    assert suspended(shop) == (False, True)


def test_a_side_at_rest_starts_no_jobs(shop: Shop) -> None:
    shop = with_cron_job(shop)
    world = shop.gone_live()
    with world.acting() as acting:
        view = look(world)
        rest(acting, view, need_dark(world, view))
    assert (suspended(shop)[0], sum(shop.counts(BLUE).values())) == (True, 0)
    assert last_entry(world).outcome == "2 Deployments and 1 CronJob of blue at rest"


def test_a_dark_side_that_works_is_not_flipped_to(shop: Shop) -> None:
    shop = with_cron_job(shop)
    world = shop.world()
    adopt(world)
    release = open_release(world, {"web": "shop/web:2"}, "ci")
    under_lease(world, bring_up, release)
    advanced(world, release, Phase.DARK)
    suspend(shop, GREEN, False)
    with pytest.raises(Refused, match=r"works while blue is live.* CronJob \S+-green/nightly is not suspended") as no:
        pose(world, QuestionKind.FLIP, [])
    assert no.value.reason == "SideChanged"
    under_lease(world, bring_up, release)
    assert pose(world, QuestionKind.FLIP, [])
