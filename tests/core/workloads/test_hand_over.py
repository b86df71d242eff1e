"""Whose turn it is while workers and CronJobs are handed over: on plain values, from any point on, in either order."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from flipgate.adapters.addresses import address_of
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import BadInput
from flipgate.core.workloads.counts import wanted_counts
from flipgate.core.workloads.hand_over import Turn, had_time_to_follow, next_turn, pod_says, running_jobs, working
from flipgate.core.workloads.render import render
from flipgate.core.workloads.view import SideState, read_switch, read_workload
from tests.core.builders import BLUE, GREEN, LEDGER, at, cron_job, deployment, job, shop, side, told, without

NIGHTLY = "{name: nightly, role: cron}"
APP = shop(NIGHTLY)
HANDED = APP.handed_over()
COUNTS = {"mailer": 3, "nightly": 1, "ledger": 1}


def worker(replicas: int, **status: int) -> dict[str, Any]:
    obj = deployment("mailer", image="acme/mailer:1", replicas=replicas)
    obj["status"] |= status
    return obj


def state(which: Any, replicas: int, *, suspended: bool, **status: int) -> SideState:
    return side(which, worker(replicas, **status), cron_job(suspended=suspended))


WORKS = {"replicas": 3, "suspended": False}
RESTS = {"replicas": 0, "suspended": True}


def turn(order: Any, old: SideState, new: SideState, **jobs: tuple[str, ...]) -> Turn | None:
    return next_turn(HANDED, order, old, new, jobs, counts=COUNTS)


def test_old_first_starts_nothing_before_all_is_quiet() -> None:
    new = state(GREEN, **RESTS)
    assert turn("old-first", state(BLUE, **WORKS), new) == Turn(BLUE, False, change=("mailer", "nightly"))
    going = state(BLUE, 0, suspended=True, readyReplicas=1)
    assert turn("old-first", going, new) == Turn(BLUE, False, pods=("mailer",))
    gone = state(BLUE, **RESTS)
    busy = {"nightly": ("nightly-1",)}
    assert turn("old-first", gone, new, **busy) == Turn(BLUE, False, jobs=busy)
    assert turn("old-first", gone, new) == Turn(GREEN, True, change=("mailer", "nightly"))


def test_new_first_stops_nothing_before_all_is_up() -> None:
    old = state(BLUE, **WORKS)
    assert turn("new-first", old, state(GREEN, **RESTS)) == Turn(GREEN, True, change=("mailer", "nightly"))
    coming = state(GREEN, 3, suspended=False, readyReplicas=2)
    assert turn("new-first", old, coming) == Turn(GREEN, True, pods=("mailer",))
    up = state(GREEN, **WORKS)
    assert turn("new-first", old, up) == Turn(BLUE, False, change=("mailer", "nightly"))
    assert turn("new-first", state(BLUE, **RESTS), up) is None


@pytest.mark.parametrize("order", ["old-first", "new-first"])
def test_from_half_way_it_does_what_is_missing_in_either_direction(order: Any) -> None:
    """The one is handed over, the other is not: whichever way it goes on, each is told once and all arrive."""
    for to in (BLUE, GREEN):
        sides = {BLUE: state(BLUE, 0, suspended=False), GREEN: state(GREEN, 3, suspended=True)}
        told = []
        while found := turn(order, sides[to.other], sides[to]):
            (name,) = found.change
            told.append((found.side, name))
            count, suspended = sides[found.side].replicas["mailer"], sides[found.side].workloads["nightly"].suspended
            if name == "mailer":
                count = 3 if found.work else 0
            else:
                suspended = not found.work
            sides[found.side] = state(found.side, count, suspended=suspended)
        assert [one.workloads["nightly"].up for one in (sides[to], sides[to.other])] == [True, False]
        assert sorted(told) == sorted(set(told))
        assert sides[to.other].replicas["mailer"] == 0
        firsts = [which is to for which, _ in told]
        assert all(a >= b if order == "new-first" else a <= b for a, b in pairwise(firsts))


def test_more_workers_than_declared_are_left_to_their_autoscaler() -> None:
    assert turn("old-first", state(BLUE, **RESTS), state(GREEN, 9, suspended=False)) is None


def test_what_is_missing_stops_at_once_and_never_starts() -> None:
    old, new = (without(state(which, **RESTS), "nightly") for which in (BLUE, GREEN))
    assert turn("old-first", old, state(GREEN, **WORKS)) is None
    assert turn("old-first", state(BLUE, **RESTS), new) == Turn(GREEN, True, change=("mailer",), pods=("nightly",))


def test_who_is_skipped_stays_on_both_sides() -> None:
    old, new = state(BLUE, **WORKS), state(GREEN, **RESTS)
    found = next_turn(HANDED, "old-first", old, new, {}, counts=COUNTS, skip={"mailer"})
    assert found == Turn(BLUE, False, change=("nightly",))


def test_jobs_run_until_they_have_completed_or_failed_also_those_started_by_hand() -> None:
    owner = state(BLUE, **RESTS).workloads["nightly"]
    jobs = [job("b"), job("a"), job("done", ended="Complete"), job("bad", ended="Failed"), job("other", owner="uid-x")]
    jobs.append({"metadata": {"name": "nobody's"}})
    assert running_jobs(jobs, [owner]) == {"nightly": ("a", "b")}


def test_what_works_on_a_side_is_said() -> None:
    assert working(HANDED, state(GREEN, **RESTS)) == ()
    assert side(GREEN, deployment(replicas=0), worker(0), cron_job(suspended=False)).up
    assert not side(GREEN, deployment(replicas=0), worker(0), cron_job(suspended=True)).up
    assert tuple(map(str, working(HANDED, state(GREEN, **WORKS)))) == (
        "Deployment shop-green/mailer asks for 3 pods",
        "CronJob shop-green/nightly is not suspended",
    )


def test_a_cron_job_is_part_of_what_a_release_would_run_and_whether_it_is_suspended_is_not() -> None:
    images = {"web": "acme/web:2", "mailer": "acme/mailer:2", "nightly": "acme/nightly:2"}

    def rendered(**spec: Any) -> dict[str, Any]:
        return render(APP, side(GREEN, cron_job(**{"suspended": True, **spec})), images, {})

    assert rendered() == rendered(suspended=False)
    assert rendered() != rendered(schedule="0 5 * * *")
    assert rendered()["services"]["nightly"]["spec"]["containers"][0]["image"] == "acme/nightly:2"


def test_a_cron_job_has_an_address_and_a_template_of_its_own() -> None:
    found = read_workload("nightly", "shop-blue", cron_job(suspended=True, last="2026-03-01T04:00:00Z"), "CronJob")
    assert address_of(found) == "/apis/batch/v1/namespaces/shop-blue/cronjobs/nightly"
    assert found.template_pointer == "/spec/jobTemplate/spec/template"
    assert (found.images, found.last_schedule) == ({"nightly": "acme/nightly:1"}, "2026-03-01T04:00:00Z")
    assert found.asking(0) == {"op": "add", "path": "/spec/suspend", "value": True}


# Mixed services: they serve on both sides and consume on one

LEDGER_YAML = "{name: ledger, role: mixed, replicas: 2, consume: {configMap: ledger-consume}}"
MIXED = shop(LEDGER_YAML)


def mixed(which: Any, value: str | None, **annotations: str) -> SideState:
    ledger = deployment("ledger", image="acme/ledger:1")
    return side(which, worker(0), ledger, told(value, **annotations))


def mixed_turn(order: Any, old: str | None, new: str | None, *unconfirmed: tuple[Any, str]) -> Turn | None:
    sides = mixed(BLUE, old), mixed(GREEN, new)
    return next_turn(MIXED.mixed(), order, *sides, {}, counts=COUNTS, unconfirmed=unconfirmed)


def test_a_mixed_service_serves_and_is_handed_over() -> None:
    assert [service.name for service in MIXED.serving()] == ["web", "ledger"]
    assert [service.name for service in MIXED.handed_over()] == ["mailer", "ledger"]
    assert wanted_counts(MIXED, None) == {"web": 2, "mailer": 0, "ledger": 2}


def test_old_first_no_pod_is_told_to_consume_before_each_old_one_says_that_it_does_not() -> None:
    blue, green = (BLUE, "ledger"), (GREEN, "ledger")
    assert mixed_turn("old-first", "true", None) == Turn(BLUE, False, change=("ledger",))
    assert mixed_turn("old-first", "false", None, blue, green) == Turn(BLUE, False, pods=("ledger",))
    assert mixed_turn("old-first", "false", "false", green) == Turn(GREEN, True, change=("ledger",))
    assert mixed_turn("old-first", "false", "true", green) == Turn(GREEN, True, pods=("ledger",))
    assert mixed_turn("old-first", "false", "true") is None
    assert mixed_turn("new-first", "true", "true", green) == Turn(GREEN, True, pods=("ledger",))
    assert mixed_turn("new-first", "true", "true") == Turn(BLUE, False, change=("ledger",))


def test_without_its_config_map_nothing_is_told_and_nothing_consumes() -> None:
    gone = read_switch(LEDGER.config_map, LEDGER.key, "shop-green", None)
    new = replace(mixed(GREEN, "false"), switches={"ledger": gone})
    found = next_turn(MIXED.mixed(), "old-first", mixed(BLUE, "false"), new, {}, counts=COUNTS)
    assert found == Turn(GREEN, True, pods=("ledger",))
    assert (gone.says(True), gone.says(False)) == (False, False)


def test_a_dark_side_that_is_told_to_consume_works() -> None:
    assert working(MIXED.mixed(), mixed(GREEN, None)) == ()
    assert working(MIXED.mixed(), mixed(GREEN, "false")) == ()
    assert tuple(map(str, working(MIXED.mixed(), mixed(GREEN, "true")))) == (
        "ConfigMap shop-green/ledger-consume tells ledger to consume",
    )


@pytest.mark.parametrize(
    ("answer", "work", "other"),
    [
        (b'{"queue": {"consuming": true}}', True, ""),
        (b'{"queue": {"consuming": false}}', False, ""),
        (b'{"queue": {"consuming": true}}', False, "queue.consuming is true"),
        (b'{"queue": {"consuming": 1}}', True, "queue.consuming is 1"),
        (b'{"queue": {"consuming": "false"}}', False, 'queue.consuming is "false"'),
        (b'{"queue": {}}', False, 'status 200, without "consuming" in its body'),
        (b"ok", True, "status 200, and its body is no JSON"),
        ("timed out", False, "no answer: timed out"),
    ],
)
def test_a_pod_has_said_so_when_it_says_just_that(answer: Any, work: bool, other: str) -> None:
    heard = answer if isinstance(answer, str) else Answer(200, {}, answer, 0.01)
    assert pod_says("queue.consuming", heard, work) == other


def test_the_api_servers_own_word_is_no_pods() -> None:
    said = Answer(404, {}, b'{"kind": "Status", "message": "pods \\"ledger-0\\" not found"}', 0.01)
    other = 'no answer: HTTP 404 from the API server itself: pods "ledger-0" not found'
    assert pod_says("queue.consuming", said, True) == other


@pytest.mark.parametrize(("seconds", "over"), [(89, False), (90, True)])
def test_pods_that_cannot_be_asked_have_their_time(seconds: float, over: bool) -> None:
    noted = {"flipgate.dev/set-at.consume": "2026-03-01T12:00:00Z"}
    assert (
        had_time_to_follow(mixed(BLUE, "false", **noted).switches["ledger"], timedelta(seconds=90), at(seconds)) is over
    )
    by_hand = mixed(BLUE, "false").switches["ledger"]
    assert had_time_to_follow(by_hand, timedelta(seconds=90), at(0))


CANNOT_BE_MEANT = {
    "a CronJob with a count": ("{name: nightly, role: cron, replicas: 1}", "replicas: means nothing for a CronJob"),
    "a worker without": ("{name: nightly, role: worker}", "spec.services[2].replicas: is required, and missing"),
    "a CronJob that is asked over HTTP": (
        f"{NIGHTLY}\n  checks: [{{name: c, service: nightly, path: /}}]",
        'check "c" asks cron "nightly", which has no pods on the dark side',
    ),
    "a mixed one that nobody tells": ("{name: ledger, role: mixed, replicas: 2}", "a mixed service needs `consume`"),
    "another that is told": (
        LEDGER_YAML.replace("mixed", "serving"),
        "has `consume`, which only a mixed service has; this one is serving",
    ),
    "told by a misspelt key": (
        LEDGER_YAML.replace("ledger-consume", "ledger-consume, ky: x"),
        'unknown key "ky"; did you mean "key"?',
    ),
}


@pytest.mark.parametrize(("service", "message"), CANNOT_BE_MEANT.values(), ids=CANNOT_BE_MEANT.keys())
def test_what_is_handed_over_is_declared_in_one_way(service: str, message: str) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        shop(service)


def test_what_a_side_never_had_is_stopped_on_the_other_and_not_started_there() -> None:
    old, new = state(BLUE, **WORKS), without(state(GREEN, **RESTS), "nightly")
    only = {"mailer": 3}
    assert next_turn(HANDED, "old-first", old, new, {}, counts=only) == Turn(BLUE, False, change=("mailer", "nightly"))
    old = state(BLUE, **RESTS)
    assert next_turn(HANDED, "old-first", old, new, {}, counts=only) == Turn(GREEN, True, change=("mailer",))
    assert next_turn(HANDED, "old-first", old, without(state(GREEN, **WORKS), "nightly"), {}, counts=only) is None
