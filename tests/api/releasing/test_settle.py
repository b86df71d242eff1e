"""Giving up the way back: judged by what the live side asks for now; no dark side stays up for ever; and a stale run's
last word names who took over."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from flipgate.core.record import record as records
from flipgate.core.record.phases import Phase, QuestionKind, Reason
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.spec.metrics import Metrics
from flipgate.core.traffic.traffic import WAY_BACK
from flipgate.core.values.base import but
from flipgate.core.values.errors import Refused
from flipgate.core.values.verdicts import Verdict
from flipgate.steps.acting.outbox import advance
from flipgate.steps.acting.world import World
from flipgate.steps.releasing import settle as settling
from flipgate.steps.releasing.flip import FLIPPABLE, need_release
from flipgate.steps.releasing.questions import need_phase
from flipgate.steps.releasing.settle import EARLY_SECONDS, need_soaked, rest_expired, settle, soak_evidence, wait_out
from tests.api.desk import LIVE, release
from tests.api.played import played
from tests.api.shop import BLUE, COUNTS, GREEN, Shop, under_lease
from tests.api.steps import SCALE_DOWN, approved, users_complain
from tests.api.wire import Answer, Handler, number, serving
from tests.core.builders import declaring

AT_REST = dict.fromkeys(COUNTS, 0)


@pytest.fixture
def world(shop: Shop) -> World:
    """The shop with a release live on green, and a person's word that blue may go to rest."""
    world = shop.gone_live()

    def approved(record: Record) -> Record:
        record = records.advance(record, Phase.SETTLING, Reason.SETTLE_APPROVED, world.now(), actor="ana")
        return but(record, outbox=())

    world.store.update(approved)
    return world


@pytest.fixture
def open_release(world: World) -> Release:
    release = world.store.read().release
    assert release
    return release


def scale(shop: Shop, name: str, count: int, *, ready: int | None = None) -> None:
    """What an autoscaler does to the live side."""
    shop.patch(f"{shop.deployments(GREEN)}/{name}", ("add", "/spec/replicas", count))
    shop.play_ready(GREEN, name, ready=ready)


def test_an_autoscaled_live_side_is_held_against_its_own_count_and_what_the_old_one_had_is_kept(
    shop: Shop, world: World, open_release: Release
) -> None:
    def carried(record: Record) -> Record:
        blue = but(record.sides[BLUE], replicas={"web": 7, "mailer": 0})
        return but(record, sides={**record.sides, BLUE: blue})

    world.store.update(carried)
    scale(shop, "web", 1)
    lines = {WAY_BACK: "kubectl patch", "team": "checkout"}
    shop.cluster.merge(shop.route_path(), {"metadata": {"annotations": lines}})
    assert soak_evidence(world, open_release)[0].verdict is Verdict.PASS
    assert under_lease(world, settle).phase is Phase.SETTLED
    assert shop.counts(BLUE) == AT_REST
    assert world.store.read().sides[BLUE].replicas == {"web": 7, "mailer": 1}, "though it was shrunk before it rested"
    assert WAY_BACK not in shop.route()["metadata"]["annotations"], "it would lead to where no pods are"


def test_what_the_old_side_is_still_busy_with_is_told_before_it_rests_and_decides_nothing(
    world: World, open_release: Release, tmp_path: Path
) -> None:
    asked: list[str] = []

    def prometheus(request: Handler) -> Answer:
        asked.extend(parse_qs(urlsplit(request.path).query)["query"])
        return 200, number("3")

    assert soak_evidence(world, open_release)[-1].answer == "unknown: not declared"
    with serving(prometheus, tmp_path) as server:
        measured = Metrics(prometheus=server.server, in_flight='busy{namespace="{namespace}"}')
        spec = but(world.application.spec, metrics=measured)
        world.application = but(world.application, spec=spec)
        shown = soak_evidence(world, open_release)[-1]
        done = under_lease(world, settle)
    assert (shown.gate, shown.verdict, shown.answer) == ("in flight on blue", Verdict.INFO, "3")
    assert done.changes[-1].message.endswith("; just before, in flight on blue: 3")
    assert asked == [f'busy{{namespace="{world.application.place_of(BLUE).namespace}"}}'] * 2


