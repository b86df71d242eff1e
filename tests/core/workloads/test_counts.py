"""How many pods a service is asked for, and how many have to be Ready."""

from __future__ import annotations

from typing import Any

import pytest

from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record
from flipgate.core.spec.service import Service
from flipgate.core.values.base import but
from flipgate.core.workloads.counts import (
    at_work,
    beside_live,
    coming_up,
    counts_that_matter,
    counts_to_move,
    enough,
    largest,
    not_serving,
    present_counts,
    rest_counts,
    said_to_stay,
    scaled_up,
    short_of,
    short_of_itself,
    wanted_counts,
    without_pods,
)
from flipgate.core.workloads.view import SideState, Workload
from tests.core.builders import BLUE, GREEN, LIVE, NOW, PLACES, RUN, deployment, record, release, shop, side, without

IDLE = shop("{name: idle, role: serving, replicas: 0}")
"""The shop, with a service that is declared without pods."""


# What a workload is asked for


@pytest.mark.parametrize(("now", "wanted"), [(0, 2), (1, 2), (2, 2), (7, 7)])
def test_an_autoscaled_count_wins_over_the_files_and_the_files_is_the_least(now: int, wanted: int) -> None:
    assert wanted_counts(shop(), side(BLUE, deployment(replicas=now)))["web"] == wanted


def test_workers_wait_until_traffic_has_moved() -> None:
    assert wanted_counts(shop(), side(BLUE))["mailer"] == 0


@pytest.mark.parametrize(("workers", "beside"), [("old-first", 0), ("new-first", 3)])
def test_workers_that_start_first_need_room_beside_the_old_ones(workers: str, beside: int) -> None:
    application = shop(policy=f"{{workers: {workers}}}")
    assert beside_live(application, side(BLUE, deployment(replicas=5))) == {"web": 5, "mailer": beside}


def test_a_service_that_is_new_gets_the_files_count() -> None:
    assert wanted_counts(shop(), without(side(BLUE), "web"))["web"] == 2


def test_users_return_to_the_most_of_what_was_carried_what_the_other_side_has_and_the_file() -> None:
    (web,) = shop().serving()
    assert [scaled_up(web, 1), scaled_up(web, 7), scaled_up(web, 7, 9), scaled_up(web, 0, 0)] == [2, 7, 9, 2]


def test_what_works_has_the_files_number_or_as_many_as_worked() -> None:
    (mailer,) = shop().workers()
    assert [at_work([each], None, BLUE) for each in (mailer, but(mailer, replicas=0))] == [{"mailer": 3}, {"mailer": 0}]
    assert at_work([mailer], adding(mailer=8), GREEN) == at_work([mailer], adding(mailer=8), BLUE) == {"mailer": 8}


def test_a_cron_job_that_somebody_had_stopped_when_users_left_is_started_by_no_move() -> None:
    cron = Service.model_validate({"name": "nightly", "role": "cron"})
    stopped, ran = (Occupant(images=RUN | {"nightly": "n"}, since=NOW, suspended=names) for names in (("nightly",), ()))
    left = record(sides={BLUE: stopped, GREEN: ran}, release=release(*LIVE))
    assert [at_work([cron], left, side) for side in (BLUE, GREEN)] == [{}, {}]
    forward = record(sides={BLUE: ran, GREEN: stopped}, release=release(*LIVE))
    assert at_work([cron], forward, GREEN) == {"nightly": 1}, "what green had when users left it once is over"
    assert said_to_stay(left, GREEN) == ["nightly stays suspended, as it was when users left"]


def test_at_rest_only_what_serves_keeps_pods() -> None:
    assert rest_counts(IDLE, 1) == {"web": 1, "mailer": 0, "idle": 0}


# What has to be Ready


def test_what_a_side_carried_matters_and_not_what_the_other_has() -> None:
    carried = record(sides={each: Occupant(replicas={"web": 5, "mailer": 9}, since=NOW) for each in (BLUE, GREEN)})
    assert counts_that_matter(IDLE, carried, BLUE) == {"web": 5}
    assert counts_that_matter(IDLE, record(), BLUE) == {"web": 2}, "the file's number, where nobody noted it"
    assert counts_that_matter(IDLE, None, BLUE) == {"web": 1}


@pytest.mark.parametrize(("ready", "first", "wanted"), [(5, False, 5), (0, False, 1), (5, True, 2)])
def test_before_a_move_as_many_are_ready_as_carry_the_users_now(ready: int, first: bool, wanted: int) -> None:
    assert counts_to_move(IDLE, side(BLUE, deployment(replicas=ready)), first=first) == {"web": wanted}


@pytest.mark.parametrize(("wanted", "least"), [(0, 0), (1, 1), (3, 3), (4, 3), (8, 6), (11, 9)])
def test_a_quarter_may_be_missing(wanted: int, least: int) -> None:
    assert enough({"web": wanted}) == {"web": least}


# Compared with what is there


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        ({"web": 2, "mailer": 3}, {}),
        ({"web": 1}, {}),
        ({"web": 3, "mailer": 4}, {"mailer": (3, 4), "web": (2, 3)}),
        ({"unheard-of": 1}, {"unheard-of": (0, 1)}),
        ({"unheard-of": 0}, {}),
    ],
)
def test_what_is_short_is_named_with_ready_and_wanted(wanted: dict[str, int], missing: Any) -> None:
    assert list(short_of(side(BLUE), wanted).items()) == list(missing.items())


