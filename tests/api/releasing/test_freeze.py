"""Stop and go on a real API server: freezes, windows and a person's word, between the steps of played flows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flipgate.core.record import held
from flipgate.core.record.freeze import Freeze
from flipgate.core.record.going_on import DOORBELL
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.release import Release
from flipgate.core.spec.windows import Window
from flipgate.core.values.errors import Refused
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.releasing import flip as flipping
from flipgate.steps.releasing import settle as settling
from flipgate.steps.releasing.settle import settle
from tests.api.desk import Desk
from tests.api.front import fronted, saying
from tests.api.played import PlayedPrefect, SuspendedError, played
from tests.api.shop import BLUE, COUNTS, Shop, under_lease
from tests.api.steps import SCALE_DOWN, approved, later, refusing, status, users_complain
from tests.api.targets import put_endpoints, put_service
from tests.api.wire import serving
from tests.core.builders import declaring

pytestmark = pytest.mark.xdist_group("prefect")  # one process imports it, which takes seconds

FLIP = QuestionKind.FLIP
UNHEARD = DOORBELL.total_seconds() + 1
GARBLED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "freeze-all"}, "data": {"freeze.json": "{"}}


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which moves have begun: what follows is not played."""
    from types import SimpleNamespace

    from tasks import steps

    found: list[str] = []

    def begin(name: str) -> Any:
        def fn(*_: Any, **__: Any) -> None:
            found.append(name)
            raise Refused("so far", reason="TooFewReady")

        return SimpleNamespace(fn=fn)

    for name in ("scale_to_live", "settle_release"):
        monkeypatch.setattr(steps, name, begin(name))
    return found


def opened(world: World) -> Release:
    release = world.store.read().release
    assert release
    return release


def flip(world: World) -> Any:
    with played(world) as flows:
        return flows.flip_traffic(world.application.name, opened(world).name)


def reconcile(world: World) -> None:
    with played(world) as flows:
        flows.reconcile(world, "default")


def closed(world: World) -> Window:
    """A window of one minute that opens in two to three hours."""
    hour = (world.now() + timedelta(hours=2)).hour
    times = {"from": f"{hour:02}:59", "to": f"{hour + 1:02}:00"}
    window = Window.model_validate({**times, "timeZone": "UTC"})
    world.application = declaring(world.application, policy={"windows": (window,)})
    return window


def events(shop: Shop, reason: str) -> list[str]:
    """The warnings of this reason that `kubectl describe` shows."""
    found = shop.cluster.items(f"/api/v1/namespaces/{shop.own}/events")
    return [each["message"] for each in found if (each["reason"], each["type"]) == (reason, "Warning")]


def freeze(world: World) -> None:
    frozen = Freeze(by="ana (self-declared)", reason="an outage", at=utc_now())
    world.store.update(lambda record: held.freeze(record, frozen))


def test_a_yes_in_a_freeze_is_kept_its_run_ends_well_and_reconcile_goes_on_once_it_is_thawed(
    shop: Shop, dark: World, prefect: PlayedPrefect, begun: list[str]
) -> None:
    desk = Desk(shop)
    assert desk.run("freeze", shop.name, "--reason", "an outage").exit_code == 0
    approved(dark)
    state = flip(dark)
    assert (state.name, state.is_completed(), begun) == ("Held", True, [])
    assert f"{shop.name} is frozen since" in state.message
    record = dark.store.read()
    assert record.approval, "the yes stands"
    assert record.approval.unspent
    assert (record.phase, shop.where()) == (Phase.DARK, ("blue",))
    assert record.journal[-1].step == "FlipStopped"
    assert any("and the flip waits (Frozen): " in message for message in events(shop, "Frozen"))
    told = json.loads(status(shop, shop.name, "-o", "json"))
    assert (told["held"]["reason"], told["held"]["frozen"]["why"]) == ("Frozen", "an outage")
    assert "the yes stands until" in told["next"]["step"]
    assert told["next"]["command"] == f'flipgate thaw {shop.name} --reason "..."'
    assert "Frozen: " in status(shop, shop.name)

    heard: list[str] = []
    reconcile(replace(later(dark, UNHEARD), say=heard.append))
    assert prefect.runs == []
    assert any("a yes stands, and its move waits" in line for line in heard)

    assert desk.run("thaw", shop.name, "--reason", "over").exit_code == 0
    reconcile(later(dark, UNHEARD))
    reconcile(later(dark, UNHEARD + 300))
    (run,) = prefect.of("flip-traffic")
    assert "-held-" in run["idempotency_key"]
    with pytest.raises(Refused, match="so far"):
        flip(dark)
    assert begun == ["scale_to_live"]


