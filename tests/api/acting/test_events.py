"""Kubernetes Events on the routes and the workloads: as `kubectl describe` finds them, and never in a release's way."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flipgate.adapters import events
from flipgate.core.record import record as records
from flipgate.core.record.events import KEPT
from flipgate.core.record.phases import Phase, QuestionKind, Reason
from flipgate.core.values.errors import LostLease, TemporaryError
from flipgate.core.values.sides import Side
from flipgate.steps.acting.events import write_events
from flipgate.steps.acting.outbox import advance, deliver
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing.bring_up import bring_up
from flipgate.steps.releasing.questions import pose
from flipgate.steps.releasing.setup import check_application
from lab.control.records import Lab
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, opened, told, under_lease
from tests.api.telling import Listening, heard
from tests.api.users import grant, user
from tests.api.wire import Answer, Handler, Through, serving, silence, within

DARK = ["BuildAnnounced", "ChecksPassed"]


def events_of(shop: Shop, kind: str, obj: dict[str, Any]) -> list[dict[str, Any]]:
    """An object's Events, selected as `kubectl describe` does, as the API server lists them."""
    meta = obj["metadata"]
    wanted = {"name": meta["name"], "namespace": meta["namespace"], "kind": kind, "uid": meta["uid"]}
    selector = ",".join(f"involvedObject.{key}={value}" for key, value in wanted.items())
    return shop.cluster.items(f"/api/v1/namespaces/{meta['namespace']}/events", fieldSelector=selector)


def reasons(found: list[dict[str, Any]]) -> list[str]:
    return [each["reason"] for each in found]


def on_route(shop: Shop) -> list[str]:
    return reasons(events_of(shop, "IngressRoute", shop.route()))


def on_workload(shop: Shop, side: Side, name: str = "web") -> list[str]:
    return reasons(events_of(shop, "Deployment", shop.deployment(side, name)))


def test_a_release_is_told_on_its_route_and_its_workloads_phase_by_phase(shop: Shop, world: World) -> None:
    release = opened(world)
    under_lease(world, bring_up, release)
    advance(world, release.name, Phase.DARK, Reason.CHECKS_PASSED)
    pose(world, QuestionKind.FLIP, [])
    for phase, reason in [(Phase.FLIPPING, Reason.APPROVED), (Phase.BAKING, Reason.TRAFFIC_PROVEN)]:
        advance(world, release.name, phase, reason)
    with shop.playing_ready():
        roll_back(world, "orders fail", by="ana")
    phases = [*DARK, "Approved", "TrafficProven", "RollbackRequested", "TrafficRestored"]
    on_the_route = events_of(shop, "IngressRoute", shop.route())
    assert reasons(on_the_route) == [*DARK, "DecisionWanted", *phases[2:]]
    assert [each["type"] for each in on_the_route] == ["Normal"] * 5 + ["Warning"] * 2
    assert "ana: orders fail" in on_the_route[-1]["message"]
    for name in COUNTS:
        assert on_workload(shop, GREEN, name) == phases
        assert on_workload(shop, BLUE, name) == []


def test_kubectl_shows_them(shop: Shop, world: World, lab: Lab) -> None:
    advance(world, opened(world).name, Phase.FAILED, Reason.CHECKS_FAILED, "home answers 500")

    def shown(typed: str) -> list[list[str]]:
        """The lines about reasons that kubectl prints, without their ages."""
        command = [str(lab.kubectl), "--kubeconfig", str(lab.kubeconfig), *typed.split()]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
        return [line.split() for line in done.stdout.splitlines() if "home answers" in line or "deploying" in line]

    described = shown(f"-n {shop.own} describe ingressroute live")
    assert [line[:2] for line in described] == [["Normal", "BuildAnnounced"], ["Warning", "ChecksFailed"]]
    bad = shown(f"-n {shop.namespace(GREEN)} get events --field-selector source=flipgate,type=Warning")
    assert [line[1:4] for line in bad] == [["Warning", "ChecksFailed", f"deployment/{name}"] for name in sorted(COUNTS)]


def test_what_is_told_twice_is_one_event(shop: Shop, world: World) -> None:
    opened(world)
    record = world.store.update(lambda r: records.advance(r, Phase.DARK, Reason.CHECKS_PASSED, utc_now(), actor="ana"))
    (message,) = record.outbox
    said: list[str] = []
    for actor in ("one that dies before it can note it", "another"):
        assert write_events(replace(shop.world(actor), say=said.append), record) == {message.id}
    assert on_route(shop) == on_workload(shop, GREEN) == DARK
    assert said == []


