"""A run that fails after a yes: seen without Prefect, and gone on with or asked again, by whoever comes next."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from flipgate.adapters import lease, runs
from flipgate.adapters.store import stamp_time
from flipgate.core.record.going_on import DOORBELL
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.release import Release, Stopped
from flipgate.core.values.errors import (
    LostLease,
    Refused,
    TemporaryError,
)
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.releasing import questions
from flipgate.steps.releasing.stopped import noting_stop
from tests.api.played import PlayedPrefect, SuspendedError, played
from tests.api.shop import GREEN, Shop
from tests.api.steps import SCALE_DOWN, approved, later, status

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

FLIP = QuestionKind.FLIP
UNHEARD = DOORBELL.total_seconds() + 1


def opened(world: World) -> Release:
    release = world.store.read().release
    assert release
    return release


def stop_of(world: World) -> Stopped:
    stop = opened(world).stopped
    assert stop
    return stop


def events(shop: Shop, reason: str) -> list[str]:
    found = shop.cluster.items(f"/api/v1/namespaces/{shop.own}/events")
    return [each["message"] for each in found if each["reason"] == reason]


def doing(monkeypatch: pytest.MonkeyPatch, where: str, deed: Callable[..., object]) -> None:
    """A step that does this, wherever a flow uses it."""
    from tasks import steps

    monkeypatch.setattr(steps, where, SimpleNamespace(fn=deed))


def failing(monkeypatch: pytest.MonkeyPatch, where: str, error: Exception) -> None:
    """A step that fails so."""

    def fail(*_: Any, **__: Any) -> None:
        raise error

    doing(monkeypatch, where, fail)


# It is said


@pytest.mark.usefixtures("suspending")
def test_a_verdict_before_the_move_takes_the_yes_and_is_said_everywhere_and_to_who_is_asked_again(
    shop: Shop, dark: World
) -> None:
    approved(dark)
    name = opened(dark).name
    with played(dark, "run-7") as flows, pytest.raises(Refused, match="web: does not exist") as refused:
        flows.flip_traffic(shop.name, name)
    record = dark.store.read()
    assert (record.phase, record.question, record.approval) == (Phase.DARK, None, None)
    stop = stop_of(dark)
    assert (stop.pipeline, stop.reason, stop.withdrawn) == ("flip-traffic", refused.value.reason, True)
    assert "web: does not exist" in stop.fact
    assert shop.where() == ("blue",)

    (event,) = events(shop, "FlipStopped")
    assert "The yes of ana is void: reconcile has a person asked again within five minutes" in event
    assert [e.step for e in record.journal if e.release == name][-1] == "FlipStopped"
    told = json.loads(status(shop, shop.name, "-o", "json"))
    assert told["release"]["stopped"]["approval"] == "withdrawn"
    assert told["next"]["command"] == f"flipgate flip {shop.name}"
    assert "flip's run stopped at" in told["next"]["step"]
    assert "web: does not exist" in status(shop, shop.name)
    dark.store.write_history(opened(dark), record.journal)
    assert "FlipStopped" in [entry.step for entry in dark.store.finished(name)[1]]

    with played(dark) as flows, pytest.raises(SuspendedError):
        flows.flip_traffic(shop.name, name)
    question = dark.store.read().question
    assert question
    shown = [("other routes", "pass"), ("last attempt", "info"), ("images without pods", "info")]
    assert [(proof.gate, proof.verdict) for proof in question.evidence] == shown
    assert "web: does not exist" in question.evidence[1].detail
    assert json.loads(status(shop, shop.name, "-o", "json"))["next"]["command"].startswith(
        f"flipgate approve {shop.name}"
    )


def test_a_fault_leaves_the_yes_and_the_next_run_goes_on_with_it(
    shop: Shop, dark: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(dark)
    with monkeypatch.context() as patched:
        failing(patched, "check_again", TemporaryError("the API server gave up"))
        with played(dark) as flows, pytest.raises(TemporaryError):
            flows.flip_traffic(shop.name, opened(dark).name)
    assert dark.store.read().approval
    assert (stop_of(dark).reason, stop_of(dark).withdrawn) == ("TemporaryError", False)
    assert "the yes stands until" in json.loads(status(shop, shop.name, "-o", "json"))["next"]["step"]
    seen: list[Stopped | None] = []

    def look(acting: Acting, _: Release) -> Release:
        seen.append(opened(acting.world).stopped)
        raise Refused("so far", reason="TooFewReady")

    doing(monkeypatch, "scale_to_live", look)
    with played(dark) as flows, pytest.raises(Refused, match="so far"):
        flows.flip_traffic(shop.name, opened(dark).name)
    assert seen == [None], "it acts again, without being asked, and what stopped the run before is over"


@pytest.mark.usefixtures("suspending")
def test_a_bug_stops_a_run_too_no_suspension_does_and_what_cannot_be_noted_hides_nothing(
    shop: Shop, dark: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = opened(dark).name
    with played(dark) as flows, pytest.raises(SuspendedError):
        flows.flip_traffic(shop.name, name)
    assert opened(dark).stopped is None
    assert dark.store.read().question

    approved(dark)
    failing(monkeypatch, "scale_to_live", KeyError("web"))
    with played(dark) as flows, pytest.raises(KeyError, match="web"):
        flows.flip_traffic(shop.name, name)
    assert (stop_of(dark).reason, stop_of(dark).fact) == ("KeyError", "'web'")
    assert dark.store.read().approval, "nobody has said no"

    heard: list[str] = []
    broken = replace(dark, say=heard.append)

    def spoil(*_: Any) -> None:
        shop.write_record("garbled")
        raise KeyError("mailer")

    doing(monkeypatch, "scale_to_live", spoil)
    with played(broken) as flows, pytest.raises(KeyError, match="mailer"):
        flows.flip_traffic(shop.name, name)
    assert any("what stopped this run is not noted in the record" in line for line in heard)


@pytest.mark.parametrize("by_another", [True, False], ids=["taken over", "lost to nobody"])
def test_who_was_taken_over_notes_nothing_and_a_lease_lost_to_nobody_is_noted(
    shop: Shop, dark: World, monkeypatch: pytest.MonkeyPatch, by_another: bool
) -> None:
    def lose(*_: Any) -> None:
        if by_another:
            with shop.world("another run").acting(steal=True):
                pass
        raise LostLease("was taken over")

    approved(dark)
    doing(monkeypatch, "scale_to_live", lose)
    with played(dark) as flows, pytest.raises(LostLease):
        flows.flip_traffic(shop.name, opened(dark).name)
    assert (opened(dark).stopped is None) is by_another
    assert dark.store.read().approval


def test_a_scale_down_that_is_refused_after_a_yes_is_said_and_asked_again(
    shop: Shop, live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(live, SCALE_DOWN)
    shop.play_ready(GREEN, "web", ready=0)
    with played(live) as flows, pytest.raises(Refused, match="is not Ready"):
        flows.scale_down(shop.name, opened(live).name)
    assert (stop_of(live).pipeline, stop_of(live).reason) == ("scale-down", "LiveSideNotReady")
    assert live.store.read().question is None
    assert len(events(shop, "ScaleDownStopped")) == 1


def test_a_move_that_was_undone_is_told_once(shop: Shop, dark: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from flipgate.core.record.phases import Reason
    from flipgate.steps.acting.outbox import advance
    from flipgate.steps.releasing.flip import _undone

    error = Refused("was changed by somebody else", reason="RouteChanged", obj="IngressRoute live")

    def undone(acting: Acting) -> None:
        release = opened(acting.world)
        advance(acting.world, release.name, Phase.FLIPPING, Reason.APPROVED)
        _undone(acting, release, error)
        raise error

    approved(dark)
    doing(monkeypatch, "move_users", undone)
    with played(dark) as flows, pytest.raises(Refused, match="somebody else"):
        flows.flip_traffic(shop.name, opened(dark).name)
    assert stop_of(dark).reason == "RouteChanged"
    assert len(events(shop, "MoveUndone")) == 1
    assert events(shop, "FlipStopped") == []


# And gone on with


def reconcile(world: World) -> None:
    with played(world) as flows:
        flows.reconcile(world, "default")


def ended(run: dict[str, Any], state: str) -> None:
    run["state_type"] = state


def test_reconcile_starts_another_run_for_one_that_failed_before_anybody_was_asked(
    dark: World, prefect: PlayedPrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "RUNS_A_KEY", 2)
    for turn, state in enumerate(("FAILED", "CRASHED"), 1):
        reconcile(dark)
        assert len(prefect.of("flip-traffic")) == turn
        if turn == 1:
            reconcile(dark)
            assert len(prefect.runs) == turn, "it is on its way"
        ended(prefect.runs[-1], state)
    heard: list[str] = []
    reconcile(replace(dark, say=heard.append))
    assert len(prefect.runs) == runs.RUNS_A_KEY, "then a person has to"
    assert "2 runs of flip-traffic have ended, the last in CRASHED: none is started" in heard


def test_reconcile_leaves_a_run_that_was_ended_as_it_is(live: World, prefect: PlayedPrefect) -> None:
    """Which states those are is in tests/core/record/test_going_on.py."""
    reconcile(live)
    ended(prefect.runs[0], "CANCELLED")
    reconcile(live)
    assert len(prefect.of("scale-down")) == 1, "nobody is asked again for what they said no to"


def test_a_yes_that_no_run_has_heard_of_is_gone_on_with_once_though_prefect_shows_a_run_at_work(
    dark: World, prefect: PlayedPrefect
) -> None:
    reconcile(dark)
    ended(prefect.runs[0], "RUNNING")  # and killed, with its machine
    approved(dark)
    reconcile(dark)
    assert len(prefect.runs) == 1, "its own run may be on its way"
    late = later(dark, UNHEARD)
    reconcile(late)
    reconcile(later(dark, 3600))
    question = dark.store.read().question
    assert question
    assert [run["idempotency_key"] for run in prefect.runs[1:]] == [
        f"flip-traffic-{dark.application.name}-{question.id}"
    ]


def test_what_has_just_expired_is_not_gone_on_with_though_the_run_that_asked_had_failed(
    dark: World, prefect: PlayedPrefect
) -> None:
    """Prefect was away for as long as the question stood, and is there again."""
    reconcile(dark)
    run = prefect.runs[0]
    release = opened(dark).name
    questions.pose(dark, FLIP, [], flow_run=run["id"])
    with pytest.raises(TemporaryError), noting_stop(dark, release, "flip-traffic", run["id"]):
        raise TemporaryError("Prefect did not answer")
    ended(run, "FAILED")

    reconcile(later(dark, dark.application.spec.policy.approval_expires_seconds + 1))
    newest = dark.store.read().newest
    assert newest is not None
    assert newest.phase is Phase.EXPIRED
    assert prefect.runs == [run], "a run of no release"


def test_nothing_is_started_while_a_person_is_waited_for_nor_beside_somebody_who_is_at_work(
    shop: Shop, dark: World, prefect: PlayedPrefect, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions.pose(dark, FLIP, [])
    reconcile(later(dark, UNHEARD))
    assert prefect.runs == []

    waited = [0.0]

    def sleep(_: float) -> None:
        """So many seconds pass on the Lease's clock, and its holder renews it."""
        waited[0] += lease.SILENCE_SECONDS / 2
        path = f"/apis/coordination.k8s.io/v1/namespaces/{shop.own}/leases/flipgate-{shop.name}"
        shop.cluster.merge(path, {"spec": {"renewTime": stamp_time(utc_now())}})

    approved(dark)
    monkeypatch.setattr(lease, "time", SimpleNamespace(monotonic=lambda: waited[0], sleep=sleep))
    with shop.world("the run").acting():
        reconcile(later(dark, UNHEARD))
    assert waited[0] > lease.SILENCE_SECONDS, "it was looked for"
    assert prefect.runs == []