def test_the_way_back_stays_while_the_live_side_is_not_ready(shop: Shop, world: World, open_release: Release) -> None:
    for count, ready, said in ((5, 4, "web 4/5"), (0, 0, "web 0/1")):
        scale(shop, "web", count, ready=ready)
        assert soak_evidence(world, open_release)[0].verdict is Verdict.FAIL
        with pytest.raises(Refused, match=said) as refused:
            under_lease(world, settle)
        assert refused.value.reason == "LiveSideNotReady"
        assert "rollback" not in str(refused.value)
        assert f"kubectl -n {shop.name}-green get pods" in refused.value.next_command
        assert f"flipgate scale-down {shop.name}" in refused.value.next_command
        assert shop.counts(BLUE) == COUNTS


def test_a_side_left_up_goes_to_rest_once_its_time_is_over(shop: Shop) -> None:
    """After which ends a side is kept is a column of docs/phases.md."""
    world = shop.gone_live(until=Phase.DARK)
    begun = world.store.update(lambda r: but(r, release=but(r.release, changes=r.release.changes[:1]))).release
    advance(world, begun.name, Phase.SUPERSEDED, Reason.NEWER_BUILD)  # and killed before it put the side to rest
    under_lease(world, rest_expired)
    assert shop.counts(GREEN) == {"web": 2, "mailer": 0}
    world.application = declaring(world.application, policy={"keep_failed_seconds": 0})
    under_lease(world, rest_expired)
    assert shop.counts(GREEN) == AT_REST


def test_a_run_that_is_a_moment_early_waits_and_one_that_is_much_too_early_is_refused(shop_on_paper: Shop) -> None:
    world, slept = shop_on_paper.world(), list[float]()
    world.sleep = slept.append
    for left in (5.0, EARLY_SECONDS + 5):
        live = release(*LIVE, settle_after=world.now() + timedelta(seconds=left))
        world.store.update(lambda r, live=live: but(r, release=live, active=GREEN))
        wait_out(world)
    assert len(slept) == 1
    assert 4 < slept[0] <= 5.1
    with pytest.raises(Refused, match="soaks until"):
        need_soaked(world, live.name)


BACK = r"was rolled back \(RollbackRequested\) at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC by ana: users complain"


@pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds
@pytest.mark.parametrize(("looks", "first"), [("stamped_look", True), ("need_dark", False)], ids=["then", "late"])
def test_a_scale_down_that_slept_through_a_rollback_is_overtaken_and_each_look_says_by_whom(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, looks: str, first: bool
) -> None:
    """It sleeps through a whole rollback once it has looked around, or before it has the Lease."""
    live = shop.gone_live("scale down")
    release = live.store.read().release
    assert release
    look = getattr(settling, looks)

    def look_and_sleep(*args: Any) -> Any:
        monkeypatch.setattr(settling, looks, look)
        seen = look(*args) if first else None
        users_complain(shop, shop.play_all_ready)
        return seen if first else look(*args)

    approved(live, SCALE_DOWN)
    monkeypatch.setattr(settling, looks, look_and_sleep)
    with played(live) as flows:
        state = flows.scale_down(shop.name, release.name)
    assert state.name == "Overtaken"
    assert state.is_completed()
    assert re.fullmatch(rf"release {release.name} {BACK}", state.message)
    assert (shop.counts(BLUE), live.store.read().phase) == (COUNTS, Phase.ROLLED_BACK)
    assert live.store.read().release.stopped is None  # type: ignore[union-attr]

    assert re.search(BACK, settling.ended_meanwhile(live, release.name))
    for needs in (
        lambda: need_soaked(live),
        lambda: need_soaked(live, release.name),
        lambda: need_release(live, release.name, FLIPPABLE),
        lambda: need_phase(live, live.store.read(), QuestionKind.FLIP),
    ):
        with pytest.raises(Refused, match=f"release {release.name}: {BACK}"):
            needs()
