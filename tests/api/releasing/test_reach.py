"""Endpoints asked from the dark side, on a real API server with a hand that plays the Jobs' controller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flipgate.core.gates.reach import Endpoint
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.release import PREFLIGHT, Release
from flipgate.core.rights.rules import rules_of
from flipgate.core.values.base import but
from flipgate.core.values.errors import LostLease, Refused
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.moving import jobs
from flipgate.steps.releasing.foresee import foresee
from flipgate.steps.releasing.preflight import preflight
from flipgate.steps.releasing.settle import failing
from tests.api.moving.test_jobs import ends, path
from tests.api.shop import COUNTS, GREEN, Shop, meanwhile, opened, timed_by_its_waiting, under_lease

DATABASE = {"name": "database", "host": "db.shared", "port": 5432, "image": "acme/ask:1"}


def declaring(world: World, *endpoints: dict[str, Any]) -> World:
    reach = tuple(Endpoint.model_validate(each) for each in endpoints)
    world.application = but(world.application, spec=but(world.application.spec, reach=reach))
    return world


def found_jobs(shop: Shop) -> list[dict[str, Any]]:
    return shop.cluster.items(path(shop))


@pytest.fixture
def asking(shop: Shop) -> World:
    """A shop with one endpoint, whose Jobs complete whenever somebody waits."""
    return declaring(meanwhile(shop.adopted(), ends(shop)), DATABASE)


def refused(world: World, release: Release | None = None) -> Refused:
    release = release or opened(world)
    with pytest.raises(Refused) as caught, world.acting() as acting, failing(acting, release):
        preflight(acting, release)
    return caught.value


def test_an_endpoint_that_answers_is_a_row_and_its_job_leaves_nothing(shop: Shop, asking: World) -> None:
    seen = list[dict[str, Any]]()
    meanwhile(asking, played_and(shop, seen))
    release = opened(asking)
    (row,) = [each for each in under_lease(asking, preflight, release) if each.gate == "reach database"]
    assert (row.verdict, row.asked) == (Verdict.PASS, f"db.shared:5432, from Deployment {shop.name}-green/web")
    (job,) = seen[:1]
    pod = job["spec"]["template"]
    assert pod["metadata"]["labels"]["app"] == "web"
    assert pod["spec"]["readinessGates"], "its labels are those that a Service selects by: it must never be Ready"
    assert found_jobs(shop) == []
    kept = asking.store.read().release
    assert kept
    assert "reach database" in [each.gate for each in kept.judgements[-1].proofs]


def played_and(shop: Shop, seen: list[dict[str, Any]]) -> Callable[[], None]:
    play = ends(shop)

    def deed() -> None:
        seen.extend(found_jobs(shop))
        play()

    return deed


def test_who_looks_ahead_sees_what_will_be_asked_and_nothing_asks_it(shop: Shop, asking: World) -> None:
    (row,) = [each for each in foresee(asking, {"web": "shop/web:2"}).preflight if each.gate == "reach database"]
    assert row.verdict is Verdict.INFO
    assert row.answer.startswith("a Job asks db.shared:5432 as pods of web would")
    assert found_jobs(shop) == []


def test_one_that_does_not_ends_the_release_before_any_pod_and_all_of_them_are_asked(shop: Shop) -> None:
    world = meanwhile(shop.adopted(), ends(shop, "Failed", "BackoffLimitExceeded"))
    declaring(world, DATABASE, {**DATABASE, "name": "broker"})
    error = refused(world)
    assert error.fact.startswith("2 of 3 rows do not pass; reach database: fail: the Job failed (BackoffLimitExceeded")
    assert "; reach broker: fail: " in error.fact
    assert error.untouched == "both sides"
    assert error.next_command.startswith(f"flipgate deploy {shop.name} --image"), "a check asks no endpoint"
    assert shop.counts(GREEN) == dict.fromkeys(COUNTS, 0)
    ended = world.store.read().last
    assert ended
    assert (ended.phase, ended.changes[-1].reason) == (Phase.FAILED, Reason.PREFLIGHT_FAILED)
    assert {each.step for each in ended.judgements} == {PREFLIGHT}
    assert len(found_jobs(shop)) == 2, "what failed is kept for a look"


@pytest.mark.parametrize("how", ["aborted", "superseded"])
def test_a_job_that_is_stopped_with_its_release_goes(shop: Shop, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(jobs, "ASK_SECONDS", 0.0)
    monkeypatch.setattr(jobs, "LOOK_SECONDS", 0.0)
    world, ended = declaring(shop.adopted(), DATABASE), list[bool]()

    def ends_the_release() -> None:
        if found_jobs(shop) and not ended:
            ended.append(True)
            other = declaring(shop.world("ben"), DATABASE)
            roll_back(other, "not this one", by="ben") if how == "aborted" else opened(other, "3")

    release = opened(world)
    with pytest.raises(Refused):
        under_lease(meanwhile(world, ends_the_release), preflight, release)
    assert ended
    if how == "superseded":
        assert [job["spec"]["suspend"] for job in found_jobs(shop)] == [True]
        newer = world.store.read().release
        assert newer
        under_lease(declaring(meanwhile(shop.world(), ends(shop)), DATABASE), preflight, newer)
    assert found_jobs(shop) == []


def test_a_job_that_never_ends_fails_by_its_limit(shop: Shop) -> None:
    world = declaring(timed_by_its_waiting(shop.adopted()), {**DATABASE, "timeoutSeconds": 3})
    error = refused(world)
    assert "reach database: fail: has not ended 30 s after its limit of 3 s" in error.fact


def test_what_cannot_be_asked_is_unknown(shop: Shop, asking: World) -> None:
    release = opened(asking)
    shop.cluster.delete(f"{shop.deployments(GREEN)}/web")
    error = refused(asking, release)
    assert f"reach database: unknown: not asked: Deployment {shop.name}-green/web is not there" in error.fact


def test_killed_before_its_job_runs_the_next_run_lets_that_very_job_run(
    shop: Shop, asking: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = opened(asking)

    def killed(_: Acting) -> None:
        raise LostLease("killed")

    with monkeypatch.context() as patched:
        patched.setattr(Acting, "confirm_lease", killed)
        with pytest.raises(LostLease):
            under_lease(asking, preflight, release)
    (job,) = found_jobs(shop)
    assert job["spec"]["suspend"] is True
    made = list[str]()
    start = jobs._set_suspended
    monkeypatch.setattr(
        jobs, "_set_suspended", lambda *given: (made.append(given[1]["metadata"]["uid"]), start(*given))
    )
    recover(asking)
    rows = under_lease(asking, preflight, release)
    assert made == [job["metadata"]["uid"]]
    assert [each.verdict for each in rows if each.gate == "reach database"] == [Verdict.PASS]


def test_its_jobs_may_be_made_and_deleted_by_who_deploys(shop: Shop, asking: World) -> None:
    rights = {
        verb
        for rule in rules_of(asking.application, shop.own)
        if (rule.group, rule.resource, rule.namespace) == ("batch", "jobs", shop.namespace(GREEN))
        for verb in rule.verbs
    }
    assert rights == {"create", "get", "list", "patch", "delete"}