def test_with_a_chat_that_is_away_events_are_written_once_all_the_same(shop: Shop, world: World) -> None:
    world.chat = Listening(faults={"": TemporaryError("could not be told: URLError", obj="Slack")})
    told(world, opened(world), Phase.DARK)
    assert on_route(shop) == on_workload(shop, GREEN) == DARK
    kept = world.store.read().outbox
    assert [(message.reason, message.noted) for message in kept] == [(reason, True) for reason in DARK]
    for namespace in (shop.own, shop.namespace(GREEN)):
        shop.cluster.delete(f"/api/v1/namespaces/{namespace}/events")
    deliver(world, world.store.read())
    assert on_route(shop) == on_workload(shop, GREEN) == []
    assert world.store.read().outbox == kept


def test_without_the_right_to_write_events_a_release_goes_on_and_says_so(shop: Shop, tmp_path: Path) -> None:
    shop.adopted()
    robot = user(shop, tmp_path)
    denied = check_application(robot, shop.application, shop.own)
    grant(shop, [sentence for sentence in denied if " create events " not in sentence])
    world = shop.world("robot", robot)
    said = heard(world)
    told(world, opened(world), Phase.DARK)
    assert (world.store.read().phase, world.store.read().outbox) == (Phase.DARK, ())
    assert on_route(shop) == []
    faults = [line for line in said if line.startswith("no Event on ")]
    assert len(faults) == len(DARK), "one sentence each time, however many objects"
    assert f"IngressRoute {shop.own}/live (and {len(COUNTS)} more): " in faults[0]
    assert "events is forbidden" in faults[0]


def test_a_deployment_that_is_gone_stops_nothing(shop: Shop, world: World) -> None:
    release = opened(world)
    shop.cluster.delete(f"{shop.deployments(GREEN)}/web")
    another = shop.world("another")
    said = heard(another)
    told(another, release, Phase.DARK)
    assert on_route(shop) == on_workload(shop, GREEN, "mailer") == DARK
    assert len(said) == 1, "the phase itself, and nothing else"
    assert world.store.read().outbox == ()


@pytest.fixture
def busy(shop: Shop, tmp_path: Path) -> Iterator[World]:
    """The shop's world, `dark`, by an API server that takes no Events now."""
    shop.adopted()

    def no_events(method: str, path: str) -> Answer | None:
        return (503, b"busy") if method == "POST" and "/events" in path else None

    with serving(Through(shop.kubeconfig, before=no_events), tmp_path) as cluster:
        world = shop.world("ana", cluster)
        told(world, opened(world), Phase.DARK)
        yield world


def test_what_the_server_would_not_take_now_is_written_later(shop: Shop, busy: World) -> None:
    assert [message.reason for message in busy.store.read().outbox] == DARK
    world = shop.world("reconcile")
    deliver(world, world.store.read())
    assert on_route(shop) == on_workload(shop, GREEN) == DARK
    assert world.store.read().outbox == ()


def test_but_not_for_ever(shop: Shop, busy: World) -> None:
    busy.now = lambda: utc_now() + KEPT
    deliver(busy, busy.store.read())
    assert busy.store.read().outbox == ()


def test_a_server_that_swallows_events_is_not_waited_for_long(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "TIMEOUT_SECONDS", 0.2)
    release, through = opened(shop.adopted()), Through(shop.kubeconfig)

    def script(request: Handler) -> Answer | None:
        return (nothing if request.command == "POST" and "/events" in request.path else through)(request)

    with silence() as nothing, serving(script, tmp_path) as cluster, within(5):
        world = shop.world("ana", cluster)
        said = heard(world)
        told(world, release, Phase.DARK)
    assert [line for line in said if "did not answer (limit 0.2 s)" in line] == said[1:]
    assert len(said) == 2
    assert shop.world().store.read().phase is Phase.DARK


def test_nothing_is_told_of_a_change_that_the_record_did_not_take(shop: Shop, world: World) -> None:
    release = opened(world)
    world.store = world.store.with_epoch(7, shop.cluster)
    with pytest.raises(LostLease):
        advance(world, release.name, Phase.DARK, Reason.CHECKS_PASSED)
    assert on_route(shop) == on_workload(shop, GREEN) == DARK[:1]