def test_a_yes_that_expires_in_a_freeze_is_seen_to(shop: Shop, dark: World, prefect: PlayedPrefect) -> None:
    approved(dark)
    freeze(dark)
    over = later(dark, dark.application.spec.policy.approval_expires_seconds + 1)
    reconcile(over)
    assert len(prefect.of("flip-traffic")) == 1, "it closes the release, whatever is frozen"
    state = flip(over)
    assert state.name == "Expired"


@pytest.mark.usefixtures("suspending")
def test_whoever_is_asked_in_a_freeze_is_told_of_it(shop: Shop, dark: World) -> None:
    freeze(dark)
    window = closed(dark)
    with pytest.raises(SuspendedError):
        flip(dark)
    question = dark.store.read().question
    assert question
    (shown,) = [proof for proof in question.evidence if proof.gate == "held back"]
    assert shown.verdict == "info"
    assert "frozen since" in shown.detail
    assert f"the next opens {window.next_open(dark.now()):%Y-%m-%d %H:%M} UTC" in shown.detail


def test_all_are_frozen_by_one_command_and_what_cannot_be_read_holds_back_until_it_is_thawed(
    shop: Shop, dark: World, begun: list[str]
) -> None:
    desk = Desk(shop)
    approved(dark)
    first = desk.data("freeze", "--reason", "an upgrade")
    again = desk.data("freeze", "--reason", "another")
    assert (first["changed"], again["changed"], again["reason"]) == (True, False, "an upgrade")
    assert flip(dark).message.startswith("is held back: all applications are frozen since")
    assert desk.data("thaw", "--reason", "over")["reason"] == "an upgrade"
    assert desk.data("thaw", "--reason", "over")["changed"] is False

    shop.cluster.create(shop.config_maps, GARBLED)
    assert flip(dark).message.startswith("is held back: whether all applications are frozen is not known")
    told = json.loads(status(shop, shop.name, "-o", "json"))
    assert [c["status"] for c in told["conditions"] if c["type"] == "Held"] == ["Unknown"]
    assert begun == []
    assert desk.data("thaw", "--reason", "over")["changed"] is True
    with pytest.raises(Refused, match="so far"):
        flip(dark)
    assert begun == ["scale_to_live"]


def test_outside_of_its_windows_a_move_waits_and_status_says_until_when(
    shop: Shop, dark: World, begun: list[str], prefect: PlayedPrefect
) -> None:
    approved(dark)
    window = closed(dark)
    assert "no window is open now" in flip(dark).message
    opens = window.next_open(dark.now())
    before, inside = opens - timedelta(seconds=1), opens + timedelta(seconds=1)
    for when in (before, inside):
        reconcile(replace(dark, now=lambda when=when: when))
        assert len(prefect.of("flip-traffic")) == (when is inside)


def test_rolling_back_is_never_held_up(shop: Shop) -> None:
    live = shop.gone_live()
    closed(live)
    freeze(live)
    shop.cluster.create(shop.config_maps, GARBLED)
    done = users_complain(shop, shop.play_all_ready)
    assert (done.to, shop.where()) == (BLUE, ("blue",))
    assert live.store.read().frozen, "and it stays frozen"


