"""A check's Job on a real API server, with a hand that plays its controller: made once, let run by a fenced write, and
never where users are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.gates.checks import Check
from flipgate.core.record.record import EntryState
from flipgate.core.rights.rules import rules_of
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict, LostLease
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look, need_dark
from flipgate.steps.moving import jobs
from flipgate.steps.moving.jobs import run_job, stop_jobs
from tests.api.jobs import ends, path, the_job
from tests.api.shop import GREEN, Shop, last_entry, meanwhile, opened
from tests.api.users import grant, user

SPEC: dict[str, Any] = {
    "backoffLimit": 0,
    "template": {"spec": {"containers": [{"name": "a", "image": "acme/smoke:1"}]}},
}


def declared(world: World, **job: Any) -> Check:
    rule = Check.model_validate({"name": "smoke", "job": {**SPEC, **job}, "timeoutSeconds": 20})
    world.application = but(world.application, spec=but(world.application.spec, checks=(rule,)))
    return rule


def ran(acting: Acting, rule: Check, may_go_on: Callable[[], None] = lambda: None) -> Evidence:
    world = acting.world
    return run_job(acting, need_dark(world, look(world)).side, "3f2a9c01d4e8-1", rule, may_go_on)


@pytest.fixture
def world(shop: Shop) -> World:
    """A release is being brought up, and Jobs complete whenever somebody waits."""
    world = meanwhile(shop.adopted(), ends(shop))
    opened(world)
    return world


def test_a_job_is_made_once_however_often_it_is_asked_for(shop: Shop, world: World) -> None:
    rule = declared(world)
    with world.acting() as acting:
        found = ran(acting, rule)
        again = ran(acting, rule)
    job = the_job(shop)
    name = job["metadata"]["name"]
    assert (found.verdict, again.verdict) == (Verdict.PASS, Verdict.PASS)
    assert found.answer == f"the Job completed (Job {shop.namespace(GREEN)}/{name})"
    assert job["metadata"]["labels"]["flipgate.dev/application"] == shop.name
    assert job["spec"]["activeDeadlineSeconds"] == 20
    entry = last_entry(world)
    assert (entry.step, entry.state, entry.outcome) == ("StartJob", EntryState.DONE, f"Job {name} runs on green")


def test_a_failed_job_fails_with_the_clusters_own_reason(shop: Shop) -> None:
    world = meanwhile(shop.adopted(), ends(shop, "Failed", "BackoffLimitExceeded"))
    opened(world)
    rule = declared(world)
    with world.acting() as acting:
        found = ran(acting, rule)
    assert found.verdict is Verdict.FAIL
    assert found.answer.startswith("the Job failed (BackoffLimitExceeded")


def test_a_job_that_the_api_server_refuses_fails_and_leaves_no_entry_open(shop: Shop, world: World) -> None:
    rule = declared(world, backoffLimit=-1)
    with world.acting() as acting:
        found = ran(acting, rule)
    assert found.verdict is Verdict.FAIL
    assert "the API server refuses it: the API server said 422" in found.answer
    assert last_entry(world).state is EntryState.UNDONE
    assert shop.cluster.items(path(shop)) == []


def test_without_the_right_it_is_unknown_and_says_which(shop: Shop, tmp_path: Path) -> None:
    admin = shop.adopted()
    opened(admin)
    rule = declared(admin)
    needed = [rule for rule in rules_of(admin.application, shop.own) if rule.resource == "jobs" and rule.needed]
    assert {verb for rule in needed for verb in rule.verbs} == {"create", "get", "list", "patch"}
    robot = user(shop, tmp_path)
    told = "no permission to get jobs.batch in namespace {} (kubectl auth can-i get jobs.batch -n {})"
    grant(shop, [told.format(shop.namespace(GREEN), shop.namespace(GREEN))])
    with admin.acting() as acting:
        acting.cluster = robot.guarded(lambda: None)
        found = ran(acting, rule)
    assert found.verdict is Verdict.UNKNOWN
    assert 'cannot create resource "jobs"' in found.answer


def test_one_of_that_name_that_is_not_ours_is_left_alone(shop: Shop, world: World) -> None:
    rule = declared(world)
    with world.acting() as acting:
        ran(acting, rule)
        name = the_job(shop)["metadata"]["name"]
        shop.cluster.merge(f"{path(shop)}/{name}", {"metadata": {"labels": {"flipgate.dev/release": "another"}}})
        found = ran(acting, rule)
    assert found.verdict is Verdict.UNKNOWN
    assert f"kubectl -n {shop.namespace(GREEN)} delete job {name}" in found.answer


def test_who_was_taken_over_after_making_it_does_not_let_it_run(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = declared(world)

    def taken_over(_: Acting) -> None:
        raise LostLease("taken over")

    with world.acting() as acting:
        monkeypatch.setattr(Acting, "confirm_lease", taken_over)
        with pytest.raises(LostLease):
            ran(acting, rule)
    assert the_job(shop)["spec"]["suspend"] is True


def test_where_users_come_what_has_not_ended_is_stopped_and_a_late_start_is_refused(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The write that lets it run is held by the network, and arrives when another actor has sent users there."""
    rule, held = declared(world), list[Callable[[], None]]()
    with monkeypatch.context() as patched, world.acting() as acting:
        start = jobs._set_suspended
        patched.setattr(jobs, "_set_suspended", lambda *given: held.append(lambda: start(*given)))
        patched.setattr(jobs._Running, "wait", lambda *_: jobs.JobSeen("not waited for"))
        ran(acting, rule)
        with pytest.MonkeyPatch.context() as other:
            other.setattr(jobs, "_set_suspended", start)
            stop_jobs(acting, GREEN)
        with pytest.raises(Conflict):
            held[0]()
    assert the_job(shop)["spec"]["suspend"] is True


@pytest.mark.parametrize("declared_still", [True, False], ids=["declared", "taken out of the file"])
def test_a_job_of_an_older_actor_that_still_runs_is_suspended(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch, declared_still: bool
) -> None:
    rule = declared(world)
    monkeypatch.setattr(jobs._Running, "wait", lambda *_: jobs.JobSeen("not waited for"))
    with world.acting() as acting:
        ran(acting, rule)
        assert the_job(shop)["spec"]["suspend"] is False
    if not declared_still:
        world.application = but(world.application, spec=but(world.application.spec, checks=()))
    with world.acting() as acting:
        stop_jobs(acting, GREEN)
    assert the_job(shop)["spec"]["suspend"] is True


def test_one_that_has_ended_is_left_alone(shop: Shop, world: World) -> None:
    rule = declared(world)
    with world.acting() as acting:
        ran(acting, rule)
        before = the_job(shop)
        stop_jobs(acting, GREEN)
    assert the_job(shop) == before


def test_a_release_stops_what_an_older_one_left_running_on_its_side(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = declared(world)
    with monkeypatch.context() as patched, world.acting() as acting:
        patched.setattr(jobs._Running, "wait", lambda *_: jobs.JobSeen("not waited for"))
        ran(acting, rule)
    with world.acting() as acting:
        newer = run_job(acting, need_dark(world, look(world)).side, "3f2a9c01d4e8-2", rule, lambda: None)
    assert newer.verdict is Verdict.PASS
    stands = {job["metadata"]["labels"]["flipgate.dev/release"]: job["spec"]["suspend"] for job in all_jobs(shop)}
    assert stands == {"3f2a9c01d4e8-1": True, "3f2a9c01d4e8-2": False}


def all_jobs(shop: Shop) -> list[dict[str, Any]]:
    return shop.cluster.items(path(shop))