def serving(replicas: int, ready: int, **status: int) -> SideState:
    """Green's `web` as it asks for so many pods and has so many Ready."""
    obj = deployment(replicas=replicas)
    obj["status"] |= {"readyReplicas": ready, **status}
    return side(GREEN, obj, deployment("mailer", replicas=0))


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        (serving(2, 2), ()),
        (serving(1, 1), ()),  # scaled down below the declared 2 by an autoscaler
        (serving(5, 5), ()),
        (serving(5, 4), ("web 4/5",)),
        (serving(0, 0), ("web 0/1",)),  # somebody scaled it to nothing
        (serving(2, 2, updatedReplicas=1), ("web 2/2 and still rolling out",)),
        (without(side(GREEN), "web"), ("web 0/1",)),
    ],
)
def test_a_side_is_held_against_what_it_asks_for_itself(state: SideState, missing: tuple[str, ...]) -> None:
    assert not_serving(state, shop().serving()) == missing


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        (serving(5, 2), ()),  # scaled up beyond the release's own 2: the three others are starting
        (serving(5, 1), ("web 1/2",)),
        (serving(1, 1), ()),
        (serving(2, 2, updatedReplicas=1), ()),
        (serving(0, 0), ("web 0/1",)),
    ],
)
def test_what_an_autoscaler_adds_may_still_be_starting(state: SideState, missing: tuple[str, ...]) -> None:
    assert not_serving(state, shop().serving(), enough={"web": 2, "mailer": 0}) == missing


def test_a_service_declared_with_no_pods_owes_none() -> None:
    (web,) = shop().serving()
    assert not_serving(serving(0, 0), [but(web, replicas=0)]) == ()


@pytest.mark.parametrize(
    ("replicas", "ready", "none", "short"),
    [
        (2, 2, {}, {}),
        (2, 1, {}, {"web": (1, 2)}),
        (2, 0, {"web": (0, 1)}, {"web": (0, 2)}),
        (0, 0, *[{"web": (0, 1)}] * 2),
    ],
)
def test_a_side_owes_one_pod_of_each_at_least_and_what_it_asks_for_itself(
    replicas: int, ready: int, none: Any, short: Any
) -> None:
    state = serving(replicas, ready)
    assert (without_pods(shop(), None, state), short_of_itself(shop(), state)) == (none, short)


# What is remembered


def test_what_is_gone_has_no_count_and_what_shrank_keeps_its_larger_one() -> None:
    assert present_counts(without(side(BLUE), "mailer")) == {"web": 2}
    assert largest(side(BLUE), {"web": 5, "mailer": 1}) == {"web": 5, "mailer": 3}


# Services that a release adds


def adding(**carried: int) -> Record:
    """A release that adds `search` soaks on green; blue carried this."""
    blue = Occupant(images=RUN, replicas=carried, since=NOW)
    return record(active=GREEN, release=release(Phase.LIVE), sides={BLUE: blue, GREEN: Occupant(images=RUN, since=NOW)})


def test_a_side_needs_what_it_carried_and_nothing_that_a_later_release_added() -> None:
    more = shop("{name: search, role: serving, replicas: 2}", "{name: digest, role: worker, replicas: 1}")
    known = adding(web=2)
    assert counts_that_matter(more, known, BLUE) == {"web": 2}
    assert without_pods(more, known, without(side(BLUE, deployment("search")), "search")) == {}
    assert without_pods(more, known, side(BLUE, deployment("search", replicas=0))) == {}, "its manifests came with it"
    assert at_work(more.handed_over(), known, BLUE) == {"mailer": 3}
    assert counts_that_matter(more, None, BLUE) == {"web": 1, "search": 1}, "nobody knows"


def test_what_had_pods_there_is_needed_though_its_image_could_not_be_noted_when_users_left() -> None:
    """It ran before the file named it; the rest of its side noted how many it had."""
    more = shop("{name: search, role: serving, replicas: 2}", "{name: digest, role: worker, replicas: 1}")
    rested = adding(web=2, search=3, digest=1)
    assert counts_that_matter(more, rested, BLUE) == {"web": 2, "search": 3}
    assert at_work(more.workers(), rested, BLUE) == {"mailer": 3, "digest": 1}


def test_what_was_scaled_to_nothing_when_users_left_was_carried_with_nothing() -> None:
    more = shop("{name: search, role: serving, replicas: 2}")
    images = {**RUN, "search": "acme/search:1"}
    soaking = adding(web=2, search=0)
    soaking = but(soaking, sides={**soaking.sides, BLUE: but(soaking.sides[BLUE], images=images)})
    assert counts_that_matter(more, soaking, BLUE) == {"web": 2}
    assert counts_that_matter(more, but(soaking, release=None), BLUE) == {"web": 2, "search": 2}, "a side at rest"


def test_a_side_of_which_nothing_is_declared_any_more_is_no_side_that_needs_nothing() -> None:
    other = Occupant(images={"front": "acme/front:1"}, replicas={"front": 2}, since=NOW)
    renamed = but(adding(), sides={**adding().sides, BLUE: other})
    assert counts_that_matter(shop(), renamed, BLUE) == {"web": 2}


def test_what_was_taken_out_of_the_file_while_a_release_comes_up_is_not_counted() -> None:
    found = coming_up(side(GREEN, deployment(replicas=2)), {"web": 2, "gone": 1})
    assert {name: wanted for name, (_, wanted) in found.items()} == {"web": 2}


def test_pods_that_were_told_to_end_are_no_pods_to_go_back_to() -> None:
    ending = Workload("web", "shop-blue", found=True, replicas=0, ready=2, pods=2)
    assert short_of(SideState(PLACES[BLUE], {"web": ending}), {"web": 2}) == {"web": (0, 2)}