def test_a_freeze_that_is_written_right_before_the_old_side_rests_holds_it(
    shop: Shop, live: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(live, SCALE_DOWN)
    looked = settling.need_restable

    def look_and_freeze(*arguments: Any, **more: Any) -> None:
        looked(*arguments, **more)
        freeze(live)

    monkeypatch.setattr(settling, "need_restable", look_and_freeze)
    with refusing("Frozen"):
        under_lease(live, settle)
    record = live.store.read()
    assert (record.phase, shop.counts(BLUE)) == (Phase.LIVE, COUNTS)
    assert record.approval
    assert record.approval.unspent


def test_a_freeze_that_is_written_right_before_users_move_holds_them(
    shop: Shop, dark: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_service(shop, {"name": "http", "port": 80})
    put_endpoints(shop, True)
    approved(dark)
    counted = flipping.need_counts

    def count_and_freeze(*arguments: Any) -> None:
        counted(*arguments)
        freeze(dark)

    monkeypatch.setattr(flipping, "need_counts", count_and_freeze)
    with serving(fronted(shop, saying("X-Served-Side: blue")), tmp_path) as cluster, refusing("Frozen"):
        under_lease(shop.world("pipeline", cluster), flipping.flip)
    record = dark.store.read()
    assert (record.phase, shop.where(), record.open_entry) == (Phase.DARK, ("blue",), None)
    assert record.approval
    assert record.approval.unspent


def test_a_held_scale_down_keeps_its_yes_and_what_has_begun_is_finished(
    shop: Shop, live: World, begun: list[str]
) -> None:
    approved(live, SCALE_DOWN)
    freeze(live)
    with played(live) as flows:
        assert flows.scale_down(shop.name, opened(live).name).name == "Held"
    assert live.store.read().approval
    assert begun == []

    from flipgate.core.record.phases import Reason
    from flipgate.steps.acting.outbox import advance

    advance(live, opened(live).name, Phase.SETTLING, Reason.SETTLE_APPROVED)
    with played(live) as flows, pytest.raises(Refused, match="so far"):
        flows.scale_down(shop.name, opened(live).name)
    assert begun == ["settle_release"]


def test_a_word_passes_a_freeze_and_a_closed_window_and_everybody_hears(
    shop: Shop, dark: World, begun: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flipgate.steps.releasing.doorbell.wake", lambda *_: "")
    desk = Desk(shop)
    freeze(dark)
    closed(dark)
    assert flip_asks(dark) is None
    assert desk.run("approve", shop.name, "--break-glass").exit_code == 2, "it needs a reason"
    said = desk.run("approve", shop.name, "--break-glass", "--reason", "users cannot pay")
    assert said.exit_code == 0, said.output
    assert "BREAK-GLASS by" in said.stdout
    with pytest.raises(Refused, match="so far"):
        flip(dark)
    assert begun == ["scale_to_live"]
    told = json.loads(status(shop, shop.name, "-o", "json"))
    assert told["breakGlass"]["reason"] == "users cannot pay"
    assert "BREAK-GLASS: the flip passes it" in status(shop, shop.name)
    assert any("BREAK-GLASS by" in message for message in events(shop, "BreakGlass"))
    history = [each.decision for each in opened(dark).decisions]
    assert history == ["break-glass", "approve"]


def flip_asks(world: World) -> None:
    from flipgate.steps.releasing import questions

    questions.pose(world, FLIP, [])


def test_a_word_by_flip_is_no_yes_and_without_a_reason_it_is_none(
    shop: Shop, dark: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flipgate.core.record.going_on import Run

    monkeypatch.setattr("flipgate.adapters.runs.start", lambda *_, **__: Run("r", "flip", ""))
    desk = Desk(shop)
    assert desk.run("flip", shop.name, "--reason", "hurry").exit_code == 2
    assert desk.run("flip", shop.name, "--break-glass").exit_code == 2
    assert desk.run("flip", shop.name, "--break-glass", "--reason", "hurry").exit_code == 0
    record = dark.store.read()
    assert record.glass
    assert record.approval is None
    assert desk.refused("scale-down", shop.name, "--break-glass", "--reason", "hurry") == "WrongPhase"