def deploy_again(world: World, shop: Shop) -> None:
    with played(world) as flows:
        assert flows.deploy_dark(shop.name, {"web": "shop/web:2"}) == opened(world).name


@pytest.fixture
def deployed(shop: Shop, world: World, prefect: PlayedPrefect) -> World:
    """A release that `deploy` has brought up, and its flip's run."""
    with shop.playing_ready(), played(world) as flows:
        flows.deploy_dark(shop.name, {"web": "shop/web:2"})
    assert len(prefect.of("flip-traffic")) == 1
    return world


def test_the_same_build_deployed_again_asks_again_where_the_run_will_not(
    shop: Shop, deployed: World, prefect: PlayedPrefect
) -> None:
    """After which states it will not is in tests/core/record/test_going_on.py."""
    for turn, state in enumerate(("FAILED", "CANCELLED"), 1):
        ended(prefect.runs[-1], state)
        deploy_again(deployed, shop)
        assert len(prefect.of("flip-traffic")) == turn + 1
    deploy_again(deployed, shop)
    assert len(prefect.of("flip-traffic")) == 3, "the run is on its way"


def test_the_same_build_deployed_again_leaves_a_run_that_waits_and_goes_on_with_a_yes_that_stands(
    shop: Shop, deployed: World, prefect: PlayedPrefect
) -> None:
    deploy_again(deployed, shop)
    assert len(prefect.of("flip-traffic")) == 1, "the run is on its way"
    ended(prefect.runs[-1], "PAUSED")
    for _ in range(2):
        deploy_again(deployed, shop)
        assert len(prefect.of("flip-traffic")) == 2, "the first waits for nothing"

    run = prefect.of("flip-traffic")[1]
    questions.pose(deployed, FLIP, [], flow_run=run["id"])
    ended(run, "PAUSED")
    deploy_again(deployed, shop)
    assert len(prefect.of("flip-traffic")) == 2

    approved(deployed)
    ended(run, "FAILED")
    deploy_again(deployed, shop)
    assert len(prefect.of("flip-traffic")) == 3
    assert deployed.store.read().approval
