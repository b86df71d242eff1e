"""A database's programs as Jobs, on a real API server with a hand that plays their controller: each is a part of its
migration's step, and a migration that runs is left to its end."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.gates.clone import Clone
from flipgate.core.gates.database import Database
from flipgate.core.gates.job_check import job_labels
from flipgate.core.gates.migration import Version
from flipgate.core.record.database_intents import ExpandDatabase
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import journal
from flipgate.steps.acting.world import World
from flipgate.steps.moving.jobs import stop_jobs
from flipgate.steps.releasing.migrate import Migrating, look_at_databases
from tests.api.jobs import ends, path, the_job
from tests.api.shop import GREEN, Shop, meanwhile, opened, timed_by_its_waiting

SPEC: dict[str, Any] = {"template": {"spec": {"containers": [{"name": "a", "image": "acme/migrate:1"}]}}}
ORDERS = Database.model_validate({"name": "orders", "version": {"job": SPEC}, "expand": {"job": SPEC}})


@pytest.fixture
def world(shop: Shop) -> World:
    """A release is being brought up, of an application with that database; Jobs complete whenever somebody waits."""
    world = meanwhile(shop.adopted(), ends(shop))
    world.application = but(world.application, spec=but(world.application.spec, databases=(ORDERS,)))
    return world


def names(shop: Shop) -> list[str]:
    return [job["metadata"]["name"].rpartition("-")[0] for job in shop.cluster.items(path(shop))]


def test_it_is_a_part_of_the_migrations_step_and_has_no_entry_of_its_own(shop: Shop, world: World) -> None:
    release = opened(world)
    with world.acting() as acting:
        with journal(acting, ExpandDatabase(GREEN, "orders", "12")):
            found = Migrating(acting, GREEN, release).run(ORDERS, "expand", anew=False)
        steps = [entry.step for entry in world.store.read().journal]
        assert (found.verdict, steps[-1], steps.count("StartJob")) == (Verdict.PASS, "ExpandDatabase", 0)
        assert the_job(shop)["metadata"]["labels"]["app.kubernetes.io/component"] == "migration"
        Migrating(acting, GREEN, release).run(ORDERS, "expand", anew=False)
    assert len(names(shop)) == 1, "who goes on finds the Job of before"


def test_of_one_that_a_release_comes_up_on_a_copy_of_it_is_run_again_once_that_is_put_right(
    shop: Shop, world: World
) -> None:
    """It is flipped again under the same name: a Job that has failed would be found for ever."""
    release = opened(world)
    clone = {"live": "orders", "create": {"job": SPEC}, "drop": {"job": SPEC}, "configMap": "which"}
    copied = but(ORDERS, clone=Clone.model_validate(clone))
    with world.acting() as acting:
        for _ in range(2):
            Migrating(acting, GREEN, release).migrated(copied, "expand", Version("12"))
    assert len({each for each in names(shop) if each.startswith("orders-expand")}) == 2


def test_a_version_is_never_read_from_a_job_that_has_ended(shop: Shop, world: World) -> None:
    release = opened(world)
    with world.acting() as acting:
        for _ in range(2):
            Migrating(acting, GREEN, release).version(ORDERS, "before")
    assert len(set(names(shop))) == 2
    assert {job["spec"]["ttlSecondsAfterFinished"] for job in shop.cluster.items(path(shop))} == {600}


def test_one_that_runs_is_stopped_by_nobody_and_one_that_does_not_yet_never_will(shop: Shop, world: World) -> None:
    release = opened(world)
    holders: list[Acting] = []
    seen: list[bool] = []

    def stopping() -> None:
        stop_jobs(holders[0], GREEN)
        seen.append(the_job(shop)["spec"]["suspend"])
        ends(shop)()

    with meanwhile(world, stopping).acting() as acting:
        holders.append(acting)
        assert Migrating(acting, GREEN, release).run(ORDERS, "expand").verdict is Verdict.PASS
        assert seen == [False]
        labels = the_job(shop)["metadata"]["labels"]
        own = {key: value for key, value in labels.items() if key.startswith(("flipgate.dev/", "app."))}
        pod = {"spec": {**SPEC["template"]["spec"], "restartPolicy": "Never"}}
        body = {"metadata": {"name": "late", "labels": own}, "spec": {"suspend": True, "template": pod}}
        shop.cluster.create(path(shop), body)
        stop_jobs(acting, GREEN)
    late = shop.cluster.get(f"{path(shop)}/late")
    assert late["spec"]["suspend"] is True
    assert late["metadata"]["labels"]["flipgate.dev/stamp"] != own["flipgate.dev/stamp"], "a late start is refused"


def left_running(shop: Shop) -> None:
    """A migration of a release that was ended: nobody stops it."""
    own = job_labels(shop.name, "3f2a9c01d4e8-1", "migration")
    pod = {"spec": {**SPEC["template"]["spec"], "restartPolicy": "Never"}}
    spec = {"suspend": False, "template": pod, "activeDeadlineSeconds": 60}
    shop.cluster.create(path(shop), {"metadata": {"name": "left-1", "labels": own}, "spec": spec})


def test_who_comes_next_waits_for_one_that_runs(shop: Shop, world: World) -> None:
    """Its database says the version of before until it has ended: two at once may undo each other."""
    left_running(shop)
    release, seen = opened(world), list[list[str]]()
    meanwhile(world, lambda: (seen.append(names(shop)), ends(shop)()))
    with world.acting() as acting, pytest.raises(Refused, match="the version is not known"):
        look_at_databases(acting, release)
    assert (seen[0], len(seen[-1])) == (["left"], 2)


def test_a_newer_build_ends_that_wait(shop: Shop, world: World) -> None:
    left_running(shop)
    release = opened(world)
    meanwhile(world, lambda: opened(shop.world("ci"), "3"))
    with world.acting() as acting, pytest.raises(Refused) as refused:
        look_at_databases(acting, release)
    assert (refused.value.reason, names(shop)) == ("Superseded", ["left"])


def test_one_that_does_not_end_at_its_limit_keeps_all_others_from_running(shop: Shop, world: World) -> None:
    left_running(shop)
    release = opened(world)
    timed_by_its_waiting(world)
    with world.acting() as acting, pytest.raises(Refused, match=r"left-1: .*has not ended within 90 s") as refused:
        look_at_databases(acting, release)
    assert (refused.value.reason, names(shop)) == ("MigrationFailed", ["left"])
