"""Builds as they really come: one event a service, at any time. None is lost, and none goes back unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flipgate.adapters import runs
from flipgate.cli import cli
from flipgate.core.record import queue
from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.queue import gather
from flipgate.core.record.record import Record, need_release
from flipgate.core.record.release import Release
from flipgate.core.spec.application import load_application
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput, Refused
from flipgate.steps.acting.outbox import advance
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.releasing import bring_up as bringing_up
from flipgate.steps.releasing.bring_up import bring_up, open_release
from flipgate.steps.releasing.queue import release_or_queue
from tests.api.played import PlayedPrefect, played
from tests.api.shop import BLUE, GREEN, Shop, advanced, under_lease

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

WEB, MAILER = {"web": "shop/web:2"}, {"mailer": "shop/mailer:2"}
BOTH = WEB | MAILER


def rolled_back(shop: Shop, world: World) -> None:
    """The release that was live has gone back, as a rollback leaves it."""
    shop.point("live", shop.namespace(BLUE))

    def back(record: Record) -> Record:
        for phase, reason in (
            (Phase.ROLLING_BACK, Reason.ROLLBACK_REQUESTED),
            (Phase.ROLLED_BACK, Reason.TRAFFIC_RESTORED),
        ):
            record = records.advance(record, phase, reason, world.now(), actor="ana")
        return but(record, active=BLUE)

    world.store.update(back)


def test_a_build_of_another_service_goes_on_with_the_release_that_nobody_has_seen(world: World) -> None:
    advanced(world, open_release(world, WEB, "ci web"), Phase.DARK)
    second = open_release(world, MAILER, "ci mailer")
    assert second.images == BOTH
    assert open_release(world, WEB, "ci web") == second, "the first build told again is part of it"


def test_what_a_person_set_on_the_live_side_meanwhile_is_not_taken_back(shop: Shop, world: World) -> None:
    open_release(world, WEB, "ci")
    pointer = "/spec/template/spec/containers/0/image"
    shop.patch(f"{shop.deployments(GREEN.other)}/mailer", ("replace", pointer, "shop/mailer:hotfix"))
    assert open_release(world, {"web": "shop/web:3"}, "ci").images["mailer"] == "shop/mailer:hotfix"


def test_two_builds_at_once_are_one_release(shop: Shop, world: World) -> None:
    cis = [shop.world("ci web"), shop.world("ci mailer")]
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(release_or_queue, cis, [WEB, MAILER], ["ci web", "ci mailer"]))
    assert all(found)
    release = world.store.read().release
    assert release is not None
    assert release.images == BOTH
    assert release in found


def test_while_users_are_on_a_release_a_build_waits_and_everybody_hears(shop: Shop) -> None:
    """In which phases that is so: tests/core/record/test_queue.py."""
    said, world = list[str](), shop.gone_live()
    release = need_release(world.store.read())
    world.say = said.append
    for _ in range(2):
        assert release_or_queue(world, MAILER, "ci 8") is None
    assert said == [
        f"{world.application.name}: mailer shop/mailer:2 waits until release {release.name} (`live`) has ended."
        " Built by ci 8"
    ]
    record = world.store.read()
    assert (record.phase, record.release and record.release.name) == (Phase.LIVE, release.name)
    assert record.queued["mailer"].image == "shop/mailer:2"


def test_what_waited_is_started_when_the_release_has_settled_and_becomes_one(
    shop: Shop, prefect: PlayedPrefect
) -> None:
    world = shop.gone_live("reconcile")
    for images in ({"web": "shop/web:3"}, MAILER, {"web": "shop/web:4"}):
        assert release_or_queue(world, images, "ci (self-declared)") is None
    with played(world) as flows:
        flows.reconcile(world, "default")
        assert prefect.of("deploy-dark") == [], "it is live still"
        live = world.store.read().release
        assert live is not None
        advance(world, live.name, Phase.SETTLING, Reason.SETTLE_APPROVED)
        advance(world, live.name, Phase.SETTLED, Reason.OLD_SIDE_AT_REST)
        for _ in range(2):
            flows.reconcile(world, "default")
        (late,) = prefect.of("deploy-dark")
        late["state_type"] = "COMPLETED"  # it found another release in the way, that has ended since
        flows.reconcile(world, "default")
        _, run = prefect.of("deploy-dark")
        assert (run["parameters"]["images"], run["parameters"]["name"]) == ({}, "ci")
        with shop.playing_ready():
            flows.deploy_dark(**run["parameters"])
    record = world.store.read()
    assert record.release is not None
    assert record.release.images == {"web": "shop/web:4", **MAILER}
    assert (record.release.phase, record.release.opened_by) == (Phase.DARK, "ci (self-declared)")
    assert record.queued == {}


def test_a_newer_build_takes_the_place_of_one_that_waited(shop: Shop) -> None:
    world = shop.gone_live()
    release_or_queue(world, {"web": "shop/web:3"}, "ci")
    rolled_back(shop, world)
    release = release_or_queue(world, {"web": "shop/web:5"}, "ci")
    assert release is not None
    assert (release.images["web"], world.store.read().queued) == ("shop/web:5", {})


def test_what_waited_and_is_live_by_now_waits_no_more(shop: Shop) -> None:
    world = shop.gone_live()
    release_or_queue(world, {"web": "shop/web:1"}, "ana")
    rolled_back(shop, world)
    assert world.store.read().queued
    with pytest.raises(Refused, match="live on blue already"):
        release_or_queue(world, {}, "ci")
    assert world.store.read().queued == {}


def test_a_run_whose_release_a_newer_build_took_over_has_ended_and_not_failed(world: World) -> None:
    from flows.opening import overtaken

    old = open_release(world, WEB, "ci")
    open_release(world, MAILER, "ci")
    with pytest.raises(Refused) as refused:
        under_lease(world, bring_up, old)
    state = overtaken(world, old.name, refused.value)
    assert state.name == "Superseded"
    assert "was superseded" in str(state.message)


EVENT = "6f1c5f8e-7f0a-4c56-9f0e-0d5f1f0d9a11"


def test_a_build_event_starts_one_deploy_however_often_it_is_told(world: World, prefect: PlayedPrefect) -> None:
    name = world.application.name
    with played(world) as flows:
        for _ in range(2):
            flows.build_completed(f"flipgate.application.{name}", {"application": name, "images": WEB}, EVENT)
    (run,) = prefect.of("deploy-dark")
    assert (run["parameters"]["application"], run["parameters"]["images"]) == (name, WEB)


def test_of_many_builds_at_once_a_few_are_deployed_and_the_newest_of_the_others_waits(
    world: World, prefect: PlayedPrefect
) -> None:
    from flows.build_completed import AT_ONCE

    name = world.application.name
    with played(world) as flows:
        for number in range(2, 12):
            images = {"web": f"shop/web:{number}"}
            flows.build_completed(f"flipgate.application.{name}", {"application": name, "images": images}, f"e{number}")
        assert len(prefect.of("deploy-dark")) == AT_ONCE
        assert {service: each.image for service, each in world.store.read().queued.items()} == {"web": "shop/web:11"}

        for run in prefect.runs:
            run["state_type"] = "COMPLETED"
        flows.reconcile(world, "default")
    (last,) = prefect.of("deploy-dark")[AT_ONCE:]
    assert last["parameters"]["images"] == {}, "all that waits"


@pytest.mark.parametrize(
    ("images", "fact"),
    [
        (["shop/web:2"], "has a list for images"),
        ({"wbe": "shop/web:2"}, 'unknown service "wbe"; did you mean "web"?'),
        ({"web": "shop/web"}, "neither tag nor digest"),
        ({}, "no image given"),
    ],
    ids=["a list", "unknown service", "no tag", "none"],
)
def test_a_build_event_that_starts_nothing_is_heard_of(
    shop_on_paper: Shop, prefect: PlayedPrefect, images: object, fact: str
) -> None:
    world, said = shop_on_paper.world(), list[str]()
    world.say = said.append
    name = shop_on_paper.name
    with played(world) as flows, pytest.raises(BadInput):
        flows.build_completed(f"flipgate.application.{name}", {"application": name, "images": images}, EVENT)
    refused = world.store.read().refused_build
    assert refused is not None
    assert fact in refused.fact
    assert fact in said[0]
    assert prefect.runs == []


def waited(shop: Shop, *more: str) -> Result:
    where = ["--kubeconfig", str(shop.kubeconfig), "-n", shop.own]
    line = ["deploy", *where, shop.name, "--image", "web=shop/web:2", "--wait", *more]
    return CliRunner().invoke(cli, line, prog_name="flipgate")


@pytest.mark.parametrize(
    ("state", "code", "said"),
    [
        ({"type": "COMPLETED", "name": "Completed"}, 0, "Completed"),
        ({"type": "COMPLETED", "name": "Superseded", "message": "release a-1 was superseded"}, 0, "was superseded"),
        ({"type": "COMPLETED", "name": "Overtaken", "message": "release a-1 was aborted by ana"}, 1, "aborted by ana"),
        ({"type": "FAILED", "name": "Failed", "message": "not Ready within 8 s: web 0/2"}, 1, "web 0/2"),
        ({"type": "CRASHED", "name": "Crashed"}, 1, "Crashed"),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_a_deploy_that_waits_ends_as_its_run_ends(
    shop_on_paper: Shop, prefect: PlayedPrefect, state: dict[str, str], code: int, said: str
) -> None:
    prefect.state = state
    result = waited(shop_on_paper)
    assert result.exit_code == code, result.output
    assert said in result.stderr


def test_a_deploy_does_not_wait_for_ever(shop_on_paper: Shop, prefect: PlayedPrefect) -> None:
    prefect.state = {"type": "RUNNING", "name": "Running"}
    result = waited(shop_on_paper, "--timeout", "0")
    assert result.exit_code == 1
    assert "has not ended within 0 s" in result.stderr
    assert len(prefect.runs) == 1, "it goes on"


def test_builds_that_come_within_the_time_to_join_are_one_release(
    shop: Shop, world: World, prefect: PlayedPrefect
) -> None:
    text = shop.text.replace("spec:\n", "spec:\n  policy: {joinBuildsSeconds: 1}\n")
    cis = [replace(each, application=load_application(text, "shop.yaml")) for each in (world, shop.world("ci 2"))]
    first, second = cis
    first.sleep = lambda _: None if world.store.read().queued.keys() == BOTH.keys() else second_comes()

    def second_comes() -> None:
        world.store.update(partial(gather, images=MAILER, by="ci 2", now=utc_now()))

    with played(first) as flows:
        assert flows.deploy_dark(shop.name, WEB) == "joined: a newer build goes on with these images"
    assert world.store.read().release is None
    with shop.playing_ready(), played(second) as flows:
        flows.deploy_dark(shop.name, MAILER)
        assert flows.deploy_dark(shop.name, {}) == "nothing to do: no image is given, and none waits"
    record = world.store.read()
    assert record.release is not None
    assert (record.release.images, record.queued) == (BOTH, {})
    assert len(world.store.history()) == 0, "no release was superseded on the way"


OTHER = {"mailer": "shop/mailer:other"}


def waiting(shop: Shop, images: dict[str, str]) -> World:
    """A World in which these images wait and may start: the release that was in their way was rolled back."""
    world = shop.gone_live("reconcile")
    assert release_or_queue(world, images, "ci") is None
    rolled_back(shop, world)
    return world


def test_what_waited_and_is_in_the_open_release_waits_no_more(world: World) -> None:
    release = open_release(world, WEB, "ci")
    world.store.update(partial(gather, images=WEB, by="ci", now=utc_now()))
    assert open_release(world, {}, "ci") == release
    assert world.store.read().queued == {}


@pytest.mark.parametrize("killed", [True, False])
def test_what_a_build_superseded_is_not_lost_before_it_has_opened_its_own(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    open_release(world, WEB, "ci web")
    create, other = bringing_up._create, shop.world("ci other")

    def late(*args: Any) -> Release:
        monkeypatch.setattr(bringing_up, "_create", create)
        if killed:
            raise KeyboardInterrupt
        open_release(other, OTHER, "ci other")
        return create(*args)

    monkeypatch.setattr(bringing_up, "_create", late)
    if killed:
        with pytest.raises(KeyboardInterrupt):
            release_or_queue(world, MAILER, "ci mailer")
    release = release_or_queue(world, MAILER, "ci mailer")
    assert release is not None
    assert release.images == BOTH


def test_runs_that_fail_each_time_are_said_and_not_started_for_ever(
    shop: Shop, prefect: PlayedPrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "RUNS_A_KEY", 2)
    world, said = waiting(shop, MAILER), list[str]()
    world.say = said.append
    with played(world) as flows:
        for _ in range(runs.RUNS_A_KEY + 1):
            flows.reconcile(world, "default")
            for run in prefect.of("deploy-dark"):
                run["state_type"] = "FAILED"
    assert len(prefect.of("deploy-dark")) == runs.RUNS_A_KEY
    record = world.store.read()
    assert queue.left(record).startswith("nobody releases what waits any more: each run that was to do it has ended")
    assert [entry.step for entry in record.journal].count("BuildsLeft") == 1, "said once"


def test_what_waited_for_a_service_that_the_file_names_no_longer_is_said_once(shop: Shop) -> None:
    world = waiting(shop, MAILER)
    services = tuple(each for each in world.application.spec.services if each.name != "mailer")
    world.application = but(world.application, spec=but(world.application.spec, services=services))
    with pytest.raises(BadInput, match="mailer shop/mailer:2 waited, and the file names no such service"):
        open_release(world, {}, "ci")
    assert world.store.read().queued == {}


@pytest.mark.parametrize("more", [(), ("--wait",)])
def test_a_deploy_says_what_to_type_next_once(
    shop_on_paper: Shop, prefect: PlayedPrefect, more: tuple[str, ...]
) -> None:
    prefect.state = {"type": "FAILED", "name": "Failed", "message": "no"}
    where = ["--kubeconfig", str(shop_on_paper.kubeconfig), "-n", shop_on_paper.own]
    line = ["deploy", *where, shop_on_paper.name, "--image", "web=shop/web:2", *more]
    result = CliRunner().invoke(cli, line, prog_name="flipgate")
    assert result.output.count("Next: ") == 1, result.output


def test_a_deploy_behind_a_release_says_what_to_type_next_once(shop: Shop, prefect: PlayedPrefect) -> None:
    shop.gone_live("reconcile")
    where = ["--kubeconfig", str(shop.kubeconfig), "-n", shop.own]
    result = CliRunner().invoke(cli, ["deploy", *where, shop.name, "--image", "web=shop/web:2"], prog_name="flipgate")
    assert result.output.count("Next: ") == 1, result.output
